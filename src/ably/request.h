/* One POST /messages: the specs it carries and the body made of them while it is sent.
 *
 *     if (!kb_requests_init(&requests, &hosts, client_id, agent, msgpack)) ...   // once
 *     struct kb_request *req = kb_request_new(&requests, max_records);
 *     n = kb_lanes_pack(lanes, req->specs, &bytes);
 *     kb_request_ready(req, n, bytes);
 *     requests.headers[0] = credentials;
 *     req->http.url = kb_requests_url(&requests, host);
 *     transport->ops->submit(transport, &req->http, &err);
 *
 * The body, `[spec,spec]` or the same array in MessagePack, exists nowhere: the transport's buffer
 * is filled from the specs themselves, which lie still until the request has ended. Thread: one
 * worker's. */
#ifndef KB_ABLY_REQUEST_H
#define KB_ABLY_REQUEST_H

#include "ably/hosts.h"
#include "ably/spec.h"
#include "http/transport.h"

#define KB_ABLY_HEADERS_MAX 6

/* What all requests share. */
struct kb_requests {
    struct kb_buf urls; /* one behind the other, each NUL-terminated */
    size_t url_starts[KB_HOSTS_MAX];
    struct kb_buf lines; /* the headers' text, but for the first: the credentials */
    const char *headers[KB_ABLY_HEADERS_MAX + 1];
    bool msgpack;     /* specs are MessagePack, the body is an array of them */
    uint64_t version; /* of the headers, see http/transport.h */
    int open_timeout_ms, timeout_ms;
};

struct kb_request {
    struct kb_request *next; /* idle, or in flight */
    struct kb_http_request http;
    uint64_t epoch; /* the gate's */
    struct kb_host_tries tries;
    uint64_t generation;   /* of the credentials it was sent with */
    bool renewed;          /* it was refused for its token once, and sent again (RSA4b) */
    bool unknown;          /* a host it went to may have taken it, whatever the last one says */
    bool waits;            /* in flight, but not with the transport: it will be sent once more */
    size_t n, at, at_byte; /* specs; how far the body has been read */
    size_t messages;       /* in the specs */
    unsigned char head[5]; /* of MessagePack: an array of n */
    size_t head_at;
    size_t bytes;
    int64_t sent_ms;
    struct kb_spec *specs[];
};

bool kb_requests_init(struct kb_requests *requests, const struct kb_host_list *hosts,
    const char *client_id, const char *agent, bool msgpack) KB_MUST_CHECK; /* false = no memory */
void kb_requests_deinit(struct kb_requests *requests);
/* The address of that host's batch publish. */
const char *kb_requests_url(const struct kb_requests *requests, size_t host);

struct kb_request *kb_request_new(const struct kb_requests *requests, size_t max_records);
/* `n` specs are in, together a body of `bytes`: the request may be submitted. */
void kb_request_ready(struct kb_request *req, size_t n, size_t bytes);

#endif
