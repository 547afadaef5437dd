/* Messages and lists as JSON, straight or from their slots; see proto_run.h. */
#include "decode/proto_run.h"

bool kb_proto_enter(struct kb_proto_run *run)
{
    if (run->depth + 1 == KB_PROTO_DEPTH_MAX)
        return kb_proto_fail(run, NULL, "messages are nested more than 100 deep");
    run->depth++;
    return true;
}

bool kb_proto_show_value(struct kb_proto_run *run, const struct kb_proto_field *field,
    uint64_t bits, struct kb_slice bytes)
{
    return field->type == KB_PROTO_MESSAGE ? kb_proto_show(run, field->message, bytes)
                                           : kb_proto_show_scalar(run, field, bits, bytes);
}

/* A singular field's value, zero or empty where there is none. */
static bool read_last(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, uint64_t *bits, struct kb_slice *bytes)
{
    *bits = 0;
    *bytes = KB_S("");
    if (field->type == KB_PROTO_MESSAGE)
        return kb_proto_merged(run, field, slot, end, bytes);
    if (field->wire == KB_WIRE_BYTES)
        *bytes = kb_proto_slot_bytes(slot);
    else
        *bits = kb_proto_slot_bits(slot);
    return true;
}

bool kb_proto_show_last(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end)
{
    uint64_t bits;
    struct kb_slice bytes;
    return read_last(run, field, slot, end, &bits, &bytes) &&
           kb_proto_show_value(run, field, bits, bytes);
}

bool kb_proto_show_list(struct kb_proto_run *run, struct kb_proto_each *each)
{
    struct kb_out *out = &run->out;
    char before = '[';
    kb_emit_begin_array(out->sink);
    for (; each->there; kb_proto_each_next(run, each), before = ',') {
        if (!kb_out_room(out, 1))
            return false;
        *out->at++ = before;
        struct kb_events *sink = kb_out_ask(out);
        bool ok = kb_proto_show_value(run, each->field, each->wire.bits, each->wire.bytes);
        out->sink = sink;
        if (!ok)
            return false;
    }
    kb_emit_end_array(out->sink);
    return !each->failed && kb_out_word(out, before == '[' ? KB_S("[]") : KB_S("]"));
}

/* ---- fields ---- */

/* Of a field without presence zero and empty are what it is unset. */
static inline bool is_zero(const struct kb_proto_field *field, uint64_t bits, size_t len)
{
    return field->wire == KB_WIRE_BYTES ? len == 0 : (bits & field->bits) == 0;
}

/* `,"name":` */
static KB_ALWAYS_INLINE bool show_key(struct kb_proto_run *run, const struct kb_proto_field *field)
{
    bool as_declared = run->options->proto_names;
    kb_emit_key(run->out.sink, as_declared ? field->name : field->json_name);
    return kb_out_padded(&run->out, as_declared ? field->key_proto : field->key);
}

/* Where the failure is. While the run is straight nobody reads that: it is found again. */
static bool failed_in(struct kb_proto_run *run, const struct kb_proto_field *field)
{
    return !run->straight && kb_err_wrap(run->err, KB_FMT, KB_ARG(field->name));
}

static KB_ALWAYS_INLINE bool show_single(struct kb_proto_run *run,
    const struct kb_proto_field *field, uint64_t bits, struct kb_slice bytes)
{
    if (!field->presence && is_zero(field, bits, bytes.len) && !run->options->proto_defaults)
        return true;
    if (!show_key(run, field))
        return false;
    struct kb_events *sink = kb_out_ask(&run->out);
    bool ok = kb_proto_show_value(run, field, bits, bytes);
    run->out.sink = sink;
    return ok || failed_in(run, field);
}

/* A list or a map. Numbers may come packed, and empty: then it is unset. */
static bool show_repeated(struct kb_proto_run *run, struct kb_proto_each *each)
{
    kb_proto_each_next(run, each);
    if (!each->there && !each->failed && !run->options->proto_defaults)
        return true;
    if (!show_key(run, each->field))
        return false;
    struct kb_events *sink = kb_out_ask(&run->out);
    bool ok = each->field->map ? kb_proto_show_map(run, each) : kb_proto_show_list(run, each);
    run->out.sink = sink;
    return ok || failed_in(run, each->field);
}

/* ---- thoroughly ---- */

