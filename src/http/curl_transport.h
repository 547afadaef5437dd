/* HTTP in the daemon: one curl multi handle behind http/transport.h's door, HTTP/1.1 with
 * connections kept open, TLS verified, no redirects followed.
 *
 *     struct kb_curl_options options = {.user_agent = "kably/1.0", .max_connections = 10};
 *     struct kb_transport *tr = kb_curl_new(&options, &err);
 *     kb_curl_wait(tr, fds, n_fds, 50);       // sleeps until a socket or one of the fds is ready,
 * 50 ms at most kb_curl_free(tr);                       // ends what is in flight
 *
 * Thread: one worker's. Call kb_curl_global_init once before any thread starts. */
#ifndef KB_HTTP_CURL_TRANSPORT_H
#define KB_HTTP_CURL_TRANSPORT_H

#include "http/transport.h"

struct kb_curl_options {
    const char *user_agent;
    const char *ca_file; /* NULL = the system's */
    int max_connections;
};

bool kb_curl_global_init(struct kb_err *err) KB_MUST_CHECK;
struct kb_transport *kb_curl_new(
    const struct kb_curl_options *options, struct kb_err *err) KB_MUST_CHECK;
/* Another ca_file or max_connections, for requests submitted from now on; the user agent stays.
 * False = no memory: nothing has changed. */
bool kb_curl_change(struct kb_transport *door, const struct kb_curl_options *options,
    struct kb_err *err) KB_MUST_CHECK;
void kb_curl_free(struct kb_transport *tr);
void kb_curl_wait(struct kb_transport *tr, const int *fds, size_t n_fds, int timeout_ms);

#endif
