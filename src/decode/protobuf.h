/* Protobuf records as JSON text, by Protobuf's own JSON mapping; a row of schema.c's table.
 *
 *     void *compiled = kb_protobuf_compile(text, refs, n_refs, &size, &err);
 *     if (!kb_protobuf_decode(compiled, payload, &with, &value, &err)) ...
 *     kb_protobuf_free(compiled);
 *
 * `text` is a .proto file, `refs` are those it imports, under the names it imports them by. What
 * proto.h reads is taken. `payload` begins with the message indexes of Confluent's framing (zig-zag
 * varints: how many, then the place in each level of declarations; one byte 0 = the first message
 * of the file), unless a header named the schema: then they are `with->behind_guid`. Places count
 * messages as declared. The entries of maps, which descriptors declare and texts do not, count
 * where they are declared; a place that only makes sense with those of a text counted is read so
 * too.
 *
 * Fields are shown in the order of the schema, whatever their order on the wire; an object for a
 * map has its keys sorted. Unknown fields are passed over. Of repeated occurrences of a singular
 * field the last one wins, messages are merged. Enums are shown by name, an unknown number as that
 * number; 64-bit integers as strings, since most readers of JSON would lose digits. Timestamp,
 * Duration, FieldMask, wrappers, Struct, Value, ListValue and Any have their canonical forms; the
 * bytes of an Any whose type no file declares are base64 under "value".
 *
 * Needs `with->arena`. Nested at most KB_PROTO_DEPTH_MAX deep, as Protobuf's own readers. */
#ifndef KB_DECODE_PROTOBUF_H
#define KB_DECODE_PROTOBUF_H

#include "decode/schema.h"

void *kb_protobuf_compile(struct kb_slice text, const struct kb_schema_ref *refs, size_t n_refs,
    size_t *size, struct kb_err *err) KB_MUST_CHECK;
bool kb_protobuf_decode(const void *compiled, struct kb_slice payload,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;
void kb_protobuf_free(void *compiled);

#endif
