/* MessagePack in and out, with libmpack's tokens: Ably's other form of every body.
 *
 *     if (!kb_msgpack_read(body, &tokens.events, &err))
 *         ... err.text: "byte 7: ..."
 *     kb_msgpack_map(&out, 2);                        // then two keys with their values
 *     kb_msgpack_text(&out, KB_S("data"));
 *     kb_msgpack_json(&out, KB_S("{\"a\":[1,null]}")); // JSON's own value, as MessagePack
 *
 * Reading is as strict as for JSON: one value and nothing behind it, text is UTF-8, keys are text,
 * nesting of at most KB_JSON_DEPTH_MAX; extension types have no meaning to Ably and are refused. It
 * allocates nothing, whatever lengths the bytes announce. Binary comes as `bytes`, a whole number
 * as `integer` also where it was written as a float. Thread: any, no state. */
#ifndef KB_VALUE_MSGPACK_H
#define KB_VALUE_MSGPACK_H

#include "base/buf.h"
#include "base/err.h"
#include "value/events.h"
#include "value/json.h"

bool kb_msgpack_read(
    struct kb_slice bytes, struct kb_events *sink, struct kb_err *err) KB_MUST_CHECK;

/* The head of a map with that many pairs behind it, and of an array. In their shortest form. */
void kb_msgpack_map(struct kb_buf *out, uint32_t n);
void kb_msgpack_array(struct kb_buf *out, uint32_t n);
void kb_msgpack_text(struct kb_buf *out, struct kb_slice text); /* UTF-8 */
void kb_msgpack_binary(struct kb_buf *out, struct kb_slice bytes);
/* One JSON value. Whole numbers up to 64 bits stay exact, others become doubles. The JSON must be
 * right: false where it is not, and then what was added is of no use. */
bool kb_msgpack_json(struct kb_buf *out, struct kb_slice json) KB_MUST_CHECK;

/* A sink that writes what it is told as MessagePack, for values that are no JSON text yet, or not
 * that very one. Init once a value. How many members an object or array has is known at its end, so
 * heads have the long form. */
struct kb_msgpack_writer {
    struct kb_events events; /* first: this is a sink */
    struct kb_buf *out;      /* remembers a lack of room */
    size_t depth;
    struct {
        size_t head; /* where its number of members goes */
        uint32_t n;
    } open[KB_JSON_DEPTH_MAX];
};
void kb_msgpack_writer_init(struct kb_msgpack_writer *writer, struct kb_buf *out);

#endif
