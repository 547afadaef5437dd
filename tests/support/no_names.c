/* Preloaded into kably by tests/e2e/test_chaos.py: while the file that KABLY_TEST_NO_NAMES names
 * exists, no host name resolves. Numeric addresses do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

typedef int resolver(
    const char *, const char *, const struct addrinfo *, struct addrinfo **restrict);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **restrict out)
{
    const char *file = getenv("KABLY_TEST_NO_NAMES");
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (file && access(file, F_OK) == 0 && !(hints && hints->ai_flags & AI_NUMERICHOST))
        return EAI_AGAIN;
    return real(node, service, hints, out);
}
