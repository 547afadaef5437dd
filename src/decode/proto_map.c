/* Maps: on the wire a list of entries, each a message of a key and a value, in no order; as JSON an
 * object with its keys sorted, of the same key the last. See proto_run.h. */
#include "decode/proto_run.h"

#define FEW 8
#define SIGN (UINT64_C(1) << 63)

struct entry {
    union {
        const char *text; /* a string's bytes */
        uint64_t order;   /* of a number, so that it sorts */
    } key;
    uint32_t text_len;
    uint32_t len;
    const char *bytes; /* of the whole entry: of the same key the last one has the highest place */
};

static struct kb_slice text_of(const struct entry *entry)
{
    return (struct kb_slice){entry->key.text, entry->text_len};
}

/* ---- sorting ---- */

/* Below 0, 0 and above as the keys are. */
static int compare(const struct entry *a, const struct entry *b, bool text)
{
    if (!text)
        return a->key.order < b->key.order ? -1 : a->key.order > b->key.order;
    uint32_t len = a->text_len < b->text_len ? a->text_len : b->text_len;
    int order = len ? memcmp(a->key.text, b->key.text, len) : 0;
    return order ? order : a->text_len < b->text_len ? -1 : a->text_len > b->text_len;
}

static bool less(const struct entry *a, const struct entry *b, bool text)
{
    int order = compare(a, b, text);
    return order ? order < 0 : a->bytes < b->bytes;
}

static void sort_few(struct entry *entries, size_t n, bool text)
{
    for (size_t i = 1; i < n; i++) {
        struct entry entry = entries[i];
        size_t place = i;
        for (; place > 0 && less(&entry, &entries[place - 1], text); place--)
            entries[place] = entries[place - 1];
        entries[place] = entry;
    }
}

/* Heap sort: bounded for any keys. Many maps come sorted. */
static void sort_many(struct entry *entries, size_t n, bool text)
{
    size_t sorted = 1;
    while (sorted < n && less(&entries[sorted - 1], &entries[sorted], text))
        sorted++;
    for (size_t end = sorted < n ? n : 0, start = end / 2; end > 1;) {
        struct entry entry;
        if (start > 0) {
            entry = entries[--start];
        } else {
            entry = entries[--end];
            entries[end] = entries[0];
        }
        size_t root = start;
        for (size_t child; (child = 2 * root + 1) < end; root = child) {
            child += child + 1 < end && less(&entries[child], &entries[child + 1], text);
            if (!less(&entry, &entries[child], text))
                break;
            entries[root] = entries[child];
        }
        entries[root] = entry;
    }
}

/* ---- keys ---- */

static uint64_t key_order(enum kb_proto_type type, uint64_t bits)
{
    if (type == KB_PROTO_BOOL)
        return bits != 0;
    if (type == KB_PROTO_UINT64 || type == KB_PROTO_FIXED64)
        return bits;
    return (uint64_t)kb_proto_integer(type, bits) ^ SIGN;
}

static char *put_number(char to[KB_I64_MAX], enum kb_proto_type type, uint64_t order)
{
    if (type == KB_PROTO_UINT64 || type == KB_PROTO_FIXED64)
        return kb_proto_digits(to, type, order);
    return kb_i64_put(to, (int64_t)(order ^ SIGN));
}

static bool show_key(struct kb_out *out, enum kb_proto_type type, const struct entry *entry)
{
    char digits[KB_I64_MAX];
    struct kb_slice name;
    if (type == KB_PROTO_STRING)
        name = text_of(entry);
    else if (type == KB_PROTO_BOOL)
        name = entry->key.order ? KB_S("true") : KB_S("false");
    else
        name = (struct kb_slice){
            digits, (size_t)(put_number(digits, type, entry->key.order) - digits)};
    kb_emit_key(out->sink, name);
    return kb_out_text(out, name) && kb_out_word(out, KB_S(":"));
}

/* ---- entries ---- */

