/* One record's way through the proto_ files that read one: proto_read.c (where fields are),
 * proto_show.c (messages and lists), proto_map.c, proto_scalar.c, proto_well_known.c; private to
 * them and protobuf.c.
 *
 * Fields may come in any order, in pieces and more than once, but JSON wants each at one place. So
 * a message is read twice: kb_proto_scan notes for each field where it was (a *slot*, and a chain
 * of further pieces), then the slots are shown in the order of the schema. Slots come from the
 * record's arena and are kept per depth, so messages beside each other share them; which of them
 * are in use is a bit each, so that a message costs what is in it, not what its schema could have.
 * All of it takes time and memory in proportion to the record.
 *
 * Serializers write a message's fields in just that order, though. While the run is *straight*,
 * each field is shown as it comes; the first thing out of its place ends that, and the record is
 * begun again the thorough way. So both together take at most twice as long as one, whatever the
 * record, and tell the same: tests/fuzz holds them against each other. */
#ifndef KB_DECODE_PROTO_RUN_H
#define KB_DECODE_PROTO_RUN_H

#include "decode/out.h"
#include "decode/proto.h"
#include "decode/proto_wire.h"

#define KB_PROTO_DEPTH_MAX 100 /* as Protobuf's own readers */

/* An occurrence of a field behind its first. */
struct kb_proto_piece {
    const char *tag;
    struct kb_proto_piece *next; /* of the last one: the second */
};

struct kb_proto_slot {
    uint32_t count, len; /* how often it came, 0 = it did not; the last one's bytes */
    const char *first;   /* the tag of its first occurrence */
    union {              /* of the last one, by its wire type */
        uint64_t bits;
        const char *ptr;
    };
    struct kb_proto_piece *last; /* where all count: of a list or a message; NULL = just one came */
};

/* The bytes of the last occurrence, empty where there was none. */
static inline struct kb_slice kb_proto_slot_bytes(const struct kb_proto_slot *slot)
{
    return slot->count ? (struct kb_slice){slot->ptr, slot->len} : (struct kb_slice){"", 0};
}

static inline uint64_t kb_proto_slot_bits(const struct kb_proto_slot *slot)
{
    return slot->count ? slot->bits : 0;
}

/* Is that wire type one of the field's? A list of numbers comes packed or not. */
static inline bool kb_proto_takes(const struct kb_proto_field *field, uint8_t wire)
{
    return wire == field->wire ||
           (wire == KB_WIRE_BYTES && field->repeated && field->wire != KB_WIRE_BYTES);
}

/* Where a message's fields are. */
#define KB_PROTO_WORD_BITS 64
struct kb_proto_fields {
    struct kb_proto_slot *slots; /* by place; set where the bit is */
    uint64_t *there;             /* a bit a place */
    uint64_t words[KB_PROTO_FIELDS_MAX / KB_PROTO_WORD_BITS / KB_PROTO_WORD_BITS]; /* not 0 */
    uint16_t *members; /* of each oneof the place of the one that came last, if its bit is set */
    size_t room;       /* places, and oneofs */
};

static inline bool kb_proto_is_there(const struct kb_proto_fields *fields, size_t place)
{
    return fields->there[place / KB_PROTO_WORD_BITS] >> place % KB_PROTO_WORD_BITS & 1;
}

/* One that did not come has a count of 0. */
static inline const struct kb_proto_slot *kb_proto_slot(
    const struct kb_proto_fields *fields, size_t place)
{
    static const struct kb_proto_slot none;
    return kb_proto_is_there(fields, place) ? &fields->slots[place] : &none;
}

/* The next place from `place` on that is there, SIZE_MAX = none. */
size_t kb_proto_next_there(const struct kb_proto_fields *fields, size_t place);

struct kb_proto_run {
    const struct kb_proto *proto;
    const struct kb_format_options *options;
    struct kb_out out;
    struct kb_arena *arena;
    struct kb_err *err;
    const char *start; /* of the payload */
    bool straight;
    int depth;
    int n_kept; /* how deep it has been: beyond that `kept` was not set yet */
    struct kb_proto_fields kept[KB_PROTO_DEPTH_MAX];
};

/* protobuf.c: one record; `straight` false = the thorough way at once. */
bool kb_proto_decode(const struct kb_proto *proto, struct kb_slice payload,
    const struct kb_decoding *with, bool straight, struct kb_value *out,
    struct kb_err *err) KB_MUST_CHECK;

