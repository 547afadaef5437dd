/* One request on its way through curl; see curl_inside.h. Each transfer has an easy handle that is
 * reused: its constant options are set once, and its header list is rebuilt only when the caller's
 * headers have changed. The body is pulled from the caller straight into curl's buffer. */
#include "base/address.h"
#include "http/curl_inside.h"

#include <strings.h>

#define HEADERS_MAX (64u << 10) /* of one reply */
/* A host that moves is followed within a minute: one of the other behind the other, at the worst.
 */
#define DNS_CACHE_SECONDS 25L
#define CONNECTION_SECONDS 30L

/* ---- what curl calls ---- */

static size_t on_read(char *room, size_t size, size_t n, void *context)
{
    struct kb_http_request *req = ((struct kb_curl_transfer *)context)->req;
    return req->read(req, room, size * n);
}

/* curl sends a body again from the start, when a kept connection turns out to be dead. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct kb_curl_transfer *transfer = context;
    struct kb_http_request *req = transfer->req;
    if (offset != 0 || origin != SEEK_SET || !req->rewind)
        return CURL_SEEKFUNC_CANTSEEK;
    req->rewind(req);
    transfer->resent = true;
    return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct kb_curl_transfer *transfer = context;
    size_t len = size * n, room = transfer->req->max_reply - transfer->body.len;
    transfer->truncated = len > room;
    kb_buf_add(&transfer->body, (struct kb_slice){bytes, len < room ? len : room});
    return transfer->truncated || transfer->body.failed ? 0 : len;
}

static void keep_header(struct kb_curl_transfer *transfer, struct kb_slice line, const char *name,
    struct kb_curl_part *part)
{
    size_t len = strlen(name);
    if (line.len < len || strncasecmp(line.ptr, name, len) != 0)
        return;
    struct kb_slice value = {line.ptr + len, line.len - len};
    for (; value.len > 0 && (*value.ptr == ' ' || *value.ptr == '\t'); value.ptr++)
        value.len--;
    while (value.len > 0 && strchr(" \t\r\n", value.ptr[value.len - 1]))
        value.len--;
    size_t at = transfer->header_text.len;
    kb_buf_add(&transfer->header_text, value);
    *part = (struct kb_curl_part){at, value.len, !transfer->header_text.failed};
}

static void forget_headers(struct kb_curl_transfer *transfer)
{
    kb_buf_reset(&transfer->header_text);
    transfer->head_ended = false;
    transfer->content_type = transfer->retry_after = transfer->server = transfer->error_code =
        transfer->error_message = (struct kb_curl_part){0};
}

static size_t on_header(char *bytes, size_t size, size_t n, void *context)
{
    struct kb_curl_transfer *transfer = context;
    struct kb_slice line = {bytes, size * n};
    transfer->answered = true;
    if (kb_slice_starts(line, KB_S("HTTP/")))
        forget_headers(transfer); /* what came before was an interim answer's */
    else if (kb_slice_eq(line, KB_S("\r\n")) || kb_slice_eq(line, KB_S("\n")))
        transfer->head_ended = true;
    keep_header(transfer, line, "content-type:", &transfer->content_type);
    keep_header(transfer, line, "retry-after:", &transfer->retry_after);
    keep_header(transfer, line, "server:", &transfer->server);
    keep_header(transfer, line, "x-ably-errorcode:", &transfer->error_code);
    keep_header(transfer, line, "x-ably-errormessage:", &transfer->error_message);
    return line.len;
}

/* ---- the easy handle ---- */

void kb_curl_transfer_free(struct kb_curl_transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    kb_buf_deinit(&transfer->body);
    kb_buf_deinit(&transfer->header_text);
    free(transfer);
}

/* Basic or Digest, as the proxy asks. The password is in the proxy's URL; curl takes it from there.
 * An https:// proxy is believed by the same authorities as Ably. */
static void setup_proxy(CURL *easy, const struct kb_curl_options *options)
{
    if (options->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
}

static void setup_certificate(CURL *easy, const struct kb_curl_options *options)
{
    if (!options->cert_file)
        return;
    curl_easy_setopt(easy, CURLOPT_SSLCERT, options->cert_file);
    curl_easy_setopt(
        easy, CURLOPT_SSLKEY, options->key_file ? options->key_file : options->cert_file);
    /* Without one, OpenSSL would ask at the terminal. */
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, options->key_password ? options->key_password : "");
}

/* The options that never change. */
static void transfer_setup(struct kb_curl_transfer *transfer, const struct kb_curl_options *options)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_SECONDS);
    setup_proxy(easy, options);
    setup_certificate(easy, options);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    if (options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);         /* else the system's count as well */
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* a renewed file is seen at once */
    }
}

void kb_curl_transfer_renew(
    struct kb_curl_transfer *transfer, const struct kb_curl_options *options)
{
    curl_easy_reset(transfer->easy);
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    transfer->stale = false;
    transfer_setup(transfer, options);
}

struct kb_curl_transfer *kb_curl_transfer_new(struct kb_curl *tr)
{
    struct kb_curl_transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return NULL;
    kb_buf_init(&transfer->header_text, HEADERS_MAX);
    transfer->easy = curl_easy_init();
    if (!transfer->easy) {
        kb_curl_transfer_free(transfer);
        return NULL;
    }
    transfer_setup(transfer, &tr->options);
    transfer->owner = tr;
    transfer->sibling = tr->all;
    tr->all = transfer;
    return transfer;
}

/* `Expect:` empty keeps curl from asking before it sends a large body. */
static bool set_headers(struct kb_curl_transfer *transfer, const struct kb_http_request *req)
{
    if (transfer->headers && transfer->headers_from == req->headers &&
        transfer->headers_version == req->headers_version)
        return true;
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool ok = list != NULL;
    for (const char *const *line = req->headers; ok && line && *line; line++)
        ok = curl_slist_append(list, *line) != NULL;
    if (!ok) {
        curl_slist_free_all(list);
        return false;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
    curl_slist_free_all(transfer->headers);
    transfer->headers = list;
    transfer->headers_from = req->headers;
    transfer->headers_version = req->headers_version;
    return true;
}

/* Which hosts are reached without the proxy; NULL = as the environment says. What it says is about
 * its own proxy, not the user's; and this machine, where a key may go unprotected, is no business
 * of a proxy that nobody asked for. */
static const char *no_proxy(const struct kb_curl_options *options, const char *url)
{
    if (options->proxy)
        return options->no_proxy ? options->no_proxy : "";
    return kb_host_is_loopback(kb_url_host(url)) ? "*" : options->no_proxy;
}

bool kb_curl_transfer_begin(struct kb_curl_transfer *transfer, struct kb_http_request *req)
{
    CURL *easy = transfer->easy;
    bool get = strcmp(req->method, "GET") == 0;
    KB_BUG_ON(!get && strcmp(req->method, "POST") != 0);
    transfer->req = req;
    transfer->truncated = transfer->answered = transfer->resent = false;
    transfer->error[0] = '\0';
    forget_headers(transfer);
    kb_buf_reset(&transfer->body);
    transfer->body.max = req->max_reply;
    curl_easy_setopt(easy, get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    if (!get)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)req->open_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, req->fresh ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, no_proxy(&transfer->owner->options, req->url));
    return curl_easy_setopt(easy, CURLOPT_URL, req->url) == CURLE_OK && set_headers(transfer, req);
}
