/* The messages of google.protobuf that JSON shows in a way of their own; see proto_run.h. Their
 * fields are where proto_link.c has checked that they are. */
#include "decode/iso8601.h"
#include "decode/proto_run.h"

#define NANOS 1000000000
#define TIMESTAMP_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MAX INT64_C(315576000000)

/* ---- Timestamp and Duration ---- */

static bool show_timestamp(struct kb_proto_run *run, int64_t seconds, int32_t nanos)
{
    if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX || nanos < 0 || nanos >= NANOS)
        return kb_proto_fail(run, NULL, "a Timestamp is not within the years 0001 to 9999");
    char *to;
    return kb_out_write(&run->out, KB_ISO8601_MAX, &to) &&
           kb_out_written(&run->out, kb_iso8601_instant(to, seconds, (uint32_t)nanos));
}

static bool show_duration(struct kb_proto_run *run, int64_t seconds, int32_t nanos)
{
    bool negative = seconds < 0 || nanos < 0;
    if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos <= -NANOS || nanos >= NANOS)
        return kb_proto_fail(run, NULL, "a Duration is out of its bounds");
    if (negative && (seconds > 0 || nanos > 0))
        return kb_proto_fail(run, NULL, "a Duration's seconds and nanos differ in sign");
    char text[KB_I64_MAX + 16], *to = text;
    if (negative)
        *to++ = '-';
    to = kb_i64_put(to, negative ? -seconds : seconds);
    to = kb_iso8601_fraction(to, (uint32_t)(negative ? -nanos : nanos));
    *to++ = 's';
    return kb_out_quoted(&run->out, (struct kb_slice){text, (size_t)(to - text)});
}

/* Both are seconds and nanos; the last of either counts. */
static bool show_time(struct kb_proto_run *run, struct kb_slice bytes,
    bool (*show)(struct kb_proto_run *run, int64_t seconds, int32_t nanos))
{
    const char *at = bytes.ptr, *end = at + bytes.len;
    uint64_t seconds = 0, nanos = 0;
    while (at < end) {
        struct kb_wire wire;
        if (!kb_wire_step(&at, end, &wire))
            return kb_proto_wire_fault(run, at, &wire);
        if (wire.type == KB_WIRE_VARINT && wire.number == 1)
            seconds = wire.bits;
        else if (wire.type == KB_WIRE_VARINT && wire.number == 2)
            nanos = wire.bits;
    }
    return show(run, (int64_t)seconds, (int32_t)nanos);
}

/* ---- FieldMask ---- */

/* some_field.of_it -> someField.ofIt */
static char *put_camel(char *to, struct kb_slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        bool joint = path.ptr[i] == '_' && i + 1 < path.len && path.ptr[i + 1] >= 'a' &&
                     path.ptr[i + 1] <= 'z';
        *to++ = joint ? (char)(path.ptr[++i] - 'a' + 'A') : path.ptr[i];
    }
    return to;
}

/* All paths as one text, with commas. */
static bool show_field_mask(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end)
{
    size_t room = 0;
    struct kb_proto_each each = kb_proto_each(field, slot, end);
    while (kb_proto_each_next(run, &each))
        room += each.wire.bytes.len + 1;
    char *text = each.failed ? NULL : kb_arena_alloc(run->arena, room), *to = text;
    if (!text)
        return each.failed ? false : kb_proto_no_room(run);
    each = kb_proto_each(field, slot, end);
    while (kb_proto_each_next(run, &each)) {
        if (to > text || each.left + 1 < slot->count)
            *to++ = ',';
        to = put_camel(to, each.wire.bytes);
    }
    return !each.failed && kb_out_string(&run->out, (struct kb_slice){text, (size_t)(to - text)});
}

/* ---- Value and Any ---- */

/* Whichever of the six was set; none is null. */
static bool show_any_value(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct kb_proto_fields *fields, const char *end)
{
    for (size_t i = 1; i < message->n_fields; i++) {
        const struct kb_proto_slot *slot = kb_proto_slot(fields, i);
        if (slot->count > 0)
            return kb_proto_show_last(run, &message->fields[i], slot, end);
    }
    return kb_out_null(&run->out);
}