/* All occurrences of an entry's key, or of its value; what else it holds is unknown. */
static bool read_part(struct kb_proto_run *run, const struct kb_proto_field *field,
    struct kb_slice entry, struct kb_proto_slot *slot)
{
    const char *at = entry.ptr, *end = at + entry.len;
    slot->count = 0;
    while (at < end) {
        struct kb_wire wire;
        const char *tag = at;
        if (!kb_wire_step(&at, end, &wire))
            return kb_proto_wire_fault(run, at, &wire);
        if (wire.number == field->number && wire.type == field->wire &&
            !kb_proto_slot_add(run, field, slot, &wire, tag))
            return false;
    }
    return true;
}

/* A key that is not there is zero or empty. */
static bool read_entry(struct kb_proto_run *run, const struct kb_proto_field *key,
    struct kb_slice bytes, struct entry *out)
{
    struct kb_proto_slot slot;
    if (!read_part(run, key, bytes, &slot))
        return false;
    *out = (struct entry){.bytes = bytes.ptr, .len = (uint32_t)bytes.len};
    if (key->type == KB_PROTO_STRING) {
        struct kb_slice text = kb_proto_slot_bytes(&slot);
        out->key.text = text.ptr;
        out->text_len = (uint32_t)text.len;
    } else {
        out->key.order = key_order(key->type, kb_proto_slot_bits(&slot));
    }
    return true;
}

static bool show_value(
    struct kb_proto_run *run, const struct kb_proto_field *field, const struct entry *entry)
{
    struct kb_proto_slot slot;
    struct kb_slice bytes = {entry->bytes, entry->len};
    return read_part(run, field, bytes, &slot) &&
           kb_proto_show_last(run, field, &slot, bytes.ptr + bytes.len);
}

static bool show_entry(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct entry *entry, char before)
{
    struct kb_out *out = &run->out;
    if (!kb_out_room(out, 1))
        return false;
    *out->at++ = before;
    if (!show_key(out, message->fields[0].type, entry))
        return false;
    struct kb_events *sink = kb_out_ask(out);
    bool ok = show_value(run, &message->fields[1], entry);
    out->sink = sink;
    return ok;
}

static bool show_entries(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct entry *entries, size_t n)
{
    bool text = message->fields[0].type == KB_PROTO_STRING;
    char before = '{';
    kb_emit_begin_object(run->out.sink);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && compare(&entries[i], &entries[i + 1], text) == 0)
            continue;
        if (!show_entry(run, message, &entries[i], before))
            return false;
        before = ',';
    }
    kb_emit_end_object(run->out.sink);
    return kb_out_word(&run->out, before == '{' ? KB_S("{}") : KB_S("}"));
}

/* Room for twice as many as there are. NULL = failed. */
static struct entry *more_room(struct kb_proto_run *run, const struct entry *entries, size_t n)
{
    struct entry *more = kb_arena_alloc(run->arena, 2 * n * sizeof(*more));
    if (more)
        memcpy(more, entries, n * sizeof(*more));
    else
        kb_proto_no_room(run);
    return more;
}

static bool show_map(struct kb_proto_run *run, struct kb_proto_each *each)
{
    const struct kb_proto_message *message = each->field->message;
    const struct kb_proto_field *key = &message->fields[0];
    struct entry few[FEW], *entries = few;
    size_t n = 0, room = FEW;
    for (; each->there; kb_proto_each_next(run, each), n++) {
        if (n == room) {
            entries = more_room(run, entries, n);
            room *= 2;
        }
        if (!entries || !read_entry(run, key, each->wire.bytes, &entries[n]))
            return false;
    }
    if (each->failed)
        return false;
    if (n <= FEW)
        sort_few(entries, n, key->type == KB_PROTO_STRING);
    else
        sort_many(entries, n, key->type == KB_PROTO_STRING);
    return show_entries(run, message, entries, n);
}

bool kb_proto_show_map(struct kb_proto_run *run, struct kb_proto_each *each)
{
    if (!kb_proto_enter(run)) /* an entry is a message */
        return false;
    bool ok = show_map(run, each);
    run->depth--;
    return ok;
}