/* A failure of class decode; false. */
bool kb_proto_wire_fault(struct kb_proto_run *run, const char *at, const struct kb_wire *wire);
bool kb_proto_fail(struct kb_proto_run *run, const char *at, const char *what);
bool kb_proto_no_room(struct kb_proto_run *run);

/* The fields of `message` as `bytes` have it, valid while the run stays at this depth. NULL =
 * failed. */
const struct kb_proto_fields *kb_proto_scan(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);

/* One more occurrence of a field, whose tag stands at `tag`; a slot begins with a count of 0. Of
 * what is no list and no message the last occurrence counts alone. */
bool kb_proto_slot_chain(struct kb_proto_run *run, struct kb_proto_slot *slot, const char *tag);
static inline bool kb_proto_slot_add(struct kb_proto_run *run, const struct kb_proto_field *field,
    struct kb_proto_slot *slot, const struct kb_wire *wire, const char *tag)
{
    if (KB_LIKELY(slot->count++ == 0)) {
        slot->first = tag;
        slot->last = NULL;
    } else if ((field->repeated || field->type == KB_PROTO_MESSAGE) &&
               !kb_proto_slot_chain(run, slot, tag)) {
        return false;
    }
    if (wire->type == KB_WIRE_BYTES) {
        slot->ptr = wire->bytes.ptr;
        slot->len = (uint32_t)wire->bytes.len;
    } else {
        slot->bits = wire->bits;
    }
    return true;
}

/* The occurrences of a repeated field, packed or not.
 *
 *     struct kb_proto_each each = kb_proto_each(field, slot, end_of_message);
 *     while (kb_proto_each_next(run, &each)) ... each.wire.bits or each.wire.bytes
 *     if (each.failed) ... */
struct kb_proto_each {
    const struct kb_proto_field *field;
    const char *at, *end;                /* of the occurrences beside each other */
    uint32_t left;                       /* of a slot's: so many to come */
    const struct kb_proto_piece *pieces; /* the one at hand; at its first the last */
    bool beside, there, failed;
    struct kb_wire wire;    /* the occurrence at hand */
    struct kb_slice packed; /* what is left of it */
};
struct kb_proto_each kb_proto_each(
    const struct kb_proto_field *field, const struct kb_proto_slot *slot, const char *end);
/* Those from `tag` on with no other field between them; each.at ends up behind the last. */
struct kb_proto_each kb_proto_beside(
    const struct kb_proto_field *field, const char *tag, const char *end);
bool kb_proto_each_next(struct kb_proto_run *run, struct kb_proto_each *each); /* = each->there */

/* The one message that all occurrences of a singular field are together. */
bool kb_proto_merged(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, struct kb_slice *out);

/* One level deeper, unless that is one too many; leaving it is `run->depth--`. */
bool kb_proto_enter(struct kb_proto_run *run);

/* What shows a value tells it to the sink too, which has been asked about the place. */

/* A message; its fields alone, each with a comma before it, for an object that is open. */
bool kb_proto_show(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);
bool kb_proto_show_embedded(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);
/* One value of a field. */
bool kb_proto_show_value(struct kb_proto_run *run, const struct kb_proto_field *field,
    uint64_t bits, struct kb_slice bytes);
/* A singular field's: the last one, all of them merged where they are messages, zero or empty where
 * there is none. `end` is the end of the message around the slot. */
bool kb_proto_show_last(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end);
/* A list or a map, from the occurrence at hand on. */
bool kb_proto_show_list(struct kb_proto_run *run, struct kb_proto_each *each);
bool kb_proto_show_map(struct kb_proto_run *run, struct kb_proto_each *each);
bool kb_proto_show_well_known(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);

/* proto_scalar.c: a value that is no message. */
bool kb_proto_show_scalar(struct kb_proto_run *run, const struct kb_proto_field *field,
    uint64_t bits, struct kb_slice bytes);

/* The number that any integer type but the unsigned ones of 64 bits has. */
int64_t kb_proto_integer(enum kb_proto_type type, uint64_t bits);
/* The digits of any integer type; the place behind them. */
char *kb_proto_digits(char to[KB_I64_MAX], enum kb_proto_type type, uint64_t bits);

#endif
