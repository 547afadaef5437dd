/* See registry_address.h. */
#include "decode/registry_address.h"

#include "base/base64.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 8192 /* of the header with the credentials */

/* ---- the list ---- */

static bool is_http(struct kb_slice url)
{
    size_t scheme = kb_slice_starts(url, KB_S("http://"))    ? 7
                    : kb_slice_starts(url, KB_S("https://")) ? 8
                                                             : 0;
    return scheme > 0 && url.len > scheme && url.len < KB_REGISTRY_URL_MAX &&
           url.ptr[scheme] != '/';
}

/* An @ behind the address's host: a password with one of these as it is would end in the path,
 * which is shown. */
static bool has_loose_at(struct kb_slice url)
{
    const char *end = url.ptr + url.len, *host = strstr(url.ptr, "://") + 3;
    const char *path = host + strcspn(host, "/?#");
    return path < end && memchr(path, '@', (size_t)(end - path)) != NULL;
}

/* The next of the list, without white space and slashes behind it; false at the end. */
static bool next_url(const char **list, struct kb_slice *out)
{
    const char *p = *list + strspn(*list, " ,");
    size_t len = strcspn(p, " ,");
    *list = p + len;
    while (len > 0 && p[len - 1] == '/')
        len--;
    *out = (struct kb_slice){p, len};
    return len > 0;
}

bool kb_registry_urls_check(const char *urls, struct kb_err *err)
{
    struct kb_slice url;
    size_t n = 0;
    while (next_url(&urls, &url)) {
        if (!is_http(url) || ++n > KB_REGISTRY_URLS_MAX)
            return kb_err_config(err,
                "expected one address such as \"http://localhost:8081\", or up to %d in a list",
                KB_REGISTRY_URLS_MAX);
        if (has_loose_at(url))
            return kb_err_config(err,
                "there is an @ behind the first /, ? or #: in a user or password "
                "write / as %%2F, ? as %%3F, # as %%23 (in a path, @ as %%40)");
    }
    return n > 0 || kb_err_config(err, "is empty; expected \"http://localhost:8081\" or the like");
}

/* ---- credentials ---- */

/* user:password of what stands behind a scheme; ptr NULL = none. Removes it from there. */
static struct kb_slice take_credentials(struct kb_slice *rest)
{
    const char *end = rest->ptr + strcspn(rest->ptr, "/?#, ");
    const char *at = memrchr(rest->ptr, '@', (size_t)(end - rest->ptr));
    if (!at)
        return (struct kb_slice){NULL, 0};
    struct kb_slice credentials = {rest->ptr, (size_t)(at - rest->ptr)};
    rest->len -= credentials.len + 1;
    rest->ptr = at + 1;
    return credentials;
}

/* What stands in an address has its own characters as %XX. */
static struct kb_slice unescape(struct kb_slice text, char *room)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.ptr[i] == '%' && i + 2 < text.len &&
                       kb_hex_digit(text.ptr[i + 1]) >= 0 && kb_hex_digit(text.ptr[i + 2]) >= 0;
        room[len++] =
            escaped ? (char)(kb_hex_digit(text.ptr[i + 1]) * 16 + kb_hex_digit(text.ptr[i + 2]))
                    : text.ptr[i];
        i += escaped ? 2 : 0;
    }
    return (struct kb_slice){room, len};
}

static bool set_authorization(
    struct kb_registry_access *access, const char *scheme, struct kb_slice secret)
{
    struct kb_buf line;
    kb_buf_init(&line, LINE_MAX_BYTES);
    kb_buf_printf(&line, "Authorization: %s ", scheme);
    if (strcmp(scheme, "Basic") == 0)
        kb_base64_add(&line, secret);
    else
        kb_buf_add(&line, secret);
    kb_buf_byte(&line, '\0');
    access->authorization = line.failed ? NULL : strdup(line.ptr);
    if (line.ptr)
        explicit_bzero(line.ptr, line.len);
    kb_buf_deinit(&line);
    return access->authorization != NULL;
}

static bool add_url(struct kb_registry_access *access, struct kb_slice url)
{
    size_t len = kb_slice_starts(url, KB_S("https://")) ? 8 : 7;
    struct kb_slice scheme = {url.ptr, len}, rest = {url.ptr + len, url.len - len};
    struct kb_slice credentials = take_credentials(&rest);
    char room[KB_REGISTRY_URL_MAX];
    if (credentials.ptr && !access->authorization &&
        !set_authorization(access, "Basic", unescape(credentials, room)))
        return false;
    explicit_bzero(room, credentials.len);
    char **kept = &access->urls[access->n_urls];
    if (asprintf(kept, KB_FMT KB_FMT, KB_ARG(scheme), KB_ARG(rest)) < 0)
        return false;
    access->n_urls++;
    return true;
}

/* ---- begin, end, compare ---- */

bool kb_registry_access_init(struct kb_registry_access *access,
    const struct kb_registry_options *options, struct kb_err *err)
{
    const char *list = options->urls;
    struct kb_slice url;
    bool ok = true;
    *access = (struct kb_registry_access){.n_urls = 0};
    if (!kb_registry_urls_check(list, err))
        return false;
    if (options->token)
        ok = set_authorization(access, "Bearer", kb_slice_of(options->token));
    else if (options->auth)
        ok = set_authorization(access, "Basic", kb_slice_of(options->auth));
    while (ok && next_url(&list, &url))
        ok = add_url(access, url);
    access->headers[0] = "Accept: application/vnd.schemaregistry.v1+json, application/json";
    access->headers[1] = access->authorization;
    if (ok)
        return true;
    kb_registry_access_deinit(access);
    return kb_err_fatal(err, "no memory for the registry's addresses");
}

void kb_registry_access_deinit(struct kb_registry_access *access)
{
    for (size_t i = 0; i < access->n_urls; i++)
        free(access->urls[i]);
    if (access->authorization)
        explicit_bzero(access->authorization, strlen(access->authorization));
    free(access->authorization);
    *access = (struct kb_registry_access){.n_urls = 0};
}

bool kb_registry_same_urls(const struct kb_registry_access *a, const struct kb_registry_access *b)
{
    bool same = a->n_urls == b->n_urls;
    for (size_t i = 0; same && i < a->n_urls; i++)
        same = strcmp(a->urls[i], b->urls[i]) == 0;
    return same;
}

bool kb_registry_same_credentials(
    const struct kb_registry_access *a, const struct kb_registry_access *b)
{
    return kb_text_same(a->authorization, b->authorization);
}
