/* Values as JSON text, by Protobuf's own mapping; see proto_run.h and protobuf.h. */
#include "decode/proto_run.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "value/json.h"

#include <inttypes.h>
#include <math.h>

/* ---- scalars ---- */

static int64_t zigzag(uint64_t bits)
{
    return (int64_t)(bits >> 1 ^ -(bits & 1));
}

static void put_unsigned(struct kb_buf *out, uint64_t number)
{
    char text[KB_I64_MAX], *at = text + sizeof(text);
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    kb_buf_add(out, (struct kb_slice){at, (size_t)(text + sizeof(text) - at)});
}

static bool is_wide(enum kb_proto_type type)
{
    return type == KB_PROTO_INT64 || type == KB_PROTO_UINT64 || type == KB_PROTO_SINT64 ||
           type == KB_PROTO_FIXED64 || type == KB_PROTO_SFIXED64;
}

/* The digits of any integer type. */
static void put_integer(struct kb_buf *out, enum kb_proto_type type, uint64_t bits)
{
    switch (type) {
    case KB_PROTO_UINT64:
    case KB_PROTO_FIXED64:
        put_unsigned(out, bits);
        break;
    case KB_PROTO_UINT32:
    case KB_PROTO_FIXED32:
        put_unsigned(out, (uint32_t)bits);
        break;
    case KB_PROTO_INT64:
    case KB_PROTO_SFIXED64:
        kb_buf_add_i64(out, (int64_t)bits);
        break;
    case KB_PROTO_SINT64:
        kb_buf_add_i64(out, zigzag(bits));
        break;
    case KB_PROTO_SINT32:
        kb_buf_add_i64(out, (int32_t)zigzag((uint32_t)bits));
        break;
    default:
        kb_buf_add_i64(out, (int32_t)bits);
    }
}

static void put_float(struct kb_buf *out, uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float number;
    char text[KB_JSON_REAL_MAX];
    memcpy(&number, &low, sizeof(number));
    struct kb_slice digits = {text, kb_json_float_text(text, number)};
    if (isfinite(number))
        kb_buf_add(out, digits);
    else
        kb_json_string(out, digits);
}

static void put_double(struct kb_buf *out, uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof(number));
    kb_json_real(out, number);
}

