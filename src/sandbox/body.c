/* See body.h. */
#include "sandbox/body.h"

#include "sandbox/msgpack.h"
#include "value/json.h"

#define MSGPACK "application/x-msgpack"
#define JSON "application/json"

/* Is it this media type, with or without parameters? */
static bool is_type(struct kb_slice type, struct kb_slice wanted)
{
    return type.len >= wanted.len && strncasecmp(type.ptr, wanted.ptr, wanted.len) == 0 &&
           (type.len == wanted.len || strchr("; ,", type.ptr[wanted.len]));
}

bool kb_body_of(struct kb_exchange *x, struct kb_body *body)
{
    struct kb_slice type = kb_exchange_header(x, "Content-Type");

    *body = (struct kb_body){kb_buf_slice(&x->body), is_type(type, KB_S(MSGPACK))};
    if (body->msgpack || is_type(type, KB_S(JSON)))
        return true;
    kb_exchange_error(x, 415, 40001, "the Content-Type must be " JSON " or " MSGPACK);
    return false;
}

bool kb_body_read(struct kb_body body, struct kb_events *sink, struct kb_err *err)
{
    return body.msgpack ? kb_msgpack_read(body.bytes, sink, err)
                        : kb_json_read(body.bytes, sink, err);
}

/* A client that names MessagePack first, or alone, gets it; everybody else gets JSON. */
static bool accepts_msgpack(struct kb_exchange *x)
{
    return is_type(kb_exchange_header(x, "Accept"), KB_S(MSGPACK));
}

void kb_body_answer(struct kb_exchange *x)
{
    struct kb_buf packed;

    if (x->stream || x->as_is || x->answer.len == 0 || x->answer.failed || !accepts_msgpack(x))
        return;
    kb_buf_init(&packed, x->answer.max);
    kb_msgpack_write(&packed, kb_buf_slice(&x->answer));
    kb_buf_deinit(&x->answer);
    x->answer = packed;
    x->content_type = MSGPACK;
}
