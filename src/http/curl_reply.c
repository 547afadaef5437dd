/* What became of a request: curl's word for it, and the service's, as a reply; see curl_inside.h.
 * Called by curl_transport.c at the end of each transfer. */
#include "base/address.h"
#include "http/curl_inside.h"

static struct kb_slice slice_of(const struct kb_curl_transfer *transfer, struct kb_curl_part part)
{
    if (!part.there)
        return (struct kb_slice){NULL, 0};
    return (struct kb_slice){kb_buf_slice(&transfer->header_text).ptr + part.at, part.len};
}

/* What OpenSSL found wrong with a certificate, by its numbers (X509_V_ERR_...): of time, or, the
 * last with all between, of who signed it. */
enum { NOT_YET_VALID = 9, HAS_EXPIRED = 10, SELF_SIGNED = 18, NO_ISSUER = 21 };

/* What the server says of this client's certificate, as OpenSSL names its alert. */
static const char *const certificate_alerts[] = {"alert certificate required",
    "alert bad certificate", "alert unknown ca", "alert certificate unknown",
    "alert certificate expired", "alert handshake failure"};

static bool is_about_client(const char *error)
{
    for (size_t i = 0; i < KB_COUNT(certificate_alerts); i++)
        if (strstr(error, certificate_alerts[i]))
            return true;
    return false;
}

/* Where the alert is lost with the connection, this is all that is seen of it. */
static bool ended_behind_handshake(const struct kb_curl_transfer *transfer, CURLcode code)
{
    curl_off_t handshake = 0;
    long opened = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &handshake);
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &opened);
    return handshake > 0 && opened > 0 && !transfer->answered && code != CURLE_OPERATION_TIMEDOUT;
}

/* What to do about a failure of TLS, for the end of its line; nothing = the library's text must do.
 */
static void add_tls_help(
    struct kb_err *err, const struct kb_curl_transfer *transfer, CURLcode code, long found)
{
    const struct kb_curl_options *options = &transfer->owner->options;
    const char *where = options->where_options ? options->where_options : "endpoint and port";
    const char *certificate =
        options->certificate_options ? options->certificate_options : "cert_file and cert_key_file";
    size_t len = strlen(err->text);
    char *end = err->text + len;
    size_t room = sizeof(err->text) - len;
    if (code == CURLE_SSL_CACERT_BADFILE)
        snprintf(end, room, " (correct ca_file, or install the package ca-certificates)");
    else if (code == CURLE_SSL_CERTPROBLEM)
        snprintf(end, room, " (look at %s)", certificate);
    else if (is_about_client(err->text))
        snprintf(end, room, " (it asks for a client certificate: set %s to one that it takes)",
            certificate);
    else if (code == CURLE_SSL_CONNECT_ERROR)
        snprintf(end, room, " (no TLS there? look at %s)", where);
    else if (code == CURLE_PEER_FAILED_VERIFICATION &&
             (found == NOT_YET_VALID || found == HAS_EXPIRED))
        snprintf(
            end, room, " (the server needs another certificate, or this machine's clock is wrong)");
    else if (code == CURLE_PEER_FAILED_VERIFICATION && found >= SELF_SIGNED && found <= NO_ISSUER)
        snprintf(
            end, room, " (signed by nobody that is trusted here: name its authority in ca_file)");
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        snprintf(end, room, " (a certificate for another name? look at %s)", where);
    else if (ended_behind_handshake(transfer, code))
        snprintf(end, room,
            " (it ended the connection right behind the TLS handshake: does it ask for a client "
            "certificate? look at %s)",
            certificate);
}

/* Is it the proxy itself that failed? One that could not reach the host, and says so, did not:
 * another host may be served through it. */
static bool proxy_failed(const struct kb_curl_transfer *transfer, CURLcode code)
{
    long connect_status = 0, found = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    curl_easy_getinfo(transfer->easy, CURLINFO_PROXY_ERROR, &found);
    switch (found) {
    case CURLPX_REPLY_GENERAL_SERVER_FAILURE:
    case CURLPX_REPLY_NETWORK_UNREACHABLE:
    case CURLPX_REPLY_HOST_UNREACHABLE:
    case CURLPX_REPLY_CONNECTION_REFUSED:
    case CURLPX_REPLY_TTL_EXPIRED:
        return false;
    default:
        return code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY ||
               (connect_status >= 400 && connect_status < 500);
    }
}

void kb_curl_fill_reply(struct kb_curl_transfer *transfer, CURLcode code)
{
    struct kb_http_reply *reply = &transfer->req->reply;
    long status = 0, sent = 0, found = 0, of_proxy = 0, opened = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &found);
    curl_easy_getinfo(transfer->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &of_proxy);
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &opened);
    *reply = (struct kb_http_reply){
        .body = kb_buf_slice(&transfer->body),
        .truncated = transfer->truncated,
        .resent = transfer->resent,
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
    kb_err_outage(&reply->err, KB_FMT ": %s", KB_ARG(kb_url_authority(transfer->req->url)),
        transfer->error[0] ? transfer->error : curl_easy_strerror(code));
    add_tls_help(&reply->err, transfer, code, of_proxy ? of_proxy : found);
    reply->err.code = (int)code;
    reply->stale =
        opened == 0 && !transfer->answered &&
        (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
    reply->local = of_proxy != 0 || proxy_failed(transfer, code);
}
