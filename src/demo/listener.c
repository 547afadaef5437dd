/* See listener.h. It has a curl multi handle of its own: http/transport.h is made for requests
 * with an end, these streams have none. */
#include "demo/listener.h"

#include "base/arena.h"
#include "base/compiler.h"
#include "demo/sse.h"
#include "value/capture.h"
#include "value/json.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { URL_MAX = 1024, CONNECT_MS = 10000, REFUSAL_MAX = 400, ARENA_MAX = 4 << 20 };

enum field { FIELD_ID, FIELD_NAME, FIELD_DATA, FIELD_COUNT };

struct stream {
    struct kb_listener *listener;
    size_t channel;
    CURL *easy;
    struct kb_sse sse;
    bool open; /* answered with 200 */
    char error[CURL_ERROR_SIZE];
    char refusal[REFUSAL_MAX]; /* the body of any other answer, as much as fits */
    size_t refusal_len;
};

struct kb_listener {
    struct kb_listener_options options;
    CURLM *multi;
    struct stream *streams;
    struct kb_paths *paths; /* the fields of a message: FIELD_ID is path 0 ... */
    struct kb_arena arena;  /* one message's fields */
    bool broken;            /* a message made no sense; `err` says why */
    struct kb_err err;
};

/* ------------------------------------------------------------------ what arrives */

static struct kb_slice field(const struct kb_capture *capture, enum field which)
{
    const struct kb_scalar *found = kb_capture_get(capture, which);
    return found->kind == KB_SCALAR_STRING ? found->text : (struct kb_slice){NULL, 0};
}

static void on_event(void *context, struct kb_slice type, struct kb_slice data)
{
    struct stream *stream = context;
    struct kb_listener *listener = stream->listener;
    const char *channel = listener->options.channels[stream->channel];
    struct kb_capture capture;

    if (kb_slice_is(type, "error")) {
        kb_err_fatal(&listener->err, "the stream of %s: " KB_FMT, channel, KB_ARG(data));
        listener->broken = true;
    }
    if (listener->broken || !kb_slice_is(type, "message"))
        return;
    kb_arena_reset(&listener->arena);
    listener->broken = !kb_capture_init(&capture, listener->paths, &listener->arena);
    if (listener->broken)
        kb_err_fatal(&listener->err, "out of memory for a message");
    else if (!kb_json_read(data, &capture.events, &listener->err))
        listener->broken = !kb_err_wrap(&listener->err, "a message of %s is no JSON", channel);
    if (listener->broken)
        return;
    struct kb_listener_message message = {.channel = stream->channel,
        .id = field(&capture, FIELD_ID),
        .name = field(&capture, FIELD_NAME),
        .data = field(&capture, FIELD_DATA)};
    listener->options.on_message(listener->options.context, &message);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct stream *stream = context;
    long status = 0;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        size_t room = sizeof(stream->refusal) - stream->refusal_len;
        size_t len = size * n < room ? size * n : room;
        memcpy(stream->refusal + stream->refusal_len, bytes, len);
        stream->refusal_len += len;
        return size * n;
    }
    return kb_sse_feed(&stream->sse, (struct kb_slice){bytes, size * n}) ? size * n : 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *context)
{
    struct stream *stream = context;
    struct kb_slice line = {bytes, size * n};
    long status = 0;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && (kb_slice_is(line, "\r\n") || kb_slice_is(line, "\n")))
        stream->open = true;
    return size * n;
}

/* ------------------------------------------------------------------ streams */

