/* Bytes of Kafka -> a value to publish, and the captured fields on the way.
 *
 *     struct kb_decoding with = {.options = &options, .text = &text, .sink = &cap.events};
 *     struct kb_value value;
 *     if (!kb_decode(KB_FORMAT_JSON, rec->value, &with, &value, &err))
 *         ... KB_ERR_RECORD, class decode: the topic's policy decides
 *
 * `raw.ptr` NULL is Kafka's null and decodes to KB_FORM_NULL under every format. For text and bytes
 * the sink gets one string or bytes event, for null one null event. The value borrows from `raw`
 * where it has its very bytes (JSON, text, bytes), else from `with->text`. Where it fails the sink
 * may have seen a part. KB_ERR_OUTAGE: the value waits for a schema (schemas.h), nothing is wrong
 * with it. Thread: any, no state but that of `with->schemas`. */
#ifndef KB_DECODE_DECODER_H
#define KB_DECODE_DECODER_H

#include "decode/decoding.h"

bool kb_decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;

#endif
