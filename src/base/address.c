/* Addresses and the hosts of URLs; see address.h. Pure. Called while a configuration loads, when
 * the admin server opens its socket, and by the transport for each request. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define HOST_MAX 64 /* INET6_ADDRSTRLEN is 46 */

static struct sockaddr_in *v4_of(const struct kb_address *address)
{
    return (struct sockaddr_in *)&address->storage;
}

static struct sockaddr_in6 *v6_of(const struct kb_address *address)
{
    return (struct sockaddr_in6 *)&address->storage;
}

/* 0 to 65535 in plain digits. */
static bool parse_port(struct kb_slice text, uint16_t *out)
{
    unsigned port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= 65535;
}

static bool is_loopback_v6(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_LOOPBACK(ip) || (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127);
}

struct kb_slice kb_url_authority(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    const char *end = start + strcspn(start, "/?#");
    const char *at = memrchr(start, '@', (size_t)(end - start));
    start = at ? at + 1 : start;
    return (struct kb_slice){start, (size_t)(end - start)};
}

struct kb_slice kb_url_host(const char *url)
{
    struct kb_slice host = kb_url_authority(url);
    const char *bracket = host.len ? memchr(host.ptr, ']', host.len) : NULL;
    const char *from = bracket ? bracket : host.ptr;
    const char *colon = host.len ? memchr(from, ':', host.len - (size_t)(from - host.ptr)) : NULL;
    if (colon)
        host.len = (size_t)(colon - host.ptr);
    return host;
}

bool kb_host_is_loopback(struct kb_slice host)
{
    char text[HOST_MAX];
    struct in_addr v4;
    struct in6_addr v6;
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = (struct kb_slice){host.ptr + 1, host.len - 2};
    if ((size_t)snprintf(text, sizeof(text), KB_FMT, KB_ARG(host)) >= sizeof(text))
        return false;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(text, "localhost") == 0 ||
           (inet_pton(AF_INET6, text, &v6) == 1 && is_loopback_v6(&v6));
}

static bool parse_v4(const char *host, uint16_t port, struct kb_address *out)
{
    struct sockaddr_in *v4 = v4_of(out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->len = sizeof(*v4);
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) != 1)
        return false;
    out->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return true;
}

static bool parse_v6(const char *host, uint16_t port, struct kb_address *out)
{
    struct sockaddr_in6 *v6 = v6_of(out);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out->len = sizeof(*v6);
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    out->loopback = is_loopback_v6(&v6->sin6_addr);
    return true;
}

bool kb_address_parse(struct kb_slice text, struct kb_address *out, struct kb_err *err)
{
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    struct kb_slice host = {text.ptr, colon ? (size_t)(colon - text.ptr) : 0};
    char name[HOST_MAX];
    uint16_t port = 0;
    bool ok =
        colon != NULL && parse_port((struct kb_slice){colon + 1, text.len - host.len - 1}, &port);
    bool v6 = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (v6)
        host = (struct kb_slice){host.ptr + 1, host.len - 2};
    ok = ok && host.len < sizeof(name) && !memchr(text.ptr, '\0', text.len);
    *out = (struct kb_address){.len = 0};
    if (ok) {
        snprintf(name, sizeof(name), KB_FMT, KB_ARG(host));
        ok = v6 ? parse_v6(name, port, out) : parse_v4(name, port, out);
    }
    return ok || kb_err_config(err,
                     "\"" KB_FMT "\" is no address to listen on; expected ADDRESS:PORT, such as "
                     "\"127.0.0.1:8088\" for this machine only, \"0.0.0.0:8088\" or "
                     "\"[::]:8088\" for all",
                     text.len < 100 ? (int)text.len : 100, text.ptr ? text.ptr : "");
}

int kb_address_port(const struct kb_address *address)
{
    return ntohs(address->storage.ss_family == AF_INET6 ? v6_of(address)->sin6_port
                                                        : v4_of(address)->sin_port);
}

void kb_address_format(const struct kb_address *address, char *out, size_t size)
{
    char host[HOST_MAX] = "";
    bool v6 = address->storage.ss_family == AF_INET6;
    const void *ip = v6 ? (const void *)&v6_of(address)->sin6_addr : &v4_of(address)->sin_addr;
    inet_ntop(address->storage.ss_family, ip, host, sizeof(host));
    snprintf(out, size, v6 ? "[%s]:%d" : "%s:%d", host, kb_address_port(address));
}