static bool set_up(struct stream *stream)
{
    const struct kb_listener_options *options = &stream->listener->options;
    CURL *easy = stream->easy;
    char url[URL_MAX];
    char *name = curl_easy_escape(easy, options->channels[stream->channel], 0);
    int len = snprintf(url, sizeof(url), "%s/sse?channel=%s&v=1.1", options->url, name ? name : "");
    bool ok = name && len > 0 && (size_t)len < sizeof(url);
    curl_free(name);

    curl_easy_setopt(easy, CURLOPT_PRIVATE, stream);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kably-demo/" KABLY_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    return ok && curl_easy_setopt(easy, CURLOPT_USERPWD, options->key) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

static bool open_stream(struct kb_listener *listener, size_t channel)
{
    struct stream *stream = &listener->streams[channel];
    stream->listener = listener;
    stream->channel = channel;
    kb_sse_init(&stream->sse, on_event, stream);
    stream->easy = curl_easy_init();
    return stream->easy && set_up(stream) &&
           curl_multi_add_handle(listener->multi, stream->easy) == CURLM_OK;
}

static bool name_fields(struct kb_listener *listener)
{
    static const char *const names[FIELD_COUNT] = {"id", "name", "data"};
    listener->paths = kb_paths_new();
    bool ok = listener->paths != NULL;
    for (size_t i = 0; ok && i < FIELD_COUNT; i++) {
        struct kb_path_step step = {.name = kb_slice_of(names[i])};
        ok = kb_paths_add(listener->paths, &step, 1) == i;
    }
    return ok;
}

struct kb_listener *kb_listener_new(const struct kb_listener_options *options, struct kb_err *err)
{
    struct kb_listener *listener = calloc(1, sizeof(*listener));
    bool ok = listener != NULL;
    if (ok) {
        listener->options = *options;
        kb_arena_init(&listener->arena, ARENA_MAX);
        listener->multi = curl_multi_init();
        listener->streams = calloc(options->n_channels, sizeof(*listener->streams));
        ok = listener->multi && listener->streams && name_fields(listener);
    }
    for (size_t i = 0; ok && i < options->n_channels; i++)
        ok = open_stream(listener, i);
    if (ok)
        return listener;
    kb_err_fatal(err, "the subscriber: out of memory");
    kb_listener_free(listener);
    return NULL;
}

void kb_listener_free(struct kb_listener *listener)
{
    if (!listener)
        return;
    for (size_t i = 0; listener->streams && i < listener->options.n_channels; i++) {
        struct stream *stream = &listener->streams[i];
        if (!stream->listener)
            break;
        if (stream->easy) {
            curl_multi_remove_handle(listener->multi, stream->easy);
            curl_easy_cleanup(stream->easy);
        }
        kb_sse_deinit(&stream->sse);
    }
    if (listener->multi)
        curl_multi_cleanup(listener->multi);
    kb_paths_free(listener->paths);
    kb_arena_deinit(&listener->arena);
    free(listener->streams);
    free(listener);
}

bool kb_listener_ready(const struct kb_listener *listener)
{
    for (size_t i = 0; i < listener->options.n_channels; i++)
        if (!listener->streams[i].open)
            return false;
    return true;
}

/* A stream that has ended, for whatever reason. */
static bool fail_ended(struct kb_listener *listener, CURL *easy, CURLcode code, struct kb_err *err)
{
    struct stream *stream = NULL;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&stream);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const char *channel = listener->options.channels[stream->channel];
    if (code == CURLE_OK && status != 200)
        return kb_err_fatal(err, "the stream of %s was refused with status %ld: %.*s", channel,
            status, (int)stream->refusal_len, stream->refusal);
    return kb_err_fatal(err, "the stream of %s from %s ended: %s", channel, listener->options.url,
        stream->error[0] ? stream->error : curl_easy_strerror(code));
}

bool kb_listener_turn(struct kb_listener *listener, int wait_ms, struct kb_err *err)
{
    int running, left;
    if (curl_multi_poll(listener->multi, NULL, 0, wait_ms, NULL) != CURLM_OK ||
        curl_multi_perform(listener->multi, &running) != CURLM_OK)
        return kb_err_fatal(err, "the subscriber: curl has no memory left");
    if (listener->broken) {
        *err = listener->err;
        return false;
    }
    CURLMsg *message = curl_multi_info_read(listener->multi, &left);
    return !message || fail_ended(listener, message->easy_handle, message->data.result, err);
}
