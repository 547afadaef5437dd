/* The endpoint grammar of Ably's specification, REC1 and REC2; see endpoint.h. */
#include "ably/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define DEFAULT_POLICY "main"
#define NONPROD "nonprod:"
#define N_FALLBACKS 5 /* a to e */
#define NAME_MAX_BYTES 253

static bool is_v6(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, host, &address) == 1;
}

static bool is_host(const char *endpoint)
{
    return strchr(endpoint, '.') || strstr(endpoint, "::") || is_v6(endpoint) ||
           endpoint[0] == '[' || strcmp(endpoint, "localhost") == 0;
}

static bool has_only(const char *text, const char *punctuation)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(punctuation, *c))
            return false;
    return *text != '\0';
}

static bool no_endpoint(const char *endpoint, struct kb_err *err)
{
    return kb_err_config(err,
        "\"%s\" is no endpoint: a routing policy such as \"main\", \"nonprod:NAME\", a host name "
        "or an address was expected, without scheme and port (use port = N and tls = false)",
        endpoint);
}

/* A host name or address as it stands in a URL: an IPv6 address gets its brackets. */
static bool put_host(const char *host, char *out, size_t size)
{
    char inner[NAME_MAX_BYTES + 1];
    size_t len = strlen(host);
    if (len > NAME_MAX_BYTES)
        return false;
    if (is_v6(host))
        return (size_t)snprintf(out, size, "[%s]", host) < size;
    if (host[0] == '[' && host[len - 1] == ']') {
        snprintf(inner, sizeof(inner), "%.*s", (int)len - 2, host + 1);
        return is_v6(inner) && (size_t)snprintf(out, size, "%s", host) < size;
    }
    return has_only(host, "-._") && (size_t)snprintf(out, size, "%s", host) < size;
}

static bool put_url(const char *host, bool tls, int port, char *out, size_t size)
{
    char name[NAME_MAX_BYTES + 3], suffix[16] = "";
    if (!put_host(host, name, sizeof(name)))
        return false;
    if (port > 0)
        snprintf(suffix, sizeof(suffix), ":%d", port);
    return (size_t)snprintf(out, size, "%s://%s%s", tls ? "https" : "http", name, suffix) < size;
}

/* What an endpoint that is no host stands for: its policy, and whether that is a production one.
 * False where it is no policy either. */
static bool read_policy(const char *endpoint, const char **policy, bool *production)
{
    *policy = endpoint ? endpoint : DEFAULT_POLICY;
    *production = strncmp(*policy, NONPROD, strlen(NONPROD)) != 0;
    if (!*production)
        *policy += strlen(NONPROD);
    return strlen(*policy) < 64 && has_only(*policy, "-_");
}

bool kb_endpoint_url(
    const char *endpoint, bool tls, int port, char *out, size_t size, struct kb_err *err)
{
    char host[NAME_MAX_BYTES + 1];
    const char *policy;
    bool production;
    if (endpoint && strncmp(endpoint, NONPROD, strlen(NONPROD)) != 0 && is_host(endpoint))
        return put_url(endpoint, tls, port, out, size) || no_endpoint(endpoint, err);
    if (!read_policy(endpoint, &policy, &production))
        return no_endpoint(endpoint, err);
    snprintf(host, sizeof(host),
        production ? "%s.realtime.ably.net" : "%s.realtime.ably-nonprod.net", policy);
    return put_url(host, tls, port, out, size) || no_endpoint(endpoint, err);
}

/* REC2c: those of the default and of a policy; a host has none. */
static void add_own_fallbacks(const char *endpoint, bool tls, int port, struct kb_host_list *hosts)
{
    const char *policy;
    bool production;
    if (!read_policy(endpoint, &policy, &production) || (endpoint && is_host(endpoint)))
        return;
    for (int i = 0; i < N_FALLBACKS; i++) {
        char host[NAME_MAX_BYTES + 1];
        snprintf(host, sizeof(host),
            production ? "%s.%c.fallback.ably-realtime.com"
                       : "%s.%c.fallback.ably-realtime-nonprod.com",
            policy, 'a' + i);
        hosts->n += put_url(host, tls, port, hosts->url[hosts->n], KB_HOST_URL_MAX);
    }
}

static bool add_fallbacks(
    char *const *fallbacks, bool tls, int port, struct kb_host_list *hosts, struct kb_err *err)
{
    for (; *fallbacks; fallbacks++) {
        if (hosts->n == KB_HOSTS_MAX)
            return kb_err_config(err, "more than %d fallback hosts", KB_HOSTS_MAX - 1);
        if (!put_url(*fallbacks, tls, port, hosts->url[hosts->n], KB_HOST_URL_MAX))
            return kb_err_config(err,
                "fallback host \"%s\": a host name or an address was expected, without scheme and "
                "port (all hosts are asked at the same port)",
                *fallbacks);
        hosts->n++;
    }
    return true;
}

bool kb_endpoint_hosts(const char *endpoint, char *const *fallbacks, bool tls, int port,
    struct kb_host_list *out, struct kb_err *err)
{
    out->n = 0;
    if (!kb_endpoint_url(endpoint, tls, port, out->url[0], KB_HOST_URL_MAX, err))
        return false;
    out->n = 1;
    if (fallbacks)
        return add_fallbacks(fallbacks, tls, port, out, err);
    add_own_fallbacks(endpoint, tls, port, out);
    return true;
}
