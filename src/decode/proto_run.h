/* One record's way through proto_read.c, proto_show.c and proto_well_known.c; private to them and
 * protobuf.c.
 *
 * Fields may come in any order, in pieces and more than once, but JSON wants each at one place. So
 * a message is read twice: kb_proto_scan notes for each field where it was (a *slot*), then the
 * slots are shown in the order of the schema. Slots come from the record's arena and are kept per
 * depth, so messages beside each other share them. Reading a field's pieces again is bounded by
 * `work`. */
#ifndef KB_DECODE_PROTO_RUN_H
#define KB_DECODE_PROTO_RUN_H

#include "decode/decoding.h"
#include "decode/proto.h"
#include "decode/proto_wire.h"

#define KB_PROTO_DEPTH_MAX 100       /* as Protobuf's own readers */
#define KB_PROTO_WORK_MAX (64 << 20) /* bytes read again */

struct kb_proto_slot {
    uint32_t count, len; /* how often it came, 0 = it did not; the last one's bytes */
    const char *first;   /* the tag of its first occurrence */
    union {              /* of the last one, by its wire type */
        uint64_t bits;
        const char *ptr;
    };
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

struct kb_proto_run {
    const struct kb_proto *proto;
    const struct kb_format_options *options;
    struct kb_buf *out;
    struct kb_arena *arena;
    struct kb_err *err;
    const char *start; /* of the payload */
    size_t work;
    int depth;
    int n_kept; /* how deep it has been: beyond that `kept` was not set yet */
    struct {
        struct kb_proto_slot *slots;
        size_t n;
    } kept[KB_PROTO_DEPTH_MAX];
};

/* A failure of class decode; false. */
bool kb_proto_fail(struct kb_proto_run *run, const char *at, const char *what);
bool kb_proto_no_room(struct kb_proto_run *run);

/* The slots of `message` as `bytes` have it, valid while the run stays at this depth. NULL =
 * failed. */
const struct kb_proto_slot *kb_proto_scan(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);

/* The occurrences of a repeated field, packed or not.
 *
 *     struct kb_proto_each each = kb_proto_each(field, slot, end_of_message);
 *     while (kb_proto_each_next(run, &each)) ... each.bits or each.bytes
 *     if (each.failed) ... */
struct kb_proto_each {
    const struct kb_proto_field *field;
    const char *at, *end;
    uint32_t left;
    struct kb_slice packed; /* what is left of the occurrence at hand */
    uint64_t bits;
    struct kb_slice bytes;
    bool failed;
};
struct kb_proto_each kb_proto_each(
    const struct kb_proto_field *field, const struct kb_proto_slot *slot, const char *end);
bool kb_proto_each_next(struct kb_proto_run *run, struct kb_proto_each *each);

/* The one message that all occurrences of a singular field are together. */
bool kb_proto_merged(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, struct kb_slice *out);

/* A message as JSON; its fields alone, each with a comma before it, for an object that is open. */
bool kb_proto_show(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);
bool kb_proto_show_embedded(
    struct kb_proto_run *run, const struct kb_proto_message *message, struct kb_slice bytes);
/* One value of a field; a list of `n`, a map. `end` is the end of the message around the slot. */
bool kb_proto_show_value(struct kb_proto_run *run, const struct kb_proto_field *field,
    uint64_t bits, struct kb_slice bytes);
/* A singular field's: the last one, all of them merged where they are messages, zero or empty where
 * there is none. */
bool kb_proto_show_last(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end);
bool kb_proto_show_list(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end, size_t *n);
bool kb_proto_show_map(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end);

bool kb_proto_show_well_known(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct kb_proto_slot *slots, const char *end);

#endif
