/* curl's multi interface behind the transport's door; see curl_transport.h. One transfer per
 * request in flight, each with an easy handle that is reused: its constant options are set once,
 * and its header list is rebuilt only when the caller's headers have changed. The body is pulled
 * from the caller straight into curl's buffer. */
#include "http/curl_transport.h"

#include "base/buf.h"

#include <curl/curl.h>
#include <strings.h>

#define HEADERS_MAX (64u << 10) /* of one reply */
#define WAIT_FDS 16
#define OPTION_TEXTS 7
/* A host that moves is followed within a minute: one of the other behind the other, at the worst.
 */
#define DNS_CACHE_SECONDS 25L
#define CONNECTION_SECONDS 30L

/* A header value: a part of the transfer's header text, which moves while it grows. */
struct part {
    size_t at, len;
    bool there;
};

struct transfer {
    struct curl_transport *owner;
    struct transfer *next;    /* idle, or ended */
    CURLcode code;            /* ended: how */
    struct transfer *sibling; /* of all there are */
    CURL *easy;
    struct kb_http_request *req;
    struct curl_slist *headers;
    const char *const *headers_from; /* what `headers` was made of */
    uint64_t headers_version;
    struct kb_buf body, header_text;
    struct part content_type, retry_after, server, error_code, error_message;
    bool truncated;
    bool answered;   /* a byte has come */
    bool head_ended; /* the empty line behind the headers has come */
    bool stale;      /* made with older options */
    char error[CURL_ERROR_SIZE];
};

struct curl_transport {
    struct kb_transport door;    /* first: the door is this */
    CURLM *multi;                /* one for all doors that stand beside each other... */
    struct curl_transport *main; /* ...which is the one of the first: this itself, or that */
    struct transfer *all, *idle;
    struct transfer *ended;         /* not given to the caller yet */
    struct transfer *given;         /* its reply is being read by the caller */
    bool performed;                 /* in this round of done() */
    bool fresh;                     /* submitted since curl last ran */
    struct kb_curl_options options; /* its texts are its own */
};

bool kb_curl_global_init(struct kb_err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return kb_err_fatal(err, "libcurl can't be initialised: %s", curl_easy_strerror(code));
    return true;
}

/* ---- what curl calls ---- */

static size_t on_read(char *room, size_t size, size_t n, void *context)
{
    struct kb_http_request *req = ((struct transfer *)context)->req;
    return req->read(req, room, size * n);
}

/* curl sends a body again from the start, when a kept connection turns out to be dead. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct kb_http_request *req = ((struct transfer *)context)->req;
    if (offset != 0 || origin != SEEK_SET || !req->rewind)
        return CURL_SEEKFUNC_CANTSEEK;
    req->rewind(req);
    return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * n, room = transfer->req->max_reply - transfer->body.len;
    transfer->truncated = len > room;
    kb_buf_add(&transfer->body, (struct kb_slice){bytes, len < room ? len : room});
    return transfer->truncated || transfer->body.failed ? 0 : len;
}

static void keep_header(
    struct transfer *transfer, struct kb_slice line, const char *name, struct part *part)
{
    size_t len = strlen(name);
    if (line.len < len || strncasecmp(line.ptr, name, len) != 0)
        return;
    struct kb_slice value = {line.ptr + len, line.len - len};
    for (; value.len > 0 && (*value.ptr == ' ' || *value.ptr == '\t'); value.ptr++)
        value.len--;
    while (value.len > 0 && strchr(" \t\r\n", value.ptr[value.len - 1]))
        value.len--;
    size_t at = transfer->header_text.len;
    kb_buf_add(&transfer->header_text, value);
    *part = (struct part){at, value.len, !transfer->header_text.failed};
}

static void forget_headers(struct transfer *transfer)
{
    kb_buf_reset(&transfer->header_text);
    transfer->head_ended = false;
    transfer->content_type = transfer->retry_after = transfer->server = transfer->error_code =
        transfer->error_message = (struct part){0};
}

static size_t on_header(char *bytes, size_t size, size_t n, void *context)
{
    struct transfer *transfer = context;
    struct kb_slice line = {bytes, size * n};
    transfer->answered = true;
    if (kb_slice_starts(line, KB_S("HTTP/")))
        forget_headers(transfer); /* what came before was an interim answer's */
    else if (kb_slice_eq(line, KB_S("\r\n")) || kb_slice_eq(line, KB_S("\n")))
        transfer->head_ended = true;
    keep_header(transfer, line, "content-type:", &transfer->content_type);
    keep_header(transfer, line, "retry-after:", &transfer->retry_after);
    keep_header(transfer, line, "server:", &transfer->server);
    keep_header(transfer, line, "x-ably-errorcode:", &transfer->error_code);
    keep_header(transfer, line, "x-ably-errormessage:", &transfer->error_message);
    return line.len;
}

