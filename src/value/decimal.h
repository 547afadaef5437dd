/* Decimals of any size as text: unscaled two's complement bytes, most significant first, and a
 * scale, as Avro, Kafka Connect and Java's BigDecimal have them.
 *
 *     kb_decimal_add(&out, KB_S("\x04\xd2"), 2);       // 12.34
 *
 * Every digit is kept and the scale with them (1.50 stays 1.50). The text is BigDecimal's own,
 * which is a JSON number: plain, but with an exponent below 1e-6 and for a negative scale (1E-7,
 * 1E+3). No bytes at all are 0. False, and nothing added, where there are more than
 * KB_DECIMAL_BYTES_MAX bytes or the scale is beyond KB_DECIMAL_SCALE_MAX either way: that bounds
 * the time, which grows with the square. Thread: any, no state. */
#ifndef KB_VALUE_DECIMAL_H
#define KB_VALUE_DECIMAL_H

#include "base/buf.h"

#define KB_DECIMAL_BYTES_MAX 1024 /* 2466 digits */
#define KB_DECIMAL_SCALE_MAX 100000

bool kb_decimal_add(struct kb_buf *out, struct kb_slice unscaled, int scale) KB_MUST_CHECK;

#endif
