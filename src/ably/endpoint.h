/* Where Ably is: the `endpoint` option -> the base URLs of its REST interface, the primary and its
 * fallbacks (Ably specification REC1, REC2). Pure.
 *
 *     struct kb_host_list hosts;
 *     kb_endpoint_hosts(NULL, NULL, true, 0, &hosts, &err)
 *         https://main.realtime.ably.net, https://main.a.fallback.ably-realtime.com, ... b, c, d, e
 *     kb_endpoint_hosts("127.0.0.1", NULL, false, 8080, &hosts, &err)
 *         http://127.0.0.1:8080 alone
 */
#ifndef KB_ABLY_ENDPOINT_H
#define KB_ABLY_ENDPOINT_H

#include "base/err.h"

#include <stddef.h>

#define KB_ABLY_VERSION "5" /* X-Ably-Version of every request; request.c says why this one */
#define KB_HOSTS_MAX 32     /* the primary and its fallbacks */
#define KB_HOST_URL_MAX 300

struct kb_host_list {
    size_t n;
    char url[KB_HOSTS_MAX][KB_HOST_URL_MAX]; /* [0] is the primary */
};

/* `endpoint` NULL = Ably's default (REC1a); with '.', '::' or "localhost" a host name or address
 * (REC1b2), which has no fallbacks of its own (REC2c2); "nonprod:ID" (REC1b3, REC2c3); else a
 * routing policy (REC1b4, REC2c4). `fallbacks` NULL = the endpoint's own, else these host names
 * (REC2a2), ended by NULL; an empty list = none (TO3k6). `port` 0 = the scheme's own.
 * KB_ERR_CONFIG where something is no host. */
bool kb_endpoint_hosts(const char *endpoint, char *const *fallbacks, bool tls, int port,
    struct kb_host_list *out, struct kb_err *err) KB_MUST_CHECK;
/* The primary alone. */
bool kb_endpoint_url(const char *endpoint, bool tls, int port, char *out, size_t size,
    struct kb_err *err) KB_MUST_CHECK;

#endif
