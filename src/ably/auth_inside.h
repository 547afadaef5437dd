/* The inside of the credentials, shared by auth.c (which line, since when, until when),
 * auth_token.c (where the next token comes from), auth_request.c (what is asked, of whom),
 * auth_redact.c (what is not to be shown) and auth_options.c. Nobody else includes this. Thread:
 * one worker's. */
#ifndef KB_ABLY_AUTH_INSIDE_H
#define KB_ABLY_AUTH_INSIDE_H

#include "ably/auth.h"
#include "ably/token_reply.h"
#include "base/log.h"
#include "base/secret_file.h"

#define KB_AUTH_HEADERS_MAX 40

enum kb_auth_question { KB_ASK_NOTHING, KB_ASK_TIME, KB_ASK_ABLY, KB_ASK_URL };

struct kb_auth {
    struct kb_auth_options options; /* its texts are its own */
    struct kb_transport *transport;
    struct kb_clock *clock;
    struct kb_random *random;
    struct kb_secret_file key_file, token_file;
    struct kb_buf key, token; /* as last read */
    int64_t looked_ms;
    struct kb_log_repeat unusable; /* what the key's file holds */

    struct kb_buf lines[2]; /* the current one and the one before: requests may still show it */
    uint64_t generation;    /* 0 = no line yet */
    bool refused;           /* the current one */
    int64_t expires_ms, renew_ms; /* the worker's clock; INT64_MAX = unknown, or never */
    int64_t made_ms, retry_ms;
    bool literal_done; /* the literal token was refused, or there is none */
    int64_t skew_ms;   /* the service's clock less ours */
    bool ask_time;     /* a time of ours was refused */

    enum kb_auth_question question;
    bool asked_time; /* in this round */
    char base_url[512];
    struct kb_http_request http;
    struct kb_buf url, body, header_text;
    size_t header_starts[KB_AUTH_HEADERS_MAX], n_headers, at;
    const char *headers[KB_AUTH_HEADERS_MAX + 1];
    uint64_t questions; /* asked so far */
};

/* auth_request.c: submits the question. False: err. */
bool kb_auth_ask(struct kb_auth *auth, enum kb_auth_question question, struct kb_err *err);
/* The same for a TokenRequest that auth_url gave, as it stands. */
bool kb_auth_ask_with(struct kb_auth *auth, struct kb_slice token_request, struct kb_err *err);

/* auth_options.c: false = no memory; what was copied so far is to be freed all the same. */
bool kb_auth_options_copy(
    struct kb_auth_options *to, const struct kb_auth_options *from) KB_MUST_CHECK;
void kb_auth_options_free(struct kb_auth_options *options);

/* auth.c */
/* The current line is from now on one with this secret, a key (Basic) or a token, for `life_ms`
 * (INT64_MAX = until it is refused). `refused` says whether memory lacked. */
void kb_auth_take_line(
    struct kb_auth *auth, bool basic, struct kb_slice secret, int64_t now_ms, int64_t life_ms);
bool kb_auth_can_renew(const struct kb_auth *auth);
void kb_auth_wipe(struct kb_buf *buf);               /* overwritten, then freed */
int64_t kb_auth_wall_ms(const struct kb_auth *auth); /* the service's, as far as we know */

#endif
