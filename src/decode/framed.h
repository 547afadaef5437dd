/* Values that a schema registry's serializers wrote: which schema, and the payload behind it.
 *
 *     magic 0, id (4 bytes, big-endian), payload         the usual framing
 *     magic 1, GUID (16 bytes), payload                  the newer one
 *     either without a payload in the header __key_schema_id or __value_schema_id (with->header):
 *     then the value is all payload
 *
 * Called by decoder.c alone; parameters as there. KB_ERR_OUTAGE: the schema is awaited. */
#ifndef KB_DECODE_FRAMED_H
#define KB_DECODE_FRAMED_H

#include "decode/decoding.h"
#include "decode/schemas.h"

bool kb_framed_decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;

/* Under format auto: KB_FRAMED_NOT = it isn't framed, the registry does not know the id, or it may
 * as well be a number of 8 bytes and its schema does not take it; nothing was told to the sink. */
enum kb_framed { KB_FRAMED_NOT, KB_FRAMED_DECODED, KB_FRAMED_FAILED };
enum kb_framed kb_framed_try(struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;

#endif
