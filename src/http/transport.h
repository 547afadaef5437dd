/* The door to HTTP: submit a request, get its end. curl's multi interface stands behind it in the
 * daemon (http/curl_transport.c), a simulated network in tests/sim. Ably's publisher and the client
 * of the schema registry share it.
 *
 *     struct kb_http_request req = {
 *         .url = "https://...", .body_len = n, .read = pull, .context = batch};
 *     if (!transport->ops->submit(transport, &req, &err)) ...
 *     while ((done = transport->ops->done(transport)) != NULL)
 *         use(done->reply);               // then the request is its owner's again
 *
 * Ownership: the request belongs to the caller, who keeps it where it is until `done` gives it back
 * (or `cancel` does). The reply's slices are valid until the next call of `done` on this transport.
 * Thread: one worker's. */
#ifndef KB_HTTP_TRANSPORT_H
#define KB_HTTP_TRANSPORT_H

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

/* Response headers that decide something; ptr NULL = not there. */
struct kb_http_headers {
    struct kb_slice content_type, retry_after, server, ably_error_code, ably_error_message;
};

struct kb_http_reply {
    int status;           /* 0: no complete answer came; then `err` says why */
    struct kb_slice body; /* as far as it came */
    bool truncated;       /* longer than max_reply */
    struct kb_http_headers headers;
    struct kb_err err; /* KB_ERR_OUTAGE where status is 0 */
    bool connected;    /* status 0: the request may have reached the other side */
    bool stale;  /* status 0: a kept connection turned out to be closed, and nothing was answered */
    bool resent; /* a kept connection turned out to be closed and the body went once more: what went
                    first may have been served, whatever is said of this one */
    bool local;  /* status 0: for a reason on this side; another host would not help */
};

struct kb_http_request {
    const char *method; /* "POST" or "GET" */
    const char *url;
    const char *const *headers; /* "Name: value" lines, NULL at the end; borrowed until the end */
    uint64_t headers_version; /* changes when `headers` do, so that a prepared list can be reused */
    size_t body_len;
    /* Fills `room` with the next bytes of the body; called from the start again after `rewind`.
     * Neither is called where there is none. */
    size_t (*read)(struct kb_http_request *req, char *room, size_t size);
    void (*rewind)(struct kb_http_request *req);
    int open_timeout_ms, timeout_ms;
    bool fresh; /* not on a kept connection */
    size_t max_reply;
    void *context;              /* the caller's */
    struct kb_http_reply reply; /* filled when done */
    void *handle;               /* the transport's */
};

struct kb_transport;

struct kb_transport_ops {
    bool (*submit)(struct kb_transport *tr, struct kb_http_request *req, struct kb_err *err);
    struct kb_http_request *(*done)(struct kb_transport *tr); /* NULL: none ended */
    void (*cancel)(struct kb_transport *tr, struct kb_http_request *req);
};

struct kb_transport {
    const struct kb_transport_ops *ops;
};

#endif
