/* The plain serializers of Kafka's clients: one number, big-endian, or a UUID as text.
 *
 *     int16 00 07  ->  JSON 7          double 3f f0 ...  ->  JSON 1.0          uuid  ->  its text
 *
 * A number becomes a JSON number with every digit it has, a float with the fewest that read back;
 * NaN and the infinities become the JSON strings "NaN", "Infinity" and "-Infinity". Bytes of
 * another length are a KB_ERR_RECORD of class decode that says both lengths. Called by decoder.c
 * alone; parameters as there. Thread: any, no state. */
#ifndef KB_DECODE_PLAIN_H
#define KB_DECODE_PLAIN_H

#include "decode/decoding.h"

bool kb_plain_decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;

#endif