/* ---- transfers ---- */

static void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    kb_buf_deinit(&transfer->body);
    kb_buf_deinit(&transfer->header_text);
    free(transfer);
}

/* Basic or Digest, as the proxy asks. The password is in the proxy's URL; curl takes it from there.
 */
static void setup_proxy(CURL *easy, const struct kb_curl_options *options)
{
    if (options->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy);
    if (options->no_proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, options->no_proxy);
    curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
}

static void setup_certificate(CURL *easy, const struct kb_curl_options *options)
{
    if (!options->cert_file)
        return;
    curl_easy_setopt(easy, CURLOPT_SSLCERT, options->cert_file);
    curl_easy_setopt(
        easy, CURLOPT_SSLKEY, options->key_file ? options->key_file : options->cert_file);
    if (options->key_password)
        curl_easy_setopt(easy, CURLOPT_KEYPASSWD, options->key_password);
}

/* The options that never change. */
static void transfer_setup(struct transfer *transfer, const struct kb_curl_options *options)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_SECONDS);
    setup_proxy(easy, options);
    setup_certificate(easy, options);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    if (options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);         /* else the system's count as well */
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* a renewed file is seen at once */
    }
}

/* Back to how it was made, with the options of now. */
static void transfer_renew(struct transfer *transfer, const struct kb_curl_options *options)
{
    curl_easy_reset(transfer->easy);
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    transfer->stale = false;
    transfer_setup(transfer, options);
}

static struct transfer *transfer_new(struct curl_transport *tr)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return NULL;
    kb_buf_init(&transfer->header_text, HEADERS_MAX);
    transfer->easy = curl_easy_init();
    if (!transfer->easy) {
        transfer_free(transfer);
        return NULL;
    }
    transfer_setup(transfer, &tr->options);
    transfer->owner = tr;
    transfer->sibling = tr->all;
    tr->all = transfer;
    return transfer;
}

/* `Expect:` empty keeps curl from asking before it sends a large body. */
static bool set_headers(struct transfer *transfer, const struct kb_http_request *req)
{
    if (transfer->headers && transfer->headers_from == req->headers &&
        transfer->headers_version == req->headers_version)
        return true;
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool ok = list != NULL;
    for (const char *const *line = req->headers; ok && line && *line; line++)
        ok = curl_slist_append(list, *line) != NULL;
    if (!ok) {
        curl_slist_free_all(list);
        return false;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(transfer->headers);
    transfer->headers = list;
    transfer->headers_from = req->headers;
    transfer->headers_version = req->headers_version;
    return true;
}

static bool transfer_begin(struct transfer *transfer, struct kb_http_request *req)
{
    CURL *easy = transfer->easy;
    bool get = strcmp(req->method, "GET") == 0;
    KB_BUG_ON(!get && strcmp(req->method, "POST") != 0);
    transfer->req = req;
    transfer->truncated = transfer->answered = false;
    transfer->error[0] = '\0';
    forget_headers(transfer);
    kb_buf_reset(&transfer->body);
    transfer->body.max = req->max_reply;
    curl_easy_setopt(easy, get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    if (!get)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)req->open_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, req->fresh ? 1L : 0L);
    return curl_easy_setopt(easy, CURLOPT_URL, req->url) == CURLE_OK && set_headers(transfer, req);
}

static void recycle(struct curl_transport *tr, struct transfer *transfer)
{
    transfer->req = NULL;
    transfer->next = tr->idle;
    tr->idle = transfer;
}

static bool curl_submit(struct kb_transport *door, struct kb_http_request *req, struct kb_err *err)
{
    struct curl_transport *tr = (struct curl_transport *)door;
    struct transfer *transfer = tr->idle;
    if (transfer)
        tr->idle = transfer->next;
    if (transfer && transfer->stale)
        transfer_renew(transfer, &tr->options);
    if (!transfer)
        transfer = transfer_new(tr);
    if (!transfer)
        return kb_err_outage(err, "no memory for an HTTP request");
    if (!transfer_begin(transfer, req) ||
        curl_multi_add_handle(tr->multi, transfer->easy) != CURLM_OK) {
        recycle(tr, transfer);
        return kb_err_outage(err, "no memory for an HTTP request");
    }
    req->handle = transfer;
    tr->main->fresh = true;
    return true;
}

/* ---- the end of a transfer ---- */

static struct kb_slice slice_of(const struct transfer *transfer, struct part part)
{
    if (!part.there)
        return (struct kb_slice){NULL, 0};
    return (struct kb_slice){kb_buf_slice(&transfer->header_text).ptr + part.at, part.len};
}

