/* HTTP in the daemon: one curl multi handle behind http/transport.h's door, HTTP/1.1 with
 * connections kept open, TLS 1.2 or newer verified, no redirects followed, through a proxy if there
 * is one. A connection lives half a minute and a name is looked up that often, so a host that moves
 * is followed within a minute. A kept connection that the server has closed is no error: the
 * request is sent again on another, at once.
 *
 *     struct kb_curl_options options = {.user_agent = "kably/1.0", .max_connections = 10};
 *     struct kb_transport *tr = kb_curl_new(&options, &err);
 *     kb_curl_wait(tr, fds, n_fds, 50);   // until a socket or an fd is ready, 50 ms at most
 *     kb_curl_free(tr);                   // ends what is in flight
 *
 * Thread: one worker's. Call kb_curl_global_init once before any thread starts. */
#ifndef KB_HTTP_CURL_TRANSPORT_H
#define KB_HTTP_CURL_TRANSPORT_H

#include "http/transport.h"

struct kb_curl_options {
    const char *user_agent;
    const char *ca_file;              /* NULL = the system's */
    const char *cert_file, *key_file; /* client certificate and its key (PEM); NULL = none */
    const char *key_password;         /* of key_file; NULL = none */
    const char *proxy;                /* http://, https://, socks5:// or socks5h://; NULL = the
                                         environment's, as curl reads it, but not for loopback */
    const char *no_proxy;             /* hosts, comma-separated, "*" = all; NULL = none, and without
                                         a proxy the environment's */
    int max_connections;
    /* For error texts, the options to look at: where the server is, and the client's certificate.
     * Literals; NULL = Ably's. */
    const char *where_options, *certificate_options;
};

bool kb_curl_global_init(struct kb_err *err) KB_MUST_CHECK;
struct kb_transport *kb_curl_new(
    const struct kb_curl_options *options, struct kb_err *err) KB_MUST_CHECK;
/* Other options, in two steps: what can fail of it (no memory), and then, for requests submitted
 * from there on, the change itself; or instead of that, as if nothing had been. */
bool kb_curl_prepare(struct kb_transport *door, const struct kb_curl_options *options,
    struct kb_err *err) KB_MUST_CHECK;
void kb_curl_adopt(struct kb_transport *door);
void kb_curl_forget(struct kb_transport *door);
/* A second door with options of its own beside another: both share its loop, and kb_curl_wait of
 * that one wakes for either. It is to be freed first. Its max_connections counts for nothing. */
struct kb_transport *kb_curl_beside(struct kb_transport *tr, const struct kb_curl_options *options,
    struct kb_err *err) KB_MUST_CHECK;
void kb_curl_free(struct kb_transport *tr);
void kb_curl_wait(struct kb_transport *tr, const int *fds, size_t n_fds, int timeout_ms);

#endif
