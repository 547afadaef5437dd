/* Where the schema registry is and with which credentials it is asked.
 *
 *     struct kb_registry_access access;
 *     kb_registry_access_init(&access, &options, &err)     // false: KB_ERR_CONFIG, or FATAL
 *     access.urls[0 .. access.n_urls), access.headers
 *     kb_registry_access_deinit(&access);
 *
 * User and password may stand in an address (with %XX where it needs that: one with a slash as it
 * is is refused, for its end would pass for the path); they go to every one of several, for those
 * are replicas of one registry. What is kept of an address holds neither, so it can be shown.
 * Thread: any. */
#ifndef KB_DECODE_REGISTRY_ADDRESS_H
#define KB_DECODE_REGISTRY_ADDRESS_H

#include "base/err.h"

#define KB_REGISTRY_URLS_MAX 8
#define KB_REGISTRY_URL_MAX 1024

struct kb_registry_options {
    const char *urls;  /* one or several with commas; may hold user:password@ */
    const char *auth;  /* "user:password" or NULL */
    const char *token; /* bearer token or NULL */
};

struct kb_registry_access {
    char *urls[KB_REGISTRY_URLS_MAX]; /* without credentials and without a slash at the end */
    size_t n_urls;
    char *authorization;    /* a header's whole line; NULL = none */
    const char *headers[3]; /* of every request */
};

/* Is that a list of http(s) addresses? KB_ERR_CONFIG says what is wrong, and shows none of it. */
bool kb_registry_urls_check(const char *urls, struct kb_err *err) KB_MUST_CHECK;

/* After a failure there is nothing to deinit. */
bool kb_registry_access_init(struct kb_registry_access *access,
    const struct kb_registry_options *options, struct kb_err *err) KB_MUST_CHECK;
void kb_registry_access_deinit(struct kb_registry_access *access);

bool kb_registry_same_urls(const struct kb_registry_access *a, const struct kb_registry_access *b);
bool kb_registry_same_credentials(
    const struct kb_registry_access *a, const struct kb_registry_access *b);

#endif
