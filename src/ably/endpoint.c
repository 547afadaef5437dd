/* The endpoint grammar of Ably's specification, REC1; see endpoint.h. */
#include "ably/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define DEFAULT_HOST "main.realtime.ably.net"
#define NONPROD "nonprod:"

static bool is_host(const char *endpoint)
{
    return strchr(endpoint, '.') || strstr(endpoint, "::") || strcmp(endpoint, "localhost") == 0;
}

static bool check_characters(const char *endpoint, struct kb_err *err)
{
    for (const char *c = endpoint; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-._:[]", *c))
            return kb_err_config(err,
                "\"%s\" is no endpoint: a routing policy such as \"main\", \"nonprod:NAME\", a "
                "host name "
                "or an address was expected, without scheme and port (use port = N and tls = "
                "false)",
                endpoint);
    return true;
}

bool kb_endpoint_url(
    const char *endpoint, bool tls, int port, char *out, size_t size, struct kb_err *err)
{
    char host[300], suffix[16] = "";
    int n;
    if (endpoint && !check_characters(endpoint, err))
        return false;
    if (!endpoint)
        n = snprintf(host, sizeof(host), DEFAULT_HOST);
    else if (strstr(endpoint, "::") && endpoint[0] != '[')
        n = snprintf(host, sizeof(host), "[%s]", endpoint);
    else if (is_host(endpoint))
        n = snprintf(host, sizeof(host), "%s", endpoint);
    else if (strncmp(endpoint, NONPROD, strlen(NONPROD)) == 0)
        n = snprintf(
            host, sizeof(host), "%s.realtime.ably-nonprod.net", endpoint + strlen(NONPROD));
    else
        n = snprintf(host, sizeof(host), "%s.realtime.ably.net", endpoint);
    if (port > 0)
        snprintf(suffix, sizeof(suffix), ":%d", port);
    if (n < 0 || (size_t)n >= sizeof(host) ||
        (size_t)snprintf(out, size, "%s://%s%s", tls ? "https" : "http", host, suffix) >= size)
        return kb_err_config(err, "the endpoint is too long to be a host name (255 characters)");
    return true;
}

bool kb_endpoint_loopback(const char *endpoint)
{
    struct in_addr address; /* parsed, not compared as text: 127.example.com is somebody's host */
    return endpoint &&
           (strcmp(endpoint, "localhost") == 0 || strcmp(endpoint, "::1") == 0 ||
               strcmp(endpoint, "[::1]") == 0 ||
               (inet_pton(AF_INET, endpoint, &address) == 1 && ntohl(address.s_addr) >> 24 == 127));
}