/* The name behind the last slash of a type's URL. */
static const struct kb_proto_message *message_of(const struct kb_proto *proto, struct kb_slice url)
{
    size_t at = url.len;
    while (at > 0 && url.ptr[at - 1] != '/')
        at--;
    const struct kb_proto_symbol *symbol =
        kb_proto_find(proto, (struct kb_slice){url.ptr + at, url.len - at});
    return symbol ? symbol->message : NULL;
}

static bool show_url(
    struct kb_proto_run *run, const struct kb_proto_field *field, struct kb_slice url)
{
    struct kb_out *out = &run->out;
    if (!kb_out_word(out, KB_S("\"@type\":")))
        return false;
    kb_emit_key(out->sink, KB_S("@type"));
    struct kb_events *sink = kb_out_ask(out);
    bool ok = kb_proto_show_scalar(run, field, 0, url);
    out->sink = sink;
    return ok;
}

/* What has a form of its own, or is not known here: base64 then. */
static bool show_boxed(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_message *message, struct kb_slice value)
{
    struct kb_out *out = &run->out;
    if (!kb_out_word(out, KB_S(",\"value\":")))
        return false;
    kb_emit_key(out->sink, KB_S("value"));
    struct kb_events *sink = kb_out_ask(out);
    bool ok =
        message ? kb_proto_show(run, message, value) : kb_proto_show_scalar(run, field, 0, value);
    out->sink = sink;
    return ok;
}

/* {"@type": url, and the message's own fields, or "value"} */
static bool show_any(struct kb_proto_run *run, const struct kb_proto_message *any,
    struct kb_slice url, struct kb_slice value)
{
    const struct kb_proto_message *message = message_of(run->proto, url);
    bool embedded = message && message->well_known == KB_PROTO_ORDINARY;
    bool empty = url.len == 0 && value.len == 0;
    kb_emit_begin_object(run->out.sink);
    if (!kb_out_word(&run->out, KB_S("{")) ||
        (!empty && (!show_url(run, &any->fields[0], url) ||
                       !(embedded ? kb_proto_show_embedded(run, message, value)
                                  : show_boxed(run, &any->fields[1], message, value)))))
        return false;
    kb_emit_end_object(run->out.sink);
    return kb_out_word(&run->out, KB_S("}"));
}

static bool show_fields(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct kb_proto_fields *fields, const char *end)
{
    const struct kb_proto_field *field = &message->fields[0];
    const struct kb_proto_slot *slot = kb_proto_slot(fields, 0);
    struct kb_proto_each each = kb_proto_each(field, slot, end);
    switch (message->well_known) {
    case KB_PROTO_WK_ANY:
        return show_any(
            run, message, kb_proto_slot_bytes(slot), kb_proto_slot_bytes(kb_proto_slot(fields, 1)));
    case KB_PROTO_WK_FIELD_MASK:
        return show_field_mask(run, field, slot, end);
    case KB_PROTO_WK_STRUCT:
        kb_proto_each_next(run, &each);
        return kb_proto_show_map(run, &each);
    case KB_PROTO_WK_LIST_VALUE:
        kb_proto_each_next(run, &each);
        return kb_proto_show_list(run, &each);
    case KB_PROTO_WK_VALUE:
        return show_any_value(run, message, fields, end);
    default: /* a wrapper: its value */
        return kb_proto_show_last(run, field, slot, end);
    }
}

bool kb_proto_show_well_known(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    if (message->well_known == KB_PROTO_WK_TIMESTAMP)
        return show_time(run, bytes, show_timestamp);
    if (message->well_known == KB_PROTO_WK_DURATION)
        return show_time(run, bytes, show_duration);
    const struct kb_proto_fields *fields = kb_proto_scan(run, message, bytes);
    return fields && show_fields(run, message, fields, bytes.ptr + bytes.len);
}
