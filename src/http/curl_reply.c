/* What became of a request: curl's word for it, and the service's, as a reply; see curl_inside.h.
 * Called by curl_transport.c at the end of each transfer. */
#include "http/curl_inside.h"

static struct kb_slice slice_of(const struct kb_curl_transfer *transfer, struct kb_curl_part part)
{
    if (!part.there)
        return (struct kb_slice){NULL, 0};
    return (struct kb_slice){kb_buf_slice(&transfer->header_text).ptr + part.at, part.len};
}

/* host:port of a URL, without user and password. */
static struct kb_slice host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    const char *end = start + strcspn(start, "/?#");
    const char *at = memrchr(start, '@', (size_t)(end - start));
    start = at ? at + 1 : start;
    return (struct kb_slice){start, (size_t)(end - start)};
}

/* What OpenSSL found wrong with a certificate, by its numbers (X509_V_ERR_...). */
enum {
    NOT_YET_VALID = 9,
    HAS_EXPIRED = 10,
    SELF_SIGNED = 18,
    SELF_SIGNED_IN_CHAIN = 19,
    NO_LOCAL_ISSUER = 20,
    NO_ISSUER = 21,
};

/* What to do about a failure of TLS, for the end of its line; "" = the library's text must do. */
static const char *tls_help(CURLcode code, long found)
{
    if (code == CURLE_SSL_CACERT_BADFILE)
        return " (correct ca_file, or install the package ca-certificates)";
    if (code == CURLE_SSL_CONNECT_ERROR)
        return " (no TLS there? look at endpoint and port)";
    if (code != CURLE_PEER_FAILED_VERIFICATION)
        return "";
    switch (found) {
    case NOT_YET_VALID:
    case HAS_EXPIRED:
        return " (the server needs another certificate, or this machine's clock is wrong)";
    case SELF_SIGNED:
    case SELF_SIGNED_IN_CHAIN:
    case NO_LOCAL_ISSUER:
    case NO_ISSUER:
        return " (signed by nobody that is trusted here: name its authority in ca_file)";
    default:
        return " (is endpoint the name that the certificate is for?)";
    }
}

void kb_curl_fill_reply(struct kb_curl_transfer *transfer, CURLcode code)
{
    struct kb_http_reply *reply = &transfer->req->reply;
    long status = 0, sent = 0, found = 0, opened = 0, proxy_status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &found);
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &opened);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    *reply = (struct kb_http_reply){
        .body = kb_buf_slice(&transfer->body),
        .truncated = transfer->truncated,
        .headers = {slice_of(transfer, transfer->content_type),
            slice_of(transfer, transfer->retry_after), slice_of(transfer, transfer->server),
            slice_of(transfer, transfer->error_code), slice_of(transfer, transfer->error_message)},
        .connected = sent > 0,
    };
    if (code == CURLE_OK && !transfer->head_ended)
        code = CURLE_PARTIAL_FILE; /* curl takes a connection closed among the headers for an end */
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer->truncated)) {
        reply->status = (int)status;
        return;
    }
    kb_err_outage(&reply->err, KB_FMT ": %s%s", KB_ARG(host_of(transfer->req->url)),
        transfer->error[0] ? transfer->error : curl_easy_strerror(code), tls_help(code, found));
    reply->err.code = (int)code;
    reply->stale =
        opened == 0 && !transfer->answered &&
        (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
    reply->local =
        code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY || proxy_status >= 400;
}
