/* Where Ably is: the `endpoint` option -> the base URL of its REST interface (Ably specification
 * REC1). Pure.
 *
 *     char url[512];
 *     kb_endpoint_url(NULL, true, 0, url, sizeof(url), &err) https://main.realtime.ably.net
 *     kb_endpoint_url("nonprod:sandbox", true, 0, ...) https://sandbox.realtime.ably-nonprod.net
 *     kb_endpoint_url("127.0.0.1", false, 8080, ...)                     http://127.0.0.1:8080
 */
#ifndef KB_ABLY_ENDPOINT_H
#define KB_ABLY_ENDPOINT_H

#include "base/err.h"

#include <stddef.h>

/* `endpoint` NULL = Ably's default (REC1a); with '.', '::' or "localhost" a host name or address
 * (REC1b2); "nonprod:ID" (REC1b3); else a routing policy (REC1b4). `port` 0 = the scheme's own.
 * KB_ERR_CONFIG where a character can't be part of a host. */
bool kb_endpoint_url(const char *endpoint, bool tls, int port, char *out, size_t size,
    struct kb_err *err) KB_MUST_CHECK;

/* Is that endpoint this machine itself (a loopback address or localhost)? */
bool kb_endpoint_loopback(const char *endpoint);

#endif
