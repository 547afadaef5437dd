/* A record's way to its messages; see route.h. Called by the pipeline once a record, on the
 * worker's thread.
 *
 * All texts of a message are rendered into one buffer that has its full size from the start. They
 * are noted by offset and become slices only when the last is there. Where a record becomes several
 * messages, the texts of each move on into the arena. */
#include "route/route.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "decode/decoder.h"
#include "route/null_value.h"

#define TEXT_MAX (1 << 20)     /* far above any message Ably takes */
#define ARENA_MAX (64 << 20)   /* fields that templates read, texts of several messages */
#define DECODED_KEPT (1 << 20) /* what a buffer of decoded text may hold on to between records */

static bool reserve_messages(struct kb_router *router, size_t n)
{
    if (n <= router->list_cap)
        return true;
    struct kb_message *list = realloc(router->list, n * sizeof(*list));
    if (!list)
        return false;
    router->list = list;
    router->list_cap = n;
    return true;
}

bool kb_router_init(struct kb_router *router, struct kb_slice cluster_id)
{
    *router = (struct kb_router){0};
    kb_arena_init(&router->arena, ARENA_MAX);
    kb_buf_init(&router->text, TEXT_MAX);
    kb_buf_init(&router->scratch, TEXT_MAX);
    kb_buf_init(&router->key_text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&router->value_text, KB_DECODE_TEXT_MAX);
    kb_router_set_cluster(router, cluster_id);
    router->push_paths = kb_push_paths_new();
    /* Reserved now (untouched pages cost nothing), so that a full buffer can mean one thing only:
     * this record's texts are too long. */
    if (router->push_paths && kb_buf_reserve(&router->text, TEXT_MAX) &&
        reserve_messages(router, 1))
        return true;
    kb_router_deinit(router);
    return false;
}

