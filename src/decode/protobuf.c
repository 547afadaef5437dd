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

static bool read_index(const char **at, const char *end, int64_t *out, struct kb_err *err)
{
    uint64_t bits;
    if (!kb_varint(at, end, &bits))
        return kb_err_record(
            err, KB_FAILURE_DECODE, "its message indexes are cut off; is it Confluent's framing?");
    *out = kb_zigzag(bits);
    return true;
}

/* The message that the indexes name; *at moves behind them. NULL = failed. */
static const struct kb_proto_message *indexed(
    const struct kb_proto *proto, const char **at, const char *end, struct kb_err *err)
{
    const struct kb_proto_message *message = NULL;
    struct kb_proto_message *const *list = proto->top;
    size_t n_list = proto->n_top;
    int64_t n = 0, place = 0;
    if (!read_index(at, end, &n, err))
        return NULL;
    if (n == 0)
        return list[0];
    for (; n > 0; n--) {
        if (!read_index(at, end, &place, err))
            return NULL;
        if (place < 0 || (uint64_t)place >= n_list)
            break;
        message = list[place];
        list = message->nested;
        n_list = message->n_nested;
    }
    if (n == 0)
        return message;
    kb_err_record(err, KB_FAILURE_DECODE,
        "its message index %lld is none of the %zu messages that the schema declares%s%.*s",
        (long long)place, n_list, message ? " in " : "", message ? (int)message->full_name.len : 0,
        message ? message->full_name.ptr : "");
    return NULL;
}

/* As text and to the sink, from the beginning. */
static bool show(struct kb_proto_run *run, const struct kb_decoding *with, bool straight,
    const struct kb_proto_message *message, struct kb_slice payload)
{
    run->straight = straight;
    run->work = KB_PROTO_WORK_MAX;
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
    const struct kb_proto_message *message = indexed(proto, &at, end, err);
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
