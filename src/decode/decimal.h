/* Decimals: an unscaled integer as big-endian two's complement bytes, of any length, and a scale.
 * Avro, Kafka Connect and Protobuf's decimals of Confluent all carry them so.
 *
 *     uint64_t work = KB_DECIMAL_WORK;                                // of one record
 *     kb_decimal_add(&text, bytes, 2, KB_DECIMAL_PLAIN, &work, &err)  // appends -12.34
 *
 * Exact whatever the size: no double is on the way. No bytes are zero. The time grows with the
 * square of the length, so a record has a budget: one number of 27 KB is within it, thousands of
 * large ones are not. Thread: any. */
#ifndef KB_DECODE_DECIMAL_H
#define KB_DECODE_DECIMAL_H

#include "base/buf.h"
#include "base/err.h"

enum kb_decimal_layout {
    KB_DECIMAL_PLAIN, /* 0.0000001: all digits of the scale, never an exponent */
    KB_DECIMAL_JAVA   /* 1E-7: as BigDecimal.toString lays it out */
};

#define KB_DECIMAL_WORK 6000000

/* KB_ERR_RECORD where the budget is used up, FATAL without memory; a buffer that is full says so
 * itself. */
bool kb_decimal_add(struct kb_buf *out, struct kb_slice unscaled, uint32_t scale,
    enum kb_decimal_layout layout, uint64_t *work, struct kb_err *err) KB_MUST_CHECK;

#endif
