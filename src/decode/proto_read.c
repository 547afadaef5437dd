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

/* ---- where fields are ---- */

bool kb_proto_slot_chain(struct kb_proto_run *run, struct kb_proto_slot *slot, const char *tag)
{
    struct kb_proto_piece *piece = kb_arena_alloc(run->arena, sizeof(*piece));
    if (!piece)
        return kb_proto_no_room(run);
    *piece = (struct kb_proto_piece){tag, slot->last ? slot->last->next : piece};
    if (slot->last)
        slot->last->next = piece;
    slot->last = piece;
    return true;
}

/* The slot of a place, and its bit. */
static struct kb_proto_slot *use(struct kb_proto_fields *fields, size_t place)
{
    if (!kb_proto_is_there(fields, place)) {
        size_t word = place / KB_PROTO_WORD_BITS;
        fields->there[word] |= UINT64_C(1) << place % KB_PROTO_WORD_BITS;
        fields->words[word / KB_PROTO_WORD_BITS] |= UINT64_C(1) << word % KB_PROTO_WORD_BITS;
        fields->slots[place].count = 0;
    }
    return &fields->slots[place];
}

/* The last one of a oneof wins. What `members` has may be another message's: then its place is not
 * there, or no member. */
static void note_oneof(const struct kb_proto_message *message, struct kb_proto_fields *fields,
    const struct kb_proto_field *field)
{
    uint16_t place = (uint16_t)(field - message->fields), before = fields->members[field->oneof];
    if (before != place && before < message->n_fields && kb_proto_is_there(fields, before) &&
        message->fields[before].oneof == field->oneof)
        fields->slots[before].count = 0;
    fields->members[field->oneof] = place;
}

static inline bool note(struct kb_proto_run *run, const struct kb_proto_message *message,
    struct kb_proto_fields *fields, const struct kb_wire *wire, const char *tag)
{
    const struct kb_proto_field *field = kb_proto_field(message, wire->number);
    if (!field || !kb_proto_takes(field, wire->type))
        return true; /* unknown: some other version's */
    if (field->oneof != KB_PROTO_NO_ONEOF)
        note_oneof(message, fields, field);
    struct kb_proto_slot *slot = use(fields, (size_t)(field - message->fields));
    return kb_proto_slot_add(run, field, slot, wire, tag);
}

/* The first bit from `from` on, SIZE_MAX = none. */
static size_t next_bit(const uint64_t *words, size_t n_words, size_t from)
{
    size_t bit = from % KB_PROTO_WORD_BITS;
    for (size_t at = from / KB_PROTO_WORD_BITS; at < n_words; at++, bit = 0) {
        uint64_t left = words[at] >> bit << bit;
        if (left)
            return at * KB_PROTO_WORD_BITS + (size_t)__builtin_ctzll(left);
    }
    return SIZE_MAX;
}

size_t kb_proto_next_there(const struct kb_proto_fields *fields, size_t place)
{
    size_t word = place / KB_PROTO_WORD_BITS;
    size_t found = next_bit(fields->there, word + 1, place);
    if (found != SIZE_MAX)
        return found;
    word = next_bit(fields->words, KB_COUNT(fields->words), word + 1);
    return word == SIZE_MAX ? SIZE_MAX
                            : next_bit(fields->there, word + 1, word * KB_PROTO_WORD_BITS);
}

static bool make_room(struct kb_proto_run *run, struct kb_proto_fields *fields, size_t n)
{
    size_t room = n > 2 * fields->room ? n : 2 * fields->room;
    size_t words = room / KB_PROTO_WORD_BITS + 1;
    fields->room = 0; /* until all of it is there */
    fields->slots = kb_arena_alloc(run->arena, room * sizeof(*fields->slots));
    fields->members = kb_arena_alloc(run->arena, room * sizeof(*fields->members));
    fields->there = kb_arena_alloc(run->arena, words * sizeof(*fields->there));
    if (!fields->slots || !fields->members || !fields->there)
        return kb_proto_no_room(run);
    memset(fields->members, 0, room * sizeof(*fields->members));
    memset(fields->there, 0, words * sizeof(*fields->there));
    memset(fields->words, 0, sizeof(fields->words));
    fields->room = room;
    return true;
}

static void forget(struct kb_proto_fields *fields)
{
    for (size_t i = 0; i < KB_COUNT(fields->words); i++)
        for (; fields->words[i]; fields->words[i] &= fields->words[i] - 1)
            fields->there[i * KB_PROTO_WORD_BITS + (size_t)__builtin_ctzll(fields->words[i])] = 0;
}

/* Those of this depth, none there; a message with more than any before gets twice the room. There
 * is always a place behind the last. */
static struct kb_proto_fields *take_fields(
    struct kb_proto_run *run, const struct kb_proto_message *message)
{
    for (; run->n_kept <= run->depth; run->n_kept++)
        run->kept[run->n_kept].room = 0;
    struct kb_proto_fields *fields = &run->kept[run->depth];
    size_t n = message->n_fields > message->n_oneofs ? message->n_fields : message->n_oneofs;
    if (n >= fields->room)
        return make_room(run, fields, n + 1) ? fields : NULL;
    forget(fields);
    return fields;
}

const struct kb_proto_fields *kb_proto_scan(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes)
{
    struct kb_proto_fields *fields = take_fields(run, message);
    const char *at = bytes.ptr, *end = at + bytes.len;
    bool ok = fields != NULL;
    while (ok && at < end) {
        struct kb_wire wire;
        const char *tag = at;
        ok = kb_wire_step(&at, end, &wire) ? note(run, message, fields, &wire, tag)
                                           : kb_proto_wire_fault(run, at, &wire);
    }
    return ok ? fields : NULL;
}

/* ---- occurrences ---- */

struct kb_proto_each kb_proto_each(
    const struct kb_proto_field *field, const struct kb_proto_slot *slot, const char *end)
{
    return (struct kb_proto_each){
        .field = field, .at = slot->first, .end = end, .left = slot->count, .pieces = slot->last};
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

/* To the next one of a slot's. False where there is none. */
static bool next_occurrence(struct kb_proto_run *run, struct kb_proto_each *each)
{
    if (each->left == 0 || !next_tag(run, each))
        return false;
    if (--each->left > 0) {
        each->pieces = each->pieces->next;
        each->at = each->pieces->tag;
    }
    return true;
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