/* host:port of a URL, without user and password. */
static struct kb_slice host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    const char *end = start + strcspn(start, "/?#");
    const char *at = memrchr(start, '@', (size_t)(end - start));
    start = at ? at + 1 : start;
    return (struct kb_slice){start, (size_t)(end - start)};
}

/* What OpenSSL found wrong with a certificate, by its numbers (X509_V_ERR_...). */
enum {
    NOT_YET_VALID = 9,
    HAS_EXPIRED = 10,
    SELF_SIGNED = 18,
    SELF_SIGNED_IN_CHAIN = 19,
    NO_LOCAL_ISSUER = 20,
    NO_ISSUER = 21,
};

/* What to do about a failure of TLS, for the end of its line; "" = the library's text must do. */
static const char *tls_help(CURLcode code, long found)
{
    if (code == CURLE_SSL_CACERT_BADFILE)
        return " (correct ca_file, or install the package ca-certificates)";
    if (code == CURLE_SSL_CONNECT_ERROR)
        return " (no TLS there? look at endpoint and port)";
    if (code != CURLE_PEER_FAILED_VERIFICATION)
        return "";
    switch (found) {
    case NOT_YET_VALID:
    case HAS_EXPIRED:
        return " (the server needs another certificate, or this machine's clock is wrong)";
    case SELF_SIGNED:
    case SELF_SIGNED_IN_CHAIN:
    case NO_LOCAL_ISSUER:
    case NO_ISSUER:
        return " (signed by nobody that is trusted here: name its authority in ca_file)";
    default:
        return " (is endpoint the name that the certificate is for?)";
    }
}

static void fill_reply(struct transfer *transfer, CURLcode code)
{
    struct kb_http_reply *reply = &transfer->req->reply;
    long status = 0, sent = 0, found = 0, opened = 0, proxy_status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &found);
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &opened);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    *reply = (struct kb_http_reply){
        .body = kb_buf_slice(&transfer->body),
        .truncated = transfer->truncated,
        .headers = {slice_of(transfer, transfer->content_type),
            slice_of(transfer, transfer->retry_after), slice_of(transfer, transfer->server),
            slice_of(transfer, transfer->error_code), slice_of(transfer, transfer->error_message)},
        .connected = sent > 0,
    };
    if (code == CURLE_OK && !transfer->head_ended)
        code = CURLE_PARTIAL_FILE; /* curl takes a connection closed among the headers for an end */
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer->truncated)) {
        reply->status = (int)status;
        return;
    }
    kb_err_outage(&reply->err, KB_FMT ": %s%s", KB_ARG(host_of(transfer->req->url)),
        transfer->error[0] ? transfer->error : curl_easy_strerror(code), tls_help(code, found));
    reply->err.code = (int)code;
    reply->stale =
        opened == 0 && !transfer->answered &&
        (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
    reply->local =
        code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY || proxy_status >= 400;
}

/* Sorts what has ended to the doors it was submitted through. */
static void collect_ended(struct curl_transport *tr)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(tr->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(tr->multi, transfer->easy);
        transfer->code = code;
        transfer->next = transfer->owner->ended;
        transfer->owner->ended = transfer;
    }
}

static struct kb_http_request *take_ended(struct curl_transport *tr)
{
    collect_ended(tr);
    struct transfer *transfer = tr->ended;
    if (!transfer)
        return NULL;
    tr->ended = transfer->next;
    fill_reply(transfer, transfer->code);
    tr->given = transfer;
    return transfer->req;
}

static void run(struct curl_transport *tr)
{
    int running;
    tr->main->fresh = false;
    curl_multi_perform(tr->multi, &running);
}

static void take_back(struct curl_transport *tr)
{
    if (tr->given)
        recycle(tr, tr->given);
    tr->given = NULL;
}

static struct kb_http_request *curl_done(struct kb_transport *door)
{
    struct curl_transport *tr = (struct curl_transport *)door;
    take_back(tr);
    if (!tr->performed)
        run(tr);
    struct kb_http_request *req = take_ended(tr);
    tr->performed = req != NULL;
    return req;
}

static void curl_cancel(struct kb_transport *door, struct kb_http_request *req)
{
    struct curl_transport *tr = (struct curl_transport *)door;
    struct transfer *transfer = req->handle;
    if (transfer == tr->given || transfer->req != req)
        return; /* it had ended */
    curl_multi_remove_handle(tr->multi, transfer->easy);
    for (struct transfer **link = &tr->ended; *link; link = &(*link)->next) {
        if (*link == transfer) {
            *link = transfer->next;
            break;
        }
    }
    recycle(tr, transfer);
}