static bool show_slot(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end)
{
    bool by_default = run->options->proto_defaults && !field->presence;
    if (slot->count == 0 && !by_default)
        return true;
    if (field->repeated) {
        struct kb_proto_each each = kb_proto_each(field, slot, end);
        return show_repeated(run, &each);
    }
    uint64_t bits;
    struct kb_slice bytes;
    return (read_last(run, field, slot, end, &bits, &bytes) || failed_in(run, field)) &&
           show_single(run, field, bits, bytes);
}

/* Fields from one place to another that are not there: nothing, unless their defaults are asked
 * for. Those with presence have none. */
static bool show_absent(
    struct kb_proto_run *run, const struct kb_proto_message *message, size_t from, size_t to)
{
    static const struct kb_proto_slot none;
    if (KB_LIKELY(!run->options->proto_defaults))
        return true;
    for (; from < to && (from = message->fields[from].plain) < to; from++)
        if (!show_slot(run, &message->fields[from], &none, NULL))
            return false;
    return true;
}

static bool show_scanned(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    const struct kb_proto_fields *fields = kb_proto_scan(run, message, bytes);
    if (!fields)
        return false;
    size_t next = 0;
    for (size_t i; (i = kb_proto_next_there(fields, next)) != SIZE_MAX; next = i + 1)
        if (!show_absent(run, message, next, i) ||
            !show_slot(run, &message->fields[i], &fields->slots[i], bytes.ptr + bytes.len))
            return false;
    return show_absent(run, message, next, message->n_fields);
}

/* ---- straight ---- */

/* Of a oneof one member may come; which ones have been seen is a bit each. */
static bool only_one(const struct kb_proto_field *field, uint64_t *oneofs)
{
    if (field->oneof == KB_PROTO_NO_ONEOF)
        return true;
    uint64_t bit = field->oneof < 64 ? UINT64_C(1) << field->oneof : 0;
    bool first = bit && !(*oneofs & bit);
    *oneofs |= bit;
    return first;
}

static KB_ALWAYS_INLINE bool absent(
    struct kb_proto_run *run, const struct kb_proto_message *message, size_t from, size_t to)
{
    return KB_LIKELY(!run->options->proto_defaults) || show_absent(run, message, from, to);
}

/* All occurrences from `tag` on; *at moves behind them. */
static bool show_beside(struct kb_proto_run *run, const struct kb_proto_field *field,
    const char *tag, const char **at, const char *end)
{
    struct kb_proto_each each = kb_proto_beside(field, tag, end);
    bool ok = show_repeated(run, &each);
    *at = each.at;
    return ok;
}

/* False where a field is not in its place, or anything is wrong: what was written is void then. */
static bool show_straight(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    size_t next = 0; /* field of the schema */
    const char *at = bytes.ptr, *end = at + bytes.len;
    uint64_t oneofs = 0;
    while (at < end) {
        struct kb_wire wire;
        const char *tag = at;
        if (!kb_wire_step(&at, end, &wire))
            return false;
        const struct kb_proto_field *field =
            next < message->n_fields && message->fields[next].number == wire.number
                ? &message->fields[next]
                : kb_proto_field(message, wire.number);
        if (!field || !kb_proto_takes(field, wire.type))
            continue; /* unknown: some other version's */
        size_t place = (size_t)(field - message->fields);
        if (place < next || !only_one(field, &oneofs) || !absent(run, message, next, place))
            return false;
        if (!(field->repeated ? show_beside(run, field, tag, &at, end)
                              : show_single(run, field, wire.bits, wire.bytes)))
            return false;
        next = place + 1;
    }
    return absent(run, message, next, message->n_fields);
}

/* ---- messages ---- */

/* The comma before the first field becomes the brace. */
static bool show_object(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    struct kb_out *out = &run->out;
    size_t start = kb_out_len(out);
    kb_emit_begin_object(out->sink);
    if (!(run->straight ? show_straight(run, message, bytes) : show_scanned(run, message, bytes)))
        return false;
    kb_emit_end_object(out->sink);
    if (kb_out_len(out) == start)
        return kb_out_word(out, KB_S("{}"));
    out->buf->ptr[start] = '{';
    return kb_out_word(out, KB_S("}"));
}

bool kb_proto_show(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    if (!kb_proto_enter(run))
        return false;
    bool ok = message->well_known == KB_PROTO_ORDINARY
                  ? show_object(run, message, bytes)
                  : kb_proto_show_well_known(run, message, bytes);
    run->depth--;
    return ok;
}

bool kb_proto_show_embedded(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    if (!kb_proto_enter(run))
        return false;
    bool ok = show_scanned(run, message, bytes);
    run->depth--;
    return ok;
}
