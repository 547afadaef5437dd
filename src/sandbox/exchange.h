/* One request to the local Ably and its answer, free of any HTTP library: the server (local_ably.c)
 * fills the upper half from the wire and sends the lower half, a test does both by hand.
 *
 *     struct kb_exchange x;
 *     kb_exchange_init(&x, &lookup);                     // once; reused for many requests
 *     kb_exchange_begin(&x, KB_S("GET"), KB_S("/time"));
 *     kb_service_handle(service, &x);
 *     x.status, kb_buf_slice(&x.answer), x.headers ...
 *     kb_exchange_deinit(&x);
 *
 * Owns its buffers; the arena holds all that lives as long as the request (what was posted, header
 * values). Thread: the server's. */
#ifndef KB_SANDBOX_EXCHANGE_H
#define KB_SANDBOX_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"

#define KB_EXCHANGE_BODY_MAX ((size_t)2 << 20) /* Ably's limit for a request's body */
#define KB_EXCHANGE_HEADERS 16

struct kb_exchange;

/* Where a request's headers and query parameters come from; NULL = not there. */
struct kb_exchange_lookup {
    const char *(*header)(struct kb_exchange *x, const char *name);
    const char *(*query)(struct kb_exchange *x, const char *name);
};

/* What a fault does to the connection. */
enum kb_cut { KB_CUT_NONE, KB_CUT_BEFORE, KB_CUT_AFTER, KB_CUT_MIDDLE };

/* An answer too long to build at once, or without an end. `read` writes at most `max` bytes and
 * returns how many, or one of the two below. After KB_STREAM_QUIET it is read again once it calls
 * `wake`; with `cut` set the connection ends then, even where its client does not read. */
#define KB_STREAM_END 0
#define KB_STREAM_QUIET (-1)
struct kb_stream {
    ptrdiff_t (*read)(struct kb_stream *stream, char *to, size_t max);
    void (*free)(struct kb_stream *stream);
    bool cut;
    void (*wake)(struct kb_stream *stream); /* the server's; NULL until the answer begins */
    void *waker;
};

struct kb_exchange {
    const struct kb_exchange_lookup *lookup;
    struct kb_slice method, path; /* the path without its query, percent-decoded */
    struct kb_buf body;
    bool body_too_long; /* longer than Ably takes; `body` is not all of it */
    struct kb_arena arena;

    int status;
    const char *content_type;
    bool as_is; /* the answer is not put into the client's format */
    struct kb_buf answer;
    struct kb_stream *stream; /* instead of `answer`; the exchange frees it */
    struct {
        const char *name, *value;
    } headers[KB_EXCHANGE_HEADERS];
    size_t n_headers;
    int64_t delay_ms; /* the answer waits that long */
    enum kb_cut cut;
};

void kb_exchange_init(struct kb_exchange *x, const struct kb_exchange_lookup *lookup);
void kb_exchange_deinit(struct kb_exchange *x);

/* A new request: everything of the last one is gone. Borrows method and path. */
void kb_exchange_begin(struct kb_exchange *x, struct kb_slice method, struct kb_slice path);
void kb_exchange_end(struct kb_exchange *x); /* the answer is out: its stream ends */
void kb_exchange_body(struct kb_exchange *x, struct kb_slice piece);

/* A content type that is no literal; one with a control character is left out. */
void kb_exchange_set_type(struct kb_exchange *x, struct kb_slice type);

static inline struct kb_slice kb_exchange_header(struct kb_exchange *x, const char *name)
{
    return kb_slice_of(x->lookup->header(x, name));
}

static inline struct kb_slice kb_exchange_query(struct kb_exchange *x, const char *name)
{
    return kb_slice_of(x->lookup->query(x, name));
}

/* A whole number from a query parameter; `absent` where it is not given; false = given, but no
 * number. */
bool kb_exchange_query_number(
    struct kb_exchange *x, const char *name, int64_t absent, int64_t *out) KB_MUST_CHECK;

/* A header of the answer; copies. One too many, or one with control characters inside, is left out.
 */
void kb_exchange_add_header(struct kb_exchange *x, struct kb_slice name, struct kb_slice value);

/* Ably's error form, in the body and in X-Ably-ErrorCode and X-Ably-ErrorMessage. */
void kb_exchange_error(struct kb_exchange *x, int status, int code, const char *fmt, ...)
    KB_PRINTF(4, 5);
/* The error object by itself, as it also stands inside batch results. */
void kb_error_object(struct kb_buf *out, int status, int code, struct kb_slice message);

/* A whole number of at most 18 digits; false = something else. */
bool kb_exchange_number(struct kb_slice text, int64_t *out) KB_MUST_CHECK;

#endif
