/* A record's way to its messages; see route.h. Called by the pipeline once a record, on the
 * worker's thread.
 *
 * All texts of a message are rendered into one buffer that has its full size from the start. They
 * are noted by offset and become slices only when the last is there. */
#include "route/route.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "decode/decoder.h"

#define TEXT_MAX (1 << 20)     /* far above any message Ably takes */
#define ARENA_MAX (64 << 20)   /* copies of the fields that templates read */
#define DECODED_KEPT (1 << 20) /* what a buffer of decoded text may hold on to between records */

bool kb_router_init(struct kb_router *router, struct kb_slice cluster_id)
{
    *router = (struct kb_router){0};
    kb_arena_init(&router->arena, ARENA_MAX);
    kb_buf_init(&router->text, TEXT_MAX);
    kb_buf_init(&router->key_text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&router->value_text, KB_DECODE_TEXT_MAX);
    kb_router_set_cluster(router, cluster_id);
    router->push_paths = kb_push_paths_new();
    /* Reserved now (untouched pages cost nothing), so that a full buffer can mean one thing only:
     * this record's texts are too long. */
    if (router->push_paths && kb_buf_reserve(&router->text, TEXT_MAX))
        return true;
    kb_router_deinit(router);
    return false;
}

void kb_router_deinit(struct kb_router *router)
{
    kb_arena_deinit(&router->arena);
    kb_buf_deinit(&router->text);
    kb_buf_deinit(&router->key_text);
    kb_buf_deinit(&router->value_text);
    kb_paths_free(router->push_paths);
    router->push_paths = NULL;
    router->messages = NULL;
    router->n_messages = 0;
}

void kb_router_set_cluster(struct kb_router *router, struct kb_slice cluster_id)
{
    router->cluster_hash = cluster_id.len > 0 ? kb_hash64_stable(cluster_id) : 0;
}

/* Empty for the next record; one giant must not hold its memory for ever. */
static void begin_text(struct kb_buf *text)
{
    if (text->cap > DECODED_KEPT)
        kb_buf_deinit(text);
    kb_buf_reset(text);
}

/* One side of the record: decoded, and captured where a template reads it. */
static bool decode_side(struct kb_router *router, enum kb_format format, struct kb_slice raw,
    const struct kb_paths *paths, struct kb_capture *cap, struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    begin_text(with->text);
    if (kb_paths_count(paths) == 0)
        return kb_decode(format, raw, with, out, err);
    if (!kb_capture_init(cap, paths, &router->arena))
        return kb_err_fatal(err, "no memory for the fields of a record");
    with->sink = &cap->events;
    if (!kb_decode(format, raw, with, out, err))
        return false;
    return !cap->failed ||
           kb_err_record(err, KB_FAILURE_MAPPING,
               "the fields that templates read are larger than %d MiB together", ARENA_MAX >> 20);
}

/* Where a text lies in router->text. */
struct span {
    size_t start, len;
};

static bool render(struct kb_router *router, const struct kb_template *tmpl,
    const struct kb_template_input *in, const char *what, struct span *out, struct kb_err *err)
{
    out->start = router->text.len;
    if (tmpl && !kb_template_render(tmpl, in, &router->text, err))
        return kb_err_wrap(err, "%s", what);
    out->len = router->text.len - out->start;
    return true;
}

static struct kb_slice text_at(const struct kb_router *router, struct span span)
{
    return (struct kb_slice){router->text.ptr + span.start, span.len};
}

static struct kb_slice text_or_none(const struct kb_router *router, struct span span)
{
    return span.len > 0 ? text_at(router, span) : (struct kb_slice){NULL, 0};
}

/* channel, name, client_id and id of message `index`. */
static bool render_texts(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_template_input *in, uint32_t index, struct kb_message *msg, struct kb_err *err)
{
    struct span channel = {0}, name = {0}, client_id = {0}, id = {0};
    if (!render(router, rules->channel, in, "channel", &channel, err))
        return false;
    if (!kb_channel_check(text_at(router, channel), err))
        return kb_err_wrap(err, "channel");
    if (!render(router, rules->name, in, "name", &name, err) ||
        !render(router, rules->client_id, in, "client_id", &client_id, err))
        return false;

    id.start = router->text.len;
    kb_message_id(&router->text, in->record, index, router->cluster_hash);
    id.len = router->text.len - id.start;
    if (router->text.failed)
        return kb_err_record(
            err, KB_FAILURE_MESSAGE, "the message's texts are longer than %d bytes", TEXT_MAX);

    msg->channel = text_at(router, channel);
    msg->name = text_or_none(router, name);
    msg->client_id = text_or_none(router, client_id);
    msg->id = text_at(router, id);
    return true;
}

/* The two headers that speak to the sink itself. A null one says nothing. */
static bool read_headers(struct kb_router *router, const struct kb_record *rec,
    struct kb_message *msg, struct kb_err *err)
{
    const struct kb_header *encoding = kb_record_header(rec, KB_S(KB_HEADER_ENCODING));
    if (encoding && encoding->value.len > 0) {
        if (!kb_utf8_valid(encoding->value))
            return kb_err_record(
                err, KB_FAILURE_MESSAGE, "header " KB_HEADER_ENCODING ": is not UTF-8");
        msg->encoding = encoding->value;
    }
    const struct kb_header *push = kb_record_header(rec, KB_S(KB_HEADER_PUSH));
    if (push && push->value.ptr) {
        if (!kb_push_check(push->value, router->push_paths, &router->arena, err))
            return kb_err_wrap(err, "header " KB_HEADER_PUSH);
        msg->push = push->value;
    }
    return true;
}

static bool route_single(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    struct kb_message *msg = &router->single;
    struct kb_capture key = {0}, value = {0}; /* stay so where no template looks inside */
    struct kb_template_input in = {rec, &key, &value};

    *msg = (struct kb_message){.headers = rec->headers, .n_headers = rec->n_headers};
    struct kb_decoding of_key = {.options = &rules->formats, .text = &router->key_text};
    if (!decode_side(
            router, rules->key_format, rec->key, rules->key_paths, &key, &of_key, &msg->key, err))
        return kb_err_wrap(err, "key");
    struct kb_decoding of_value = {.options = &rules->formats, .text = &router->value_text};
    if (!decode_side(router, rules->value_format, rec->value, rules->value_paths, &value, &of_value,
            &msg->data, err))
        return kb_err_wrap(err, "value");
    if (!render_texts(router, rules, &in, 0, msg, err) || !read_headers(router, rec, msg, err))
        return false;
    router->messages = msg;
    router->n_messages = 1;
    return true;
}

enum kb_route_result kb_route(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    kb_arena_reset(&router->arena);
    kb_buf_reset(&router->text);
    router->n_messages = 0;
    if (!rec->value.ptr && rules->null_value == KB_NULL_SKIP)
        return KB_DROPPED;
    if (!rec->value.ptr && rules->null_value == KB_NULL_DLQ) {
        kb_err_record(err, KB_FAILURE_DECODE, "the value is null (null_value = \"dlq\")");
        return KB_DEAD_LETTER;
    }
    return route_single(router, rules, rec, err) ? KB_ROUTED : KB_FAILED;
}
