/* Kafka Connect's logical types: Date, Time, Timestamp and Decimal, shown as a topic's options have
 * them, in the ways that Avro's have. Private to connect_json.c.
 *
 *     if (shape.logical != KB_LOGICAL_COUNT)
 *         return kb_connect_show(out, &shape, value, options, err);
 *
 * `value` is the JSON text of a payload that is not null. Appends JSON. False: KB_ERR_RECORD of
 * class decode. */
#ifndef KB_DECODE_CONNECT_LOGICAL_H
#define KB_DECODE_CONNECT_LOGICAL_H

#include "base/buf.h"
#include "decode/connect_shape.h"

bool kb_connect_show(struct kb_buf *out, const struct kb_connect_shape *shape,
    struct kb_slice value, const struct kb_format_options *options,
    struct kb_err *err) KB_MUST_CHECK;

#endif