void kb_router_deinit(struct kb_router *router)
{
    kb_arena_deinit(&router->arena);
    kb_buf_deinit(&router->text);
    kb_buf_deinit(&router->scratch);
    kb_buf_deinit(&router->key_text);
    kb_buf_deinit(&router->value_text);
    kb_paths_free(router->push_paths);
    router->push_paths = NULL;
    free(router->list);
    router->list = NULL;
    router->list_cap = 0;
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

void kb_router_set_hooks(struct kb_router *router, struct kb_hooks *hooks)
{
    router->hooks = hooks;
}

/* ---- decoding ---- */

/* A record on its way: what came, what it is by now, and the fields that templates read. */
struct routing {
    const struct kb_rules *rules;
    struct kb_record rec; /* headers as transform left them */
    struct kb_value key, value;
    struct kb_capture key_fields, value_fields; /* stay empty where no template looks inside */
    struct kb_hooks *hooks;
    uint32_t message; /* which one is made, from 1: functions are told */
    struct kb_template_calls calls;
    struct kb_template_input in; /* the record for templates */
};

static bool has(const struct routing *r, enum kb_hook hook)
{
    return kb_rules_has(r->rules, hook);
}

/* A template that is a function. */
static bool call_text(void *self, size_t number, struct kb_buf *out, struct kb_err *err)
{
    const struct routing *r = self;
    return kb_hooks_text(r->hooks, r->rules->number, number, r->message, out, err);
}

/* The same within a table: any value. */
static bool call_json(void *self, size_t number, struct kb_buf *out, struct kb_err *err)
{
    const struct routing *r = self;
    return kb_hooks_json(r->hooks, r->rules->number, number, r->message, out, err);
}

/* Where it is, it stays: the input points into it. */
static void routing_init(struct routing *r, struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec)
{
    *r = (struct routing){.rules = rules, .rec = *rec, .hooks = router->hooks};
    r->calls = (struct kb_template_calls){.json = call_json, .text = call_text, .self = r};
    r->in = (struct kb_template_input){
        .record = &r->rec, .key = &r->key_fields, .value = &r->value_fields, .calls = &r->calls};
}

static bool check_capture(const struct kb_capture *cap, struct kb_err *err)
{
    return !cap->failed ||
           kb_err_record(err, KB_FAILURE_MAPPING,
               "the fields that templates read are larger than %d MiB together", ARENA_MAX >> 20);
}

/* One side of the record: decoded, and captured where a template reads it. */
static bool decode_side(struct kb_router *router, enum kb_format format, struct kb_slice raw,
    const struct kb_paths *paths, struct kb_capture *cap, struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    if (!paths || kb_paths_count(paths) == 0)
        return kb_decode(format, raw, with, out, err);
    if (!kb_capture_init(cap, paths, &router->arena))
        return kb_err_fatal(err, "no memory for the fields of a record");
    with->sink = &cap->events;
    return kb_decode(format, raw, with, out, err) && check_capture(cap, err);
}

/* Captures from what transform left: of these formats none needs a buffer of its own. */
static bool capture_side(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_value *value, const struct kb_paths *paths, struct kb_capture *cap,
    struct kb_err *err)
{
    static const enum kb_format formats[] = {[KB_FORM_NULL] = KB_FORMAT_AUTO,
        [KB_FORM_TEXT] = KB_FORMAT_STRING,
        [KB_FORM_BYTES] = KB_FORMAT_BYTES,
        [KB_FORM_JSON] = KB_FORMAT_JSON};
    struct kb_decoding with = {.options = &rules->formats, .text = &router->text};
    struct kb_value again;
    return !paths || kb_paths_count(paths) == 0 ||
           decode_side(router, formats[value->form], value->bytes, paths, cap, &with, &again, err);
}

/* Where a serializer named the schema of this side in a header. */
static struct kb_slice schema_header(
    const struct kb_router *router, const struct kb_record *rec, struct kb_slice name)
{
    const struct kb_header *header =
        router->schemas && rec->n_headers > 0 ? kb_record_header(rec, name) : NULL;
    return header ? header->value : (struct kb_slice){NULL, 0};
}

/* Key and value. Where transform comes first, the templates' fields are captured behind it. */
static bool decode(struct kb_router *router, struct routing *r, struct kb_err *err)
{
    const struct kb_rules *rules = r->rules;
    bool later = has(r, KB_HOOK_TRANSFORM);
    struct kb_decoding of_key = {.options = &rules->formats,
        .text = &router->key_text,
        .arena = &router->arena,
        .schemas = router->schemas,
        .header = schema_header(router, &r->rec, KB_S("__key_schema_id"))};
    struct kb_decoding of_value = {.options = &rules->formats,
        .text = &router->value_text,
        .arena = &router->arena,
        .schemas = router->schemas,
        .header = schema_header(router, &r->rec, KB_S("__value_schema_id"))};
    begin_text(&router->key_text);
    begin_text(&router->value_text);
    if (!decode_side(router, rules->key_format, r->rec.key, later ? NULL : rules->key_paths,
            &r->key_fields, &of_key, &r->key, err))
        return kb_err_wrap(err, "key");
    if (!decode_side(router, rules->value_format, r->rec.value, later ? NULL : rules->value_paths,
            &r->value_fields, &of_value, &r->value, err))
        return kb_err_wrap(err, "value");
    return true;
}

/* ---- texts ---- */

/* Where a text lies in router->text. */
struct span {
    size_t start, len;
};

static const struct kb_slice none = {NULL, 0};

/* One of a message's texts: what transform gave the message, else what the template in the topic's
 * block makes of the record; `key` is the template's. */
static bool render(struct kb_router *router, const struct routing *r, struct kb_slice own,
    const char *key, const struct kb_template *tmpl, struct span *out, struct kb_err *err)
{
    out->start = router->text.len;
    if (own.ptr)
        kb_buf_add(&router->text, own);
    else if (tmpl && !kb_template_render(tmpl, &r->in, &router->text, err))
        return kb_err_wrap(err, "%s", key);
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

/* The user's own id, or the record's place. Of several messages of a record, one id on different
 * channels is no repeat. */
static bool render_id(struct kb_router *router, const struct routing *r, uint32_t index,
    struct span *out, struct kb_err *err)
{
    if (r->rules->id) {
        if (!render(router, r, none, "id", r->rules->id, out, err))
            return false;
    } else {
        out->start = router->text.len;
        kb_message_id(&router->text, &r->rec, index, router->cluster_hash);
        out->len = router->text.len - out->start;
    }
    return out->len > 0 || router->text.failed ||
           kb_err_record(err, KB_FAILURE_MESSAGE, "id: is empty");
}

/* channel, name, client_id and id of message `index`; `own` is what transform gave it, `channel_of`
 * where it goes otherwise. */
static bool render_texts(struct kb_router *router, const struct routing *r,
    const struct kb_hook_message *own, const struct kb_template *channel_of, uint32_t index,
    struct kb_message *msg, struct kb_err *err)
{
    const struct kb_rules *rules = r->rules;
    struct span channel = {0}, name = {0}, client_id = {0}, id = {0}, cipher_key = {0};
    if (!render(router, r, own->channel, "channel", channel_of, &channel, err))
        return false;
    if (!kb_channel_check(text_at(router, channel), err))
        return kb_err_wrap(err, "channel");
    if (!render(router, r, own->name, "name", rules->name, &name, err) ||
        !render(router, r, own->client_id, "client_id", rules->client_id, &client_id, err) ||
        !render_id(router, r, index, &id, err) ||
        !render(router, r, none, "cipher", rules->cipher_key, &cipher_key, err))
        return false;
    if (router->text.failed)
        return kb_err_record(
            err, KB_FAILURE_MESSAGE, "the message's texts are longer than %d bytes", TEXT_MAX);

    msg->channel = text_at(router, channel);
    msg->name = text_or_none(router, name);
    msg->client_id = text_or_none(router, client_id);
    msg->id = text_at(router, id);
    if (rules->cipher_key) /* no key is a wrong key: nothing is sent in clear for it */
        msg->cipher_key = text_at(router, cipher_key);
    return true;
}

/* ---- what speaks to the sink itself ---- */

static bool set_encoding(const struct kb_hook_message *own, struct kb_message *msg,
    const struct kb_header *header, struct kb_err *err)
{
    if (own->encoding.ptr) {
        msg->encoding = own->encoding;
    } else if (header && header->value.len > 0) {
        if (!kb_utf8_valid(header->value))
            return kb_err_record(
                err, KB_FAILURE_MESSAGE, "header " KB_HEADER_ENCODING ": is not UTF-8");
        msg->encoding = header->value;
    }
    return true;
}

/* A JSON value of the topic's block, with this record's texts in it. */
static bool render_json(struct kb_router *router, const struct routing *r,
    const struct kb_json_template *json, const char *what, struct kb_slice *out, struct kb_err *err)
{
    struct span span = {.start = router->text.len};
    if (!kb_json_template_render(json, &r->in, &router->text, &router->scratch, err))
        return kb_err_wrap(err, "%s", what);
    if (router->text.failed || router->scratch.failed)
        return kb_err_record(
            err, KB_FAILURE_MESSAGE, "%s: is longer than %d bytes", what, TEXT_MAX);
    span.len = router->text.len - span.start;
    *out = text_at(router, span);
    return true;
}

/* What transform gave the message, else what the topic's block says. */
static bool set_extras(struct kb_router *router, const struct routing *r,
    const struct kb_hook_message *own, struct kb_message *msg, struct kb_err *err)
{
    msg->extras = own->extras;
    msg->layout = r->rules->layout;
    if (!msg->extras.ptr && has(r, KB_HOOK_EXTRAS))
        return kb_hooks_extras(r->hooks, r->rules->number, r->message, &msg->extras, err);
    return msg->extras.ptr || !r->rules->extras ||
           render_json(router, r, r->rules->extras, "extras", &msg->extras, err);
}

/* From the message itself, the topic's `push`, or the header, the first that has one. */
static bool set_push(struct kb_router *router, const struct routing *r,
    const struct kb_hook_message *own, struct kb_message *msg, const struct kb_header *header,
    struct kb_err *err)
{
    const char *from = "push";
    struct kb_slice push = own->push;
    if (!push.ptr && has(r, KB_HOOK_PUSH) &&
        !kb_hooks_push(r->hooks, r->rules->number, r->message, &push, err))
        return false;
    if (!push.ptr && r->rules->push && !render_json(router, r, r->rules->push, "push", &push, err))
        return false;
    if (!push.ptr && header && header->value.ptr) {
        push = header->value;
        from = "header " KB_HEADER_PUSH;
    }
    if (push.ptr && !kb_push_check(push, router->push_paths, &router->arena, err))
        return kb_err_wrap(err, "%s", from);
    msg->push = push;
    return true;
}

/* ---- messages ---- */

/* Message `index`, as the record is by now. */
static bool make_message(struct kb_router *router, struct routing *r,
    const struct kb_hook_message *own, const struct kb_template *channel_of, uint32_t index,
    struct kb_message *msg, struct kb_err *err)
{
    struct kb_record rec = r->rec;
    r->message = index + 1;
    if (own->has_headers) {
        rec.headers = own->headers;
        rec.n_headers = own->n_headers;
    }
    *msg = (struct kb_message){.data = own->has_data ? own->data : r->value,
        .key = r->key,
        .headers = rec.headers,
        .n_headers = rec.n_headers};
    return render_texts(router, r, own, channel_of, index, msg, err) &&
           set_extras(router, r, own, msg, err) &&
           set_encoding(own, msg, kb_record_header(&rec, KB_S(KB_HEADER_ENCODING)), err) &&
           set_push(router, r, own, msg, kb_record_header(&rec, KB_S(KB_HEADER_PUSH)), err);
}

/* The same text in the copy of router->text. */
static void move(struct kb_slice *text, const struct kb_buf *from, const char *copy)
{
    uintptr_t start = (uintptr_t)from->ptr, at = (uintptr_t)text->ptr;
    if (at >= start && at - start <= from->len)
        text->ptr = copy + (at - start);
}

/* Of several messages each has the whole buffer for its texts, which then go elsewhere. */
static bool keep_texts(struct kb_router *router, struct kb_message *msg, struct kb_err *err)
{
    struct kb_slice *texts[] = {&msg->channel, &msg->id, &msg->name, &msg->client_id,
        &msg->cipher_key, &msg->extras, &msg->push};
    struct kb_slice copy;
    if (!kb_arena_copy(&router->arena, kb_buf_slice(&router->text), &copy))
        return kb_err_record(err, KB_FAILURE_MESSAGE,
            "the texts of a record's messages are longer than %zu MiB together",
            router->arena.max >> 20);
    for (size_t i = 0; i < KB_COUNT(texts); i++)
        move(texts[i], &router->text, copy.ptr);
    kb_buf_reset(&router->text);
    return true;
}

/* How often one message goes out: once, or to each channel of the topic's list. One that transform
 * gave a channel goes there alone. */
static size_t copies(const struct kb_rules *rules, const struct kb_hook_message *own)
{
    return own->channel.ptr ? 1 : 1 + rules->n_more_channels;
}

/* Of one record's messages for a channel Ably would drop all but the first that have an id, and yet
 * say that it has published them: the user's id must tell them apart. */
static bool check_own_ids(const struct kb_message *messages, size_t n, struct kb_err *err)
{
    for (size_t i = 1; i < n; i++)
        for (size_t before = 0; before < i; before++)
            if (kb_slice_eq(messages[i].id, messages[before].id) &&
                kb_slice_eq(messages[i].channel, messages[before].channel))
                return kb_err_record(err, KB_FAILURE_MESSAGE,
                    "id: messages %zu and %zu have the same on one channel, where Ably drops the "
                    "second; id = function(record, n) can tell them apart",
                    before + 1, i + 1);
    return true;
}

/* Two of the list's templates may give one name for this record: it goes there once. The others
 * keep their numbers, and so their ids. */
static bool goes_there(const struct kb_message *made, size_t n, struct kb_slice channel)
{
    for (size_t i = 0; i < n; i++)
        if (kb_slice_eq(made[i].channel, channel))
            return true;
    return false;
}

static bool make_messages(struct kb_router *router, struct routing *r,
    const struct kb_hook_message *own, size_t n, struct kb_err *err)
{
    const struct kb_rules *rules = r->rules;
    size_t total = 0, at = 0, made = 0;
    for (size_t i = 0; i < n; i++)
        total += copies(rules, &own[i]);
    if (!reserve_messages(router, total))
        return kb_err_fatal(err, "no memory for %zu messages of a record", total);
    r->in.whole_key = r->key;
    r->in.whole_value = r->value;
    for (size_t i = 0; i < n; i++) {
        size_t first = made;
        for (size_t copy = 0; copy < copies(rules, &own[i]); copy++, at++) {
            const struct kb_template *channel =
                copy == 0 ? rules->channel : rules->more_channels[copy - 1];
            struct kb_message *msg = &router->list[made];
            bool ok = make_message(router, r, &own[i], channel, (uint32_t)at, msg, err) &&
                      (total == 1 || keep_texts(router, msg, err));
            if (!ok)
                return total == 1 ? false : kb_err_wrap(err, "message %zu", at + 1);
            made += !goes_there(&router->list[first], made - first, msg->channel);
        }
    }
    if (rules->id && !check_own_ids(router->list, made, err))
        return false;
    router->messages = router->list;
    router->n_messages = made;
    return true;
}

/* What transform left becomes the record on its way. */
static bool take_transformed(struct kb_router *router, struct routing *r, struct kb_err *err)
{
    const struct kb_hook_record *left = kb_hooks_record(r->hooks);
    r->rec = left->record;
    r->key = left->key;
    r->value = left->value;
    if (!capture_side(router, r->rules, &r->key, r->rules->key_paths, &r->key_fields, err))
        return kb_err_wrap(err, "key");
    if (!capture_side(router, r->rules, &r->value, r->rules->value_paths, &r->value_fields, err))
        return kb_err_wrap(err, "value");
    return true;
}

static enum kb_route_result route_transformed(
    struct kb_router *router, struct routing *r, struct kb_err *err)
{
    static const struct kb_hook_message nothing_own = {0};
    const struct kb_hook_message *own = &nothing_own;
    size_t n = 1;
    switch (kb_hooks_transform(r->hooks, r->rules->number, err)) {
    case KB_HOOK_DROP:
        return KB_DROPPED;
    case KB_HOOK_FAILED:
        return KB_FAILED;
    case KB_HOOK_MESSAGES:
        own = kb_hooks_messages(r->hooks, &n);
        break;
    case KB_HOOK_RECORD:
        break;
    }
    bool ok = take_transformed(router, r, err) && make_messages(router, r, own, n, err);
    return ok ? KB_ROUTED : KB_FAILED;
}

/* ---- a record ---- */

/* KB_ROUTED = it goes on. */
static enum kb_route_result decide_null(enum kb_null_value decided, struct kb_err *err)
{
    switch (decided) {
    case KB_NULL_SKIP:
        return KB_DROPPED;
    case KB_NULL_DLQ:
        kb_err_record(err, KB_FAILURE_DECODE, "the value is null (null_value = \"dlq\")");
        return KB_DEAD_LETTER;
    case KB_NULL_PUBLISH:
        break;
    }
    return KB_ROUTED;
}

static enum kb_route_result route_record(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    static const struct kb_hook_message nothing_own = {0};
    struct routing r;
    routing_init(&r, router, rules, rec);
    if (!decode(router, &r, err))
        return err->class == KB_ERR_OUTAGE ? KB_WAITS : KB_FAILED;
    if (rules->n_functions > 0) {
        KB_BUG_ON(!router->hooks);
        kb_hooks_begin(router->hooks, rec, r.key, r.value);
    }
    if (!rec->value.ptr && has(&r, KB_HOOK_NULL_VALUE)) {
        enum kb_null_value decided;
        if (!kb_null_value_ask(router->hooks, rules, &decided, err))
            return KB_FAILED;
        enum kb_route_result result = decide_null(decided, err);
        if (result != KB_ROUTED)
            return result;
    }
    if (has(&r, KB_HOOK_TRANSFORM))
        return route_transformed(router, &r, err);
    return make_messages(router, &r, &nothing_own, 1, err) ? KB_ROUTED : KB_FAILED;
}

enum kb_route_result kb_route(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    kb_arena_reset(&router->arena);
    kb_buf_reset(&router->text);
    router->n_messages = 0;
    if (!rec->value.ptr && rules->null_value != KB_NULL_PUBLISH)
        return decide_null(rules->null_value, err);
    return route_record(router, rules, rec, err);
}
