/* Avro (specification 1.12): a schema's JSON text compiled, and records' bytes read by it straight
 * to JSON text. The row of schema.c's table for AVRO.
 *
 *     void *avro = kb_avro_compile(text, refs, n_refs, &size, &err);      // NULL: err
 *     if (!kb_avro_decode(avro, payload, &with, &value, &err)) ...
 *     kb_avro_free(avro);
 *
 * The writer's schema decides alone: aliases, defaults and order are read over, for there is no
 * other schema to resolve to. References are read in their order, so each finds the names it needs.
 *
 * What is refused of a schema: an unknown name, a name, field or symbol that is there twice, a
 * union in a union or with two alike branches, a record of which no value ever ends, anything that
 * is not JSON. A logical type that does not fit its type is passed over, as the specification asks.
 *
 * What is refused of a record: bytes missing or left over, a length or count beyond the record, an
 * index outside its enum or union, a number of more than its bits, text that is not UTF-8, a
 * boolean that is neither 0 nor 1, more than KB_DECODE_DEPTH_MAX levels, more than
 * KB_DECODE_TEXT_MAX bytes of JSON. Time and memory are bounded by the record's own length and that
 * maximum.
 *
 * A top-level `bytes` stands raw behind the framing: the serializers write no length there. It and
 * a top-level `fixed` become bytes, a top-level `string` text, everything else JSON text. */
#ifndef KB_DECODE_AVRO_H
#define KB_DECODE_AVRO_H

#include "decode/schema.h"

#define KB_AVRO_SCHEMA_MAX (1u << 20)

void *kb_avro_compile(struct kb_slice text, const struct kb_schema_ref *refs, size_t n_refs,
    size_t *size, struct kb_err *err) KB_MUST_CHECK;
bool kb_avro_decode(const void *compiled, struct kb_slice payload, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;
void kb_avro_free(void *compiled);

#endif