static const struct kb_proto_enum_value *value_of(const struct kb_proto_enum *e, int32_t number)
{
    size_t low = 0, high = e->n_values;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (e->values[middle].number == number)
            return &e->values[middle];
        if (e->values[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void put_enum(struct kb_proto_run *run, const struct kb_proto_enum *e, int32_t number)
{
    bool by_name = run->options->proto_enums == KB_PROTO_ENUMS_NAME;
    const struct kb_proto_enum_value *value = by_name ? value_of(e, number) : NULL;
    if (by_name && e->null_value)
        kb_buf_add(run->out, KB_S("null"));
    else if (value)
        kb_buf_add(run->out, value->json);
    else
        kb_buf_add_i64(run->out, number);
}

static bool put_string(struct kb_proto_run *run, struct kb_slice text)
{
    size_t good = kb_utf8_prefix(text);
    if (good < text.len)
        return kb_proto_fail(
            run, run->depth <= 1 ? text.ptr + good : NULL, "a string is not UTF-8");
    kb_json_string(run->out, text);
    return true;
}

static void put_bytes(struct kb_buf *out, struct kb_slice bytes)
{
    kb_buf_byte(out, '"');
    kb_base64_add(out, bytes);
    kb_buf_byte(out, '"');
}

bool kb_proto_show_value(struct kb_proto_run *run, const struct kb_proto_field *field,
    uint64_t bits, struct kb_slice bytes)
{
    bool quoted = is_wide(field->type) && run->options->proto_int64 == KB_PROTO_INT64_STRING;
    switch (field->type) {
    case KB_PROTO_MESSAGE:
        return kb_proto_show(run, field->message, bytes);
    case KB_PROTO_STRING:
        return put_string(run, bytes);
    case KB_PROTO_BYTES:
        put_bytes(run->out, bytes);
        return true;
    case KB_PROTO_DOUBLE:
        put_double(run->out, bits);
        return true;
    case KB_PROTO_FLOAT:
        put_float(run->out, bits);
        return true;
    case KB_PROTO_BOOL:
        kb_buf_add(run->out, bits ? KB_S("true") : KB_S("false"));
        return true;
    case KB_PROTO_ENUM:
        put_enum(run, field->enumeration, (int32_t)bits);
        return true;
    default:
        if (quoted)
            kb_buf_byte(run->out, '"');
        put_integer(run->out, field->type, bits);
        if (quoted)
            kb_buf_byte(run->out, '"');
        return true;
    }
}

bool kb_proto_show_last(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end)
{
    struct kb_slice bytes;
    if (field->wire != KB_WIRE_BYTES)
        return kb_proto_show_value(run, field, kb_proto_slot_bits(slot), KB_S(""));
    if (field->type != KB_PROTO_MESSAGE)
        return kb_proto_show_value(run, field, 0, kb_proto_slot_bytes(slot));
    return kb_proto_merged(run, field, slot, end, &bytes) &&
           kb_proto_show(run, field->message, bytes);
}

/* ---- lists and maps ---- */

bool kb_proto_show_list(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, size_t *n)
{
    struct kb_proto_each each = kb_proto_each(field, slot, end);
    kb_buf_byte(run->out, '[');
    for (*n = 0; kb_proto_each_next(run, &each); ++*n) {
        if (*n)
            kb_buf_byte(run->out, ',');
        if (!kb_proto_show_value(run, field, each.bits, each.bytes))
            return false;
    }
    kb_buf_byte(run->out, ']');
    return !each.failed;
}

struct entry {
    struct kb_slice key;
    uint64_t order; /* of a key that is no string, so that its numbers sort */
    uint64_t bits;
    size_t place;
    struct kb_proto_slot value;
    const char *end;
};

static bool less(const struct entry *a, const struct entry *b)
{
    if (a->order != b->order)
        return a->order < b->order;
    size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = len ? memcmp(a->key.ptr, b->key.ptr, len) : 0;
    if (order != 0 || a->key.len != b->key.len)
        return order ? order < 0 : a->key.len < b->key.len;
    return a->place < b->place;
}

/* Heap sort, bounded for any keys. Most maps are small or come sorted: those are left alone. */
static void sort_entries(struct entry *entries, size_t n)
{
    size_t sorted = 1;
    while (sorted < n && !less(&entries[sorted], &entries[sorted - 1]))
        sorted++;
    if (sorted >= n)
        return;
    for (size_t end = n, start = n / 2; end > 1;) {
        struct entry entry;
        if (start > 0) {
            entry = entries[--start];
        } else {
            entry = entries[--end];
            entries[end] = entries[0];
        }
        size_t root = start;
        for (size_t child; (child = 2 * root + 1) < end; root = child) {
            child += child + 1 < end && less(&entries[child], &entries[child + 1]);
            if (!less(&entry, &entries[child]))
                break;
            entries[root] = entries[child];
        }
        entries[root] = entry;
    }
}

static bool same_key(const struct entry *a, const struct entry *b)
{
    return a->order == b->order && kb_slice_eq(a->key, b->key);
}

static uint64_t key_order(enum kb_proto_type type, uint64_t bits)
{
    const uint64_t sign = UINT64_C(1) << 63;
    switch (type) {
    case KB_PROTO_STRING:
        return 0;
    case KB_PROTO_BOOL:
        return bits != 0;
    case KB_PROTO_UINT64:
    case KB_PROTO_FIXED64:
        return bits;
    case KB_PROTO_UINT32:
    case KB_PROTO_FIXED32:
        return (uint32_t)bits;
    case KB_PROTO_SINT64:
        return (uint64_t)zigzag(bits) ^ sign;
    case KB_PROTO_SINT32:
        return (uint64_t)(int64_t)(int32_t)zigzag((uint32_t)bits) ^ sign;
    case KB_PROTO_INT64:
    case KB_PROTO_SFIXED64:
        return bits ^ sign;
    default:
        return (uint64_t)(int64_t)(int32_t)bits ^ sign;
    }
}

/* Reads an entry; a key that is not there is zero or empty. */
static bool read_entry(struct kb_proto_run *run, const struct kb_proto_message *message,
    struct kb_slice bytes, struct entry *out)
{
    const struct kb_proto_slot *slots = kb_proto_scan(run, message, bytes);
    if (!slots)
        return false;
    bool text = message->fields[0].type == KB_PROTO_STRING;
    out->value = slots[1];
    out->end = bytes.ptr + bytes.len;
    out->bits = text ? 0 : kb_proto_slot_bits(&slots[0]);
    out->key = text ? kb_proto_slot_bytes(&slots[0]) : KB_S("");
    out->order = key_order(message->fields[0].type, out->bits);
    return true;
}

static bool show_entry(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct entry *entry, bool first)
{
    const struct kb_proto_field *key = &message->fields[0], *value = &message->fields[1];
    if (!first)
        kb_buf_byte(run->out, ',');
    if (key->type == KB_PROTO_STRING) {
        if (!put_string(run, entry->key))
            return false;
    } else {
        kb_buf_byte(run->out, '"');
        if (key->type == KB_PROTO_BOOL)
            kb_buf_add(run->out, entry->bits ? KB_S("true") : KB_S("false"));
        else
            put_integer(run->out, key->type, entry->bits);
        kb_buf_byte(run->out, '"');
    }
    kb_buf_byte(run->out, ':');

    return kb_proto_show_last(run, value, &entry->value, entry->end);
}

/* Entries by key, of the same key the last. */
static bool show_entries(struct kb_proto_run *run, const struct kb_proto_field *field,
    struct entry *entries, const struct kb_proto_slot *slot, const char *end)
{
    struct kb_proto_each each = kb_proto_each(field, slot, end);
    size_t n = 0;
    for (; kb_proto_each_next(run, &each); n++) {
        entries[n].place = n;
        if (!read_entry(run, field->message, each.bytes, &entries[n]))
            return false;
    }
    if (each.failed)
        return false;
    sort_entries(entries, n);
    kb_buf_byte(run->out, '{');
    for (size_t i = 0, shown = 0; i < n; i++) {
        if (i + 1 < n && same_key(&entries[i], &entries[i + 1]))
            continue;
        if (!show_entry(run, field->message, &entries[i], shown++ == 0))
            return false;
    }
    kb_buf_byte(run->out, '}');
    return true;
}

static bool deeper(struct kb_proto_run *run)
{
    if (run->depth + 1 == KB_PROTO_DEPTH_MAX)
        return kb_proto_fail(run, NULL, "messages are nested more than 100 deep");
    run->depth++;
    return true;
}

bool kb_proto_show_map(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end)
{
    struct entry few[8], *entries = few;
    if (slot->count > KB_COUNT(few))
        entries = kb_arena_alloc(run->arena, slot->count * sizeof(*entries));
    if (!entries)
        return kb_proto_no_room(run);
    if (!deeper(run)) /* an entry is a message */
        return false;
    bool ok = show_entries(run, field, entries, slot, end);
    run->depth--;
    return ok;
}

/* ---- messages ---- */

/* Is there anything to tell of a field without presence? Zero and empty are what it is unset. */
static bool is_zero(const struct kb_proto_field *field, const struct kb_proto_slot *slot)
{
    if (field->wire == KB_WIRE_BYTES)
        return slot->len == 0;
    bool narrow =
        field->type != KB_PROTO_BOOL && !is_wide(field->type) && field->type != KB_PROTO_DOUBLE;
    return (narrow ? (uint32_t)slot->bits : slot->bits) == 0;
}

/* A list that has occurrences but no element (packed, and empty) is unset too. */
static bool show_field(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, bool *first)
{
    bool defaults = run->options->proto_defaults && !field->presence;
    if (!defaults &&
        (slot->count == 0 || (!field->repeated && !field->presence && is_zero(field, slot))))
        return true;
    size_t before = run->out->len, n = 1;
    struct kb_slice key = run->options->proto_names ? field->key_proto : field->key;
    kb_buf_add(run->out, (struct kb_slice){key.ptr + *first, key.len - *first});
    bool ok = field->map        ? kb_proto_show_map(run, field, slot, end)
              : field->repeated ? kb_proto_show_list(run, field, slot, end, &n)
                                : kb_proto_show_last(run, field, slot, end);
    if (!ok)
        return kb_err_wrap(run->err, KB_FMT, KB_ARG(field->name));
    if (n == 0 && !defaults)
        run->out->len = before;
    else
        *first = false;
    return true;
}

static bool show_fields(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct kb_proto_slot *slots, const char *end, bool first)
{
    bool defaults = run->options->proto_defaults;
    for (size_t i = 0; i < message->n_fields; i++)
        if ((slots[i].count > 0 || defaults) &&
            !show_field(run, &message->fields[i], &slots[i], end, &first))
            return false;
    return true;
}

static bool show_message(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    const struct kb_proto_slot *slots = kb_proto_scan(run, message, bytes);
    const char *end = bytes.ptr + bytes.len;
    if (!slots)
        return false;
    if (message->well_known != KB_PROTO_ORDINARY)
        return kb_proto_show_well_known(run, message, slots, end);
    kb_buf_byte(run->out, '{');
    if (!show_fields(run, message, slots, end, true))
        return false;
    kb_buf_byte(run->out, '}');
    return true;
}

bool kb_proto_show(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    if (!deeper(run))
        return false;
    bool ok = show_message(run, message, bytes);
    run->depth--;
    return ok;
}

bool kb_proto_show_embedded(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    if (!deeper(run))
        return false;
    const struct kb_proto_slot *slots = kb_proto_scan(run, message, bytes);
    bool ok = slots && show_fields(run, message, slots, bytes.ptr + bytes.len, false);
    run->depth--;
    return ok;
}
