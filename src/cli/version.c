/* `kably --version`: kably's version and what it runs on, for bug reports. */
#include "cli/cli.h"

#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <lua.h>
#include <microhttpd.h>

/* The allocators' own version functions: there only where one was linked. */
extern const char *tc_version(int *major, int *minor, const char **patch) __attribute__((weak));
extern int mi_version(void) __attribute__((weak));

static const char *allocator(void)
{
    if (tc_version)
        return "tcmalloc";
    return mi_version ? "mimalloc" : "libc";
}

int kb_cli_version(void)
{
    printf("kably %s\n", KABLY_VERSION);
    printf("librdkafka %s, libcurl %s, %s, libmicrohttpd %s, allocator %s\n",
        rd_kafka_version_str(), curl_version_info(CURLVERSION_NOW)->version, LUA_RELEASE,
        MHD_get_version(), allocator());
    return KB_EXIT_DONE;
}
