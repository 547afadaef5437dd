/* The members of one posted message, and values that are passed over or kept as JSON; the lower
 * half of reading a body, used by posted.c alone.
 *
 *     kb_message_reader_init(&reader, arena, &posted->shape);
 *     reader.spec = spec, reader.msg = msg;          // where what is read goes
 *     if (reader.depth > 0)                          // inside of a value: all until it ends
 *         kb_message_reader_inside(&reader, token, text);
 *     else if (token == KB_TOKEN_KEY)
 *         kb_message_reader_key(&reader, text);
 *     else
 *         kb_message_reader_value(&reader, token, text);
 *     kb_message_reader_deinit(&reader);
 *
 * What is a wrong message refuses its spec; what does not fit into memory refuses the request.
 * Thread: the server's. */
#ifndef KB_SANDBOX_POSTED_MESSAGE_H
#define KB_SANDBOX_POSTED_MESSAGE_H

#include "sandbox/posted.h"
#include "sandbox/tokens.h"
#include "value/json.h"

struct kb_message_field; /* a row of the table of members */

struct kb_message_reader {
    struct kb_arena *arena;
    struct kb_refusal *shape; /* of the request */
    struct kb_posted_spec *spec;
    struct kb_posted_message *msg;
    const struct kb_message_field *field; /* of the last key; NULL = one that is ignored */
    uint32_t depth;                       /* of the value being passed over, 0 = none */
    bool copying, in_headers;
    struct kb_buf copy;
    struct kb_json_writer writer;
};

void kb_message_reader_init(
    struct kb_message_reader *r, struct kb_arena *arena, struct kb_refusal *shape);
void kb_message_reader_deinit(struct kb_message_reader *r);

void kb_message_reader_key(struct kb_message_reader *r, struct kb_slice name);
void kb_message_reader_value(
    struct kb_message_reader *r, enum kb_token token, struct kb_slice text);
void kb_message_reader_inside(
    struct kb_message_reader *r, enum kb_token token, struct kb_slice text);

/* A value that nobody wants: where it is an object or array, everything up to its end is inside. */
void kb_message_reader_ignore(struct kb_message_reader *r, enum kb_token token);

/* Memory of the request, zeroed, or a copy in it; without any left the request is refused. */
void *kb_message_reader_alloc(struct kb_message_reader *r, size_t size);
struct kb_slice kb_message_reader_keep(struct kb_message_reader *r, struct kb_slice text);

#endif
