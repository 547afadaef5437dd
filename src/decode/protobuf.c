/* Framing and the way of one record; see protobuf.h. */
#include "decode/protobuf.h"

#include "decode/proto_run.h"

#define FIRST_ROOM 512 /* most records' text: no growing by steps */

void *kb_protobuf_compile(struct kb_slice text, const struct kb_schema_ref *refs, size_t n_refs,
    size_t *size, struct kb_err *err)
{
    struct kb_proto *proto = kb_proto_new();
    bool ok = proto != NULL;
    if (!proto)
        kb_err_fatal(err, "no memory for a schema");
    for (size_t i = 0; ok && i < n_refs; i++)
        ok = kb_proto_add(proto, refs[i].name, refs[i].text, err);
    ok = ok && kb_proto_add(proto, KB_S(""), text, err) && kb_proto_link(proto, err);
    if (ok && proto->n_top == 0)
        ok = kb_err_record(err, KB_FAILURE_DECODE, "the schema declares no message");
    if (!ok) {
        kb_proto_free(proto);
        return NULL;
    }
    *size = sizeof(*proto) + proto->arena.used;
    return proto;
}

void kb_protobuf_free(void *compiled)
{
    kb_proto_free(compiled);
}

/* ---- which message ---- */

struct indexes {
    int64_t places[KB_PROTO_NESTING_MAX];
    size_t n; /* 0 = the first message of the file */
};

static bool read_index(const char **at, const char *end, int64_t *out, struct kb_err *err)
{
    uint64_t bits;
    if (!kb_varint(at, end, &bits))
        return kb_err_record(
            err, KB_FAILURE_DECODE, "its message indexes are cut off; is it Confluent's framing?");
    *out = kb_zigzag(bits);
    return true;
}

/* *at moves behind them. */
static bool read_indexes(const char **at, const char *end, struct indexes *out, struct kb_err *err)
{
    int64_t n = 0;
    if (!read_index(at, end, &n, err))
        return false;
    if (n < 0 || n > KB_PROTO_NESTING_MAX)
        return kb_err_record(err, KB_FAILURE_DECODE,
            "%lld message indexes, of %d at most; is it Confluent's framing?", (long long)n,
            KB_PROTO_NESTING_MAX);
    for (out->n = 0; out->n < (size_t)n; out->n++)
        if (!read_index(at, end, &out->places[out->n], err))
            return false;
    return true;
}

/* The message at a place among those inside another. NULL = there is none, or it is the entry of a
 * map, which nobody writes by itself. */
static const struct kb_proto_message *inside(
    const struct kb_proto_message *message, int64_t place, bool count_entries)
{
    int64_t at = 0;
    for (size_t i = 0; i < message->n_nested; i++) {
        const struct kb_proto_message *nested = message->nested[i];
        if ((count_entries || !nested->synthetic) && at++ == place)
            return nested->synthetic ? NULL : nested;
    }
    return NULL;
}

static const struct kb_proto_message *find(
    const struct kb_proto *proto, const struct indexes *indexes, bool count_entries)
{
    int64_t first = indexes->n > 0 ? indexes->places[0] : 0;
    const struct kb_proto_message *message =
        first >= 0 && (uint64_t)first < proto->n_top ? proto->top[first] : NULL;
    for (size_t i = 1; message && i < indexes->n; i++)
        message = inside(message, indexes->places[i], count_entries);
    return message;
}

/* "2, 0, 1" */
static void put_places(struct kb_buf *out, const struct indexes *indexes)
{
    for (size_t i = 0; i < indexes->n; i++)
        kb_buf_printf(out, "%s%lld", i ? ", " : "", (long long)indexes->places[i]);
}

/* The message that the indexes name. A text does not declare the entries of its maps: Java and the
 * registry itself don't count them, Python, Go and .NET do as soon as they write by a schema that
 * somebody registered as text. Where only one of the two readings leads to a message it is that
 * one. NULL = failed. */
static const struct kb_proto_message *indexed(
    const struct kb_proto *proto, const struct indexes *indexes, struct kb_err *err)
{
    const struct kb_proto_message *message = find(proto, indexes, false);
    if (!message)
        message = find(proto, indexes, true);
    if (message)
        return message;
    struct kb_buf places;
    kb_buf_init(&places, 1024);
    put_places(&places, indexes);
    kb_err_record(err, KB_FAILURE_DECODE, "the schema declares no message with the index " KB_FMT,
        KB_ARG(kb_buf_slice(&places)));
    kb_buf_deinit(&places);
    return NULL;
}

/* ---- one record ---- */

/* As text and to the sink, from the beginning. */
static bool show(struct kb_proto_run *run, const struct kb_decoding *with, bool straight,
    const struct kb_proto_message *message, struct kb_slice payload)
{
    run->straight = straight;
    run->depth = run->n_kept = 0;
    kb_buf_reset(with->text);
    kb_out_begin(&run->out, with, run->err);
    struct kb_events *sink = kb_out_ask(&run->out);
    bool ok = kb_out_room(&run->out, FIRST_ROOM) && kb_proto_show(run, message, payload);
    run->out.sink = sink;
    kb_out_sync(&run->out);
    return ok;
}

bool kb_proto_decode(const struct kb_proto *proto, struct kb_slice payload,
    const struct kb_decoding *with, bool straight, struct kb_value *out, struct kb_err *err)
{
    struct kb_events *sink = with->sink;
    bool header = with->behind_guid.ptr != NULL;
    const char *at = header ? with->behind_guid.ptr : payload.ptr;
    const char *end = at + (header ? with->behind_guid.len : payload.len);
    struct indexes indexes;
    const struct kb_proto_message *message =
        read_indexes(&at, end, &indexes, err) ? indexed(proto, &indexes, err) : NULL;
    if (!message)
        return false;
    if (!header)
        payload = (struct kb_slice){at, (size_t)(end - at)};

    struct kb_proto_run run; /* field by field: most of it is room for the depth */
    run.proto = proto;
    run.options = with->options;
    run.arena = with->arena;
    run.err = err;
    run.start = payload.ptr;
    bool try_straight = straight && (!sink || sink->ops->restart);
    bool done = try_straight && show(&run, with, true, message, payload);
    if (!done && try_straight && sink)
        sink->ops->restart(sink);
    if (!done && !show(&run, with, false, message, payload))
        return kb_err_wrap(err, KB_FMT, KB_ARG(message->full_name));
    return kb_decoded_json(with, out, err);
}

bool kb_protobuf_decode(const void *compiled, struct kb_slice payload,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    return kb_proto_decode(compiled, payload, with, true, out, err);
}
