/* The HTTP face of a batch of specs; see request.h. publisher.c makes them, the transport reads the
 * body.
 *
 * X-Ably-Version is 5: the number Ably's own Kafka Connect sink sends with this very body to this
 * very address, so what the service answers to it is known from years of use. Later versions
 * changed nothing in batch publish; anything from 3 on gives the reply that reply.c reads. */
#include "ably/request.h"

#include "base/base64.h"

#define LINES_MAX (64u << 10)
#define REPLY_BASE (64u << 10)
#define REPLY_PER_SPEC (4u << 10) /* Ably's longest error texts fit; names count with the body */

/* Where each line starts is known only when all of them are there: the buffer moves as it grows. */
struct lines {
    struct kb_buf *text;
    size_t starts[KB_ABLY_HEADERS_MAX], n;
};

static void add_line(struct lines *lines, const char *name, const char *value, bool base64)
{
    KB_BUG_ON(lines->n == KB_ABLY_HEADERS_MAX);
    lines->starts[lines->n++] = lines->text->len;
    kb_buf_add(lines->text, kb_slice_of(name));
    if (base64)
        kb_base64_add(lines->text, kb_slice_of(value));
    else
        kb_buf_add(lines->text, kb_slice_of(value));
    kb_buf_byte(lines->text, '\0');
}

static void add_urls(struct kb_requests *requests, const struct kb_host_list *hosts)
{
    for (size_t i = 0; i < hosts->n; i++) {
        requests->url_starts[i] = requests->urls.len;
        kb_buf_printf(&requests->urls, "%s/messages", hosts->url[i]);
        kb_buf_byte(&requests->urls, '\0');
    }
}

const char *kb_requests_url(const struct kb_requests *requests, size_t host)
{
    return requests->urls.ptr + requests->url_starts[host];
}

bool kb_requests_init(struct kb_requests *requests, const struct kb_host_list *hosts,
    const char *client_id, const char *agent, bool msgpack)
{
    const char *type = msgpack ? "application/x-msgpack" : "application/json"; /* RSC8c */
    *requests = (struct kb_requests){.msgpack = msgpack};
    kb_buf_init(&requests->urls, LINES_MAX);
    kb_buf_init(&requests->lines, LINES_MAX);
    struct lines lines = {.text = &requests->lines};
    add_urls(requests, hosts);
    add_line(&lines, "Accept: ", type, false);
    add_line(&lines, "Content-Type: ", type, false);
    add_line(&lines, "X-Ably-Version: ", KB_ABLY_VERSION, false);
    add_line(&lines, "Ably-Agent: ", agent, false);
    if (client_id)
        add_line(&lines, "X-Ably-ClientId: ", client_id, true);
    if (requests->urls.failed || requests->lines.failed) {
        kb_requests_deinit(requests);
        return false;
    }
    for (size_t i = 0; i < lines.n; i++)
        requests->headers[i + 1] = requests->lines.ptr + lines.starts[i];
    return true;
}

void kb_requests_deinit(struct kb_requests *requests)
{
    kb_buf_deinit(&requests->urls);
    kb_buf_deinit(&requests->lines);
}

/* The byte that stands before spec `i`, and for i = n behind the last. */
static char separator(const struct kb_request *req, size_t i)
{
    return i == 0 ? '[' : i == req->n ? ']' : ',';
}

/* The body from where the last call stopped: each step is one separator and the spec behind it.
 * at_byte 0 = the separator is next, k = k - 1 bytes of the spec are written. */
static size_t read_body(struct kb_http_request *http, char *room, size_t size)
{
    struct kb_request *req = http->context;
    size_t used = 0;
    while (used < size && req->at <= req->n) {
        if (req->at_byte == 0) {
            room[used++] = separator(req, req->at);
            req->at_byte = 1;
        }
        if (req->at == req->n) {
            req->at++;
            break;
        }
        struct kb_slice json = req->specs[req->at]->json.bytes;
        size_t left = json.len - (req->at_byte - 1);
        size_t part = left < size - used ? left : size - used;
        memcpy(room + used, json.ptr + (req->at_byte - 1), part);
        used += part;
        req->at_byte += part;
        if (part < left)
            break;
        req->at++;
        req->at_byte = 0;
    }
    return used;
}

/* The same in MessagePack: the array's head, then spec behind spec with nothing between them. */
static size_t read_body_msgpack(struct kb_http_request *http, char *room, size_t size)
{
    struct kb_request *req = http->context;
    size_t used = 0;
    while (used < size && req->head_at < sizeof(req->head))
        room[used++] = (char)req->head[req->head_at++];
    while (used < size && req->at < req->n) {
        struct kb_slice bytes = req->specs[req->at]->json.bytes;
        size_t left = bytes.len - req->at_byte;
        size_t part = left < size - used ? left : size - used;
        memcpy(room + used, bytes.ptr + req->at_byte, part);
        used += part;
        req->at_byte += part;
        if (part < left)
            break;
        req->at++;
        req->at_byte = 0;
    }
    return used;
}

static void rewind_body(struct kb_http_request *http)
{
    struct kb_request *req = http->context;
    req->at = req->at_byte = req->head_at = 0;
}

struct kb_request *kb_request_new(const struct kb_requests *requests, size_t max_records)
{
    struct kb_request *req = calloc(1, sizeof(*req) + max_records * sizeof(struct kb_spec *));
    if (!req)
        return NULL;
    req->http = (struct kb_http_request){
        .method = "POST",
        .url = kb_requests_url(requests, 0),
        .headers = requests->headers,
        .headers_version = requests->version,
        .read = requests->msgpack ? read_body_msgpack : read_body,
        .rewind = rewind_body,
        .open_timeout_ms = requests->open_timeout_ms,
        .timeout_ms = requests->timeout_ms,
        .context = req,
    };
    return req;
}

void kb_request_ready(struct kb_request *req, size_t n, size_t bytes)
{
    req->n = n;
    req->bytes = bytes;
    req->messages = 0;
    for (size_t i = 0; i < n; i++)
        req->messages += kb_spec_messages(req->specs[i]);
    req->at = req->at_byte = req->head_at = 0;
    req->head[0] = 0xdd;
    for (int i = 0; i < 4; i++)
        req->head[1 + i] = (unsigned char)(n >> (24 - 8 * i));
    /* `bytes` counts brackets and commas: n + 1. */
    req->http.body_len =
        req->http.read == read_body_msgpack ? bytes - (n + 1) + sizeof(req->head) : bytes;
    req->http.max_reply = REPLY_BASE + n * REPLY_PER_SPEC + 2 * bytes;
}
