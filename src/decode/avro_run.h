/* One record being read: the bytes that are left and what is made of them; private to the avro_*
 * files. Every read is bounded by the bytes that are left. */
#ifndef KB_DECODE_AVRO_RUN_H
#define KB_DECODE_AVRO_RUN_H

#include "decode/avro_type.h"
#include "decode/out.h"
#include "decode/varint.h"

struct kb_run {
    const char *in, *end;
    struct kb_out out;
    const struct kb_format_options *options;
    struct kb_err *err;
    uint32_t depth;
    char place[120]; /* of a failure: .address.city */
};

/* False, which the compiler must see: what a failed read leaves unset is not looked at. */
#define KB_RUN_FAIL(run, ...) (kb_err_record((run)->err, KB_FAILURE_DECODE, __VA_ARGS__), false)

static inline size_t kb_run_left(const struct kb_run *run)
{
    return (size_t)(run->end - run->in);
}

void kb_run_bad_number(struct kb_run *run); /* what is wrong with the one at hand */

static KB_ALWAYS_INLINE bool kb_run_long(struct kb_run *run, int64_t *out)
{
    uint64_t bits;
    if (!kb_varint(&run->in, run->end, &bits)) {
        kb_run_bad_number(run);
        return false;
    }
    *out = kb_zigzag(bits);
    return true;
}

static inline bool kb_run_raw(struct kb_run *run, size_t len, struct kb_slice *out)
{
    if (len > kb_run_left(run))
        return KB_RUN_FAIL(run, "%zu bytes are missing at the end", len - kb_run_left(run));
    *out = (struct kb_slice){run->in, len};
    run->in += len;
    return true;
}

static inline bool kb_run_bytes(struct kb_run *run, struct kb_slice *out)
{
    int64_t len;
    if (!kb_run_long(run, &len))
        return false;
    if (KB_UNLIKELY(len < 0 || (uint64_t)len > kb_run_left(run)))
        return KB_RUN_FAIL(
            run, "a length of %lld where %zu bytes are left", (long long)len, kb_run_left(run));
    *out = (struct kb_slice){run->in, (size_t)len};
    run->in += len;
    return true;
}

/* One level deeper; leaving it is `run->depth--`. */
static inline bool kb_run_enter(struct kb_run *run)
{
    return run->depth++ < KB_DECODE_DEPTH_MAX ||
           KB_RUN_FAIL(run, "more than %d levels inside each other", KB_DECODE_DEPTH_MAX);
}

/* Notes that what failed is inside `name`; false. */
bool kb_run_failed_in(struct kb_run *run, struct kb_slice name);

/* Bytes as base64, or as the options have them. */
bool kb_run_binary(struct kb_run *run, struct kb_slice bytes);

/* avro_read.c: one value of the type, to which the sink listens where it wants to; the same where
 * the sink has been asked already. */
bool kb_run_value(struct kb_run *run, const struct kb_avro_type *type);
bool kb_run_value_here(struct kb_run *run, const struct kb_avro_type *type);

/* avro_union.c: the value of a branch, with the branch's name around it as the options have it. */
bool kb_run_branch(
    struct kb_run *run, const struct kb_avro_type *type, const struct kb_avro_part *branch);

/* avro_show.c: a value of a logical type, as the topic's options have it. The number of an int or
 * long, the bytes of bytes, fixed or string. */
bool kb_show_number(struct kb_run *run, const struct kb_avro_type *type, int64_t number);
bool kb_show_bytes(struct kb_run *run, const struct kb_avro_type *type, struct kb_slice bytes);

#endif
