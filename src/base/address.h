/* Addresses. Where to listen: ADDRESS:PORT as people write it -> what bind(2) takes.
 *
 *     struct kb_address address;
 *     if (!kb_address_parse(KB_S("127.0.0.1:8088"), &address, &err)) ...     // KB_ERR_CONFIG
 *     address.loopback                                                     // this machine only?
 *
 * ADDRESS is an IPv4 address, an IPv6 address in brackets, or localhost. Nothing is looked up: who
 * can reach a listening socket must not hang on a name server. And what of a URL is the host, and
 * whether that is this machine. Thread: any, no state. */
#ifndef KB_BASE_ADDRESS_H
#define KB_BASE_ADDRESS_H

#include "base/err.h"
#include "base/slice.h"

#include <sys/socket.h>

struct kb_address {
    struct sockaddr_storage storage;
    socklen_t len;
    bool loopback;
};

/* Of a URL: HOST:PORT without user and password, and HOST alone (of IPv6 with its brackets). Borrow
 * from it. */
struct kb_slice kb_url_authority(const char *url);
struct kb_slice kb_url_host(const char *url);

/* Is that host, as it stands in a URL (brackets or not), this machine itself: localhost, or an
 * address of the loopback network? Not compared as text: 127.example.com is somebody's host. */
bool kb_host_is_loopback(struct kb_slice host);

bool kb_address_parse(
    struct kb_slice text, struct kb_address *out, struct kb_err *err) KB_MUST_CHECK;
int kb_address_port(const struct kb_address *address);

/* "127.0.0.1:8088", "[::]:8088"; cut at `size`. */
void kb_address_format(const struct kb_address *address, char *out, size_t size);

#endif
