/* Where a message's fields are; see proto_run.h. */
#include "decode/proto_run.h"

bool kb_proto_fail(struct kb_proto_run *run, const char *at, const char *what)
{
    if (at)
        return kb_err_record(run->err, KB_FAILURE_DECODE, "%s, before byte %zu", what,
            (size_t)(at - run->start) + 1);
    return kb_err_record(run->err, KB_FAILURE_DECODE, "%s", what);
}

bool kb_proto_no_room(struct kb_proto_run *run)
{
    return kb_proto_fail(run, NULL, "it takes more memory than a record may have");
}

/* Merged pieces lie elsewhere: no place to speak of. */
bool kb_proto_wire_fault(struct kb_proto_run *run, const char *at, const struct kb_wire *wire)
{
    return kb_proto_fail(run, run->depth <= 1 ? at : NULL, wire->fault);
}

/* The last one of a oneof wins: behind the slots of the fields stand those of the oneofs, which
 * count the place of the member that was set, plus 1. */
static void note_oneof(const struct kb_proto_message *message, struct kb_proto_slot *slots,
    const struct kb_proto_field *field)
{
    uint32_t place = (uint32_t)(field - message->fields) + 1;
    uint32_t *set = &slots[message->n_fields + field->oneof].count;
    if (*set && *set != place)
        slots[*set - 1].count = 0;
    *set = place;
}

static inline void note(const struct kb_proto_message *message, struct kb_proto_slot *slots,
    const struct kb_wire *wire, const char *tag)
{
    const struct kb_proto_field *field = kb_proto_field(message, wire->number);
    if (!field || !kb_proto_takes(field, wire->type))
        return; /* unknown: some other version's */
    if (field->oneof != KB_PROTO_NO_ONEOF)
        note_oneof(message, slots, field);
    kb_proto_slot_add(&slots[field - message->fields], wire, tag);
}

/* Zeroed slots of this depth; a message with more fields than any before gets twice as many. */
static struct kb_proto_slot *take_slots(struct kb_proto_run *run, size_t n)
{
    for (; run->n_kept <= run->depth; run->n_kept++)
        run->kept[run->n_kept].n = 0;
    size_t *kept = &run->kept[run->depth].n;
    struct kb_proto_slot **slots = &run->kept[run->depth].slots;
    if (n > *kept) {
        *kept = n > 2 * *kept ? n : 2 * *kept;
        *slots = kb_arena_alloc(run->arena, *kept * sizeof(**slots));
        if (!*slots) {
            *kept = 0;
            kb_proto_no_room(run);
            return NULL;
        }
    }
    for (size_t i = 0; i < n; i++)
        (*slots)[i].count = 0;
    return *slots;
}

const struct kb_proto_slot *kb_proto_scan(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    static const struct kb_proto_slot none;
    size_t n = message->n_fields + message->n_oneofs;
    struct kb_proto_slot *slots = take_slots(run, n);
    if (n && !slots)
        return NULL;
    const char *at = bytes.ptr, *end = at + bytes.len;
    while (at < end) {
        struct kb_wire wire;
        const char *tag = at;
        if (!kb_wire_step(&at, end, &wire)) {
            kb_proto_wire_fault(run, at, &wire);
            return NULL;
        }
        note(message, slots, &wire, tag);
    }
    return slots ? slots : &none;
}

/* ---- occurrences ---- */

struct kb_proto_each kb_proto_each(
    const struct kb_proto_field *field, const struct kb_proto_slot *slot, const char *end)
{
    return (struct kb_proto_each){
        .field = field, .at = slot->first, .end = end, .left = slot->count};
}

struct kb_proto_each kb_proto_beside(
    const struct kb_proto_field *field, const char *tag, const char *end)
{
    return (struct kb_proto_each){.field = field, .at = tag, .end = end, .beside = true};
}

/* The next number of a packed occurrence. */
static bool next_packed(struct kb_proto_run *run, struct kb_proto_each *each)
{
    const char *at = each->packed.ptr, *end = at + each->packed.len;
    int size = each->field->wire == KB_WIRE_64 ? 8 : 4;
    bool ok = true;
    if (each->field->wire == KB_WIRE_VARINT) {
        ok = kb_varint(&at, end, &each->wire.bits);
    } else if (end - at >= size) {
        each->wire.bits = kb_wire_little(at, size);
        at += size;
    } else {
        ok = false;
    }
    each->failed = !ok && !kb_proto_fail(run, NULL, "a packed number is cut off or too long");
    each->packed = (struct kb_slice){at, (size_t)(end - at)};
    return ok;
}

/* What is read once more counts. */
static bool is_too_much(struct kb_proto_run *run, struct kb_proto_each *each, size_t len)
{
    each->failed = len > run->work;
    if (!each->failed)
        run->work -= len;
    return each->failed && !kb_proto_fail(run, NULL, "its fields are too many and too mixed");
}

static bool next_tag(struct kb_proto_run *run, struct kb_proto_each *each)
{
    each->failed = !kb_wire_step(&each->at, each->end, &each->wire);
    return !each->failed || kb_proto_wire_fault(run, each->at, &each->wire);
}

static inline bool is_of(const struct kb_wire *wire, const struct kb_proto_field *field)
{
    return wire->number == field->number && kb_proto_takes(field, wire->type);
}

/* The one that stands right here, if it does; a look at a tag of one byte tells mostly. */
static bool next_beside(struct kb_proto_run *run, struct kb_proto_each *each)
{
    const char *tag = each->at;
    if (tag == each->end)
        return false;
    unsigned first = (unsigned char)*tag;
    if ((first < 0x80 && first >> 3 != each->field->number) || !next_tag(run, each))
        return false;
    if (is_of(&each->wire, each->field))
        return true;
    each->at = tag;
    return false;
}

/* To the next occurrence; what lies between is another field's. False where there is none. */
static bool next_occurrence(struct kb_proto_run *run, struct kb_proto_each *each)
{
    while (each->left > 0) {
        const char *tag = each->at;
        if (!next_tag(run, each) || is_too_much(run, each, (size_t)(each->at - tag)))
            return false;
        if (is_of(&each->wire, each->field)) {
            each->left--;
            return true;
        }
    }
    return false;
}

bool kb_proto_each_next(struct kb_proto_run *run, struct kb_proto_each *each)
{
    each->there = false;
    while (each->packed.len == 0) {
        if (!(each->beside ? next_beside(run, each) : next_occurrence(run, each)))
            return false;
        if (each->wire.type == each->field->wire) {
            each->there = true;
            return true;
        }
        each->packed = each->wire.bytes;
    }
    each->there = next_packed(run, each);
    return each->there;
}

bool kb_proto_merged(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, struct kb_slice *out)
{
    *out = kb_proto_slot_bytes(slot);
    if (slot->count <= 1)
        return true;
    size_t len = 0;
    struct kb_proto_each each = kb_proto_each(field, slot, end);
    while (kb_proto_each_next(run, &each))
        len += each.wire.bytes.len;
    char *text = each.failed ? NULL : kb_arena_alloc(run->arena, len);
    if (!text)
        return each.failed ? false : kb_proto_no_room(run);
    *out = (struct kb_slice){text, len};
    each = kb_proto_each(field, slot, end);
    while (kb_proto_each_next(run, &each)) {
        memcpy(text, each.wire.bytes.ptr, each.wire.bytes.len);
        text += each.wire.bytes.len;
    }
    return !each.failed;
}
