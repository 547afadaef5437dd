/* The inside of curl's transport, shared by curl_transport.c (the door), curl_transfer.c (one
 * request on its way), curl_reply.c (its end) and curl_options.c. Nobody else includes this.
 * Thread: one worker's. */
#ifndef KB_HTTP_CURL_INSIDE_H
#define KB_HTTP_CURL_INSIDE_H

#include "base/buf.h"
#include "http/curl_transport.h"

#include <curl/curl.h>

/* A header value: a part of the transfer's header text, which moves while it grows. */
struct kb_curl_part {
    size_t at, len;
    bool there;
};

struct kb_curl_transfer {
    struct kb_curl *owner;
    struct kb_curl_transfer *next;    /* idle, or ended */
    CURLcode code;                    /* ended: how */
    struct kb_curl_transfer *sibling; /* of all there are */
    CURL *easy;
    struct kb_http_request *req;
    struct curl_slist *headers;
    const char *const *headers_from; /* what `headers` was made of */
    uint64_t headers_version;
    struct kb_buf body, header_text;
    struct kb_curl_part content_type, retry_after, server, error_code, error_message;
    bool truncated;
    bool answered;   /* a byte has come */
    bool resent;     /* the body went once more */
    bool head_ended; /* the empty line behind the headers has come */
    bool stale;      /* made with older options */
    char error[CURL_ERROR_SIZE];
};

struct kb_curl {
    struct kb_transport door; /* first: the door is this */
    CURLM *multi;             /* one for all doors that stand beside each other... */
    struct kb_curl *main;     /* ...which is the one of the first: this itself, or that */
    struct kb_curl_transfer *all, *idle;
    struct kb_curl_transfer *ended; /* not given to the caller yet */
    struct kb_curl_transfer *given; /* its reply is being read by the caller */
    bool performed;                 /* in this round of done() */
    bool fresh;                     /* submitted since curl last ran */
    struct kb_curl_options options; /* its texts are its own, like those of the next */
    struct kb_curl_options prepared;
};

/* curl_transfer.c */
struct kb_curl_transfer *kb_curl_transfer_new(struct kb_curl *tr); /* NULL = no memory */
void kb_curl_transfer_free(struct kb_curl_transfer *transfer);     /* NULL is fine */
/* Back to how it was made, with the options of now. */
void kb_curl_transfer_renew(
    struct kb_curl_transfer *transfer, const struct kb_curl_options *options);
/* Prepares the easy handle for this request. False: no memory. */
bool kb_curl_transfer_begin(struct kb_curl_transfer *transfer, struct kb_http_request *req);

/* curl_reply.c: the reply of the transfer's request, which ended with that code. */
void kb_curl_fill_reply(struct kb_curl_transfer *transfer, CURLcode code);

/* curl_options.c: a copy with texts of its own. False: no memory; what there is is to be freed. */
bool kb_curl_options_copy(struct kb_curl_options *to, const struct kb_curl_options *from);
void kb_curl_options_free(struct kb_curl_options *options);
bool kb_curl_options_same(const struct kb_curl_options *a, const struct kb_curl_options *b);

#endif