void kb_curl_wait(struct kb_transport *door, const int *fds, size_t n_fds, int timeout_ms)
{
    struct curl_transport *tr = (struct curl_transport *)door;
    struct curl_waitfd waits[WAIT_FDS];
    KB_BUG_ON(n_fds > WAIT_FDS);
    for (size_t i = 0; i < n_fds; i++)
        waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    if (tr->fresh)
        run(tr); /* what was just submitted is on its way before we sleep */
    curl_multi_poll(tr->multi, waits, (unsigned)n_fds, timeout_ms, NULL);
}

/* ---- begin and end ---- */

static const struct kb_transport_ops curl_ops = {curl_submit, curl_done, curl_cancel};

/* The texts of options, in one order. */
static void list_texts(struct kb_curl_options *options, const char **texts[OPTION_TEXTS])
{
    const char **all[OPTION_TEXTS] = {&options->user_agent, &options->ca_file, &options->cert_file,
        &options->key_file, &options->key_password, &options->proxy, &options->no_proxy};
    memcpy(texts, all, sizeof(all));
}

static void free_options(struct kb_curl_options *options)
{
    const char **texts[OPTION_TEXTS];
    list_texts(options, texts);
    for (size_t i = 0; i < OPTION_TEXTS; i++)
        free((char *)*texts[i]);
}

static bool copy_options(struct kb_curl_options *to, const struct kb_curl_options *from)
{
    const char **texts[OPTION_TEXTS];
    bool ok = true;
    *to = *from;
    list_texts(to, texts);
    for (size_t i = 0; i < OPTION_TEXTS; i++) {
        const char *given = *texts[i];
        *texts[i] = given ? strdup(given) : NULL;
        ok = ok && (*texts[i] || !given);
    }
    return ok;
}

/* A door to `main`'s multi handle, or to one of its own. */
static struct kb_transport *open_door(
    const struct kb_curl_options *options, struct curl_transport *main, struct kb_err *err)
{
    struct curl_transport *tr = calloc(1, sizeof(*tr));
    if (!tr) {
        kb_err_fatal(err, "no memory for HTTP");
        return NULL;
    }
    tr->door.ops = &curl_ops;
    tr->main = main ? main : tr;
    tr->multi = main ? main->multi : curl_multi_init();
    if (!tr->multi || !copy_options(&tr->options, options)) {
        kb_curl_free(&tr->door);
        kb_err_fatal(err, "no memory for HTTP");
        return NULL;
    }
    return &tr->door;
}

struct kb_transport *kb_curl_new(const struct kb_curl_options *options, struct kb_err *err)
{
    struct kb_transport *door = open_door(options, NULL, err);
    if (door)
        curl_multi_setopt(((struct curl_transport *)door)->multi, CURLMOPT_MAXCONNECTS,
            (long)options->max_connections);
    return door;
}

struct kb_transport *kb_curl_beside(
    struct kb_transport *door, const struct kb_curl_options *options, struct kb_err *err)
{
    return open_door(options, (struct curl_transport *)door, err);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_texts(const struct kb_curl_options *a, const struct kb_curl_options *b)
{
    struct kb_curl_options left = *a, right = *b;
    const char **lefts[OPTION_TEXTS], **rights[OPTION_TEXTS];
    bool same = true;
    list_texts(&left, lefts);
    list_texts(&right, rights);
    for (size_t i = 0; i < OPTION_TEXTS; i++)
        same = same && same_text(*lefts[i], *rights[i]);
    return same;
}

/* curl shares a kept connection only where authorities, certificate and proxy are the same. */
bool kb_curl_change(
    struct kb_transport *door, const struct kb_curl_options *options, struct kb_err *err)
{
    struct curl_transport *tr = (struct curl_transport *)door;
    if (!same_texts(&tr->options, options)) {
        struct kb_curl_options fresh;
        if (!copy_options(&fresh, options)) {
            free_options(&fresh);
            return kb_err_fatal(err, "no memory for HTTP");
        }
        free_options(&tr->options);
        tr->options = fresh;
        for (struct transfer *transfer = tr->all; transfer; transfer = transfer->sibling)
            transfer->stale = true;
    }
    tr->options.max_connections = options->max_connections;
    curl_multi_setopt(tr->multi, CURLMOPT_MAXCONNECTS, (long)options->max_connections);
    return true;
}

void kb_curl_free(struct kb_transport *door)
{
    struct curl_transport *tr = (struct curl_transport *)door;
    if (!tr)
        return;
    for (struct transfer *transfer = tr->all, *next; transfer; transfer = next) {
        next = transfer->sibling;
        curl_multi_remove_handle(tr->multi, transfer->easy);
        transfer_free(transfer);
    }
    if (tr->main == tr)
        curl_multi_cleanup(tr->multi);
    free_options(&tr->options);
    free(tr);
}
