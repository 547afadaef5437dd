/* Credentials: the Authorization line of requests, and where the next one comes from (Ably
 * specification RSA1 to RSA10).
 *
 *     struct kb_auth *auth = kb_auth_new(&options, transport, clock, random, &err);
 *     if (!kb_auth_ready(auth, now_ms))
 *         kb_auth_begin(auth, base_url, now_ms, &err);     // KB_AUTH_READY | ASKING | FAILED
 *     ...
 *     if (kb_auth_asks(auth, done))                        // the transport gave its request back
 *         kb_auth_ended(auth, now_ms, &elsewhere, &err);   // the same three
 *     headers[0] = kb_auth_line(auth);
 *     if (status == 401 && kb_auth_refused(auth, generation, is_token_error, now_ms))
 *         wait until it is ready, then send again
 *
 * The ways, in the order in which they are looked for (RSA4): a literal token first, as long as it
 * is taken; auth_url; an API key, as it is (Basic, RSA11), or, with use_token or behind a token, to
 * get tokens: a JWT signed here, which asks nobody, or by `exchange` a token of Ably's own for a
 * signed TokenRequest. A token is renewed before it ends, while the old one serves on; however many
 * requests wait there is one renewal at a time. Each line has a generation: a request refused with
 * an older one than the current is simply sent again.
 *
 * Key and token may stand in files: these are looked at once a second, and whenever the service
 * refuses what was in them. Nothing here blocks; whoever asks goes through the transport's door.
 * No text it gives holds a secret. Thread: one worker's. */
#ifndef KB_ABLY_AUTH_H
#define KB_ABLY_AUTH_H

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "http/transport.h"

struct kb_auth_options {
    const char *key, *key_file;     /* APP.KEYID:SECRET, NULL = none; the file it is from */
    const char *token, *token_file; /* the same */
    const char *client_id;          /* of tokens asked for; NULL = none */
    bool use_token;                 /* the key itself is not sent */
    bool exchange;                  /* TokenRequest instead of a JWT */
    const char *auth_url;
    bool auth_post;
    char *const *auth_headers, *const *auth_params; /* name, value, ..., NULL */
    const char *capability;                         /* JSON; NULL = the key's own */
    int64_t ttl_ms;                                 /* 3600000 (RSA5) */
    const char *agent;                              /* Ably-Agent */
    int open_timeout_ms, timeout_ms;
};

enum kb_auth_step { KB_AUTH_READY, KB_AUTH_ASKING, KB_AUTH_FAILED };

struct kb_auth;

/* Copies the options. `clock` is asked for the wall time of tokens only. Returns new. */
struct kb_auth *kb_auth_new(const struct kb_auth_options *options, struct kb_transport *transport,
    struct kb_clock *clock, struct kb_random *random, struct kb_err *err) KB_MUST_CHECK;
void kb_auth_free(struct kb_auth *auth); /* cancels what it asks; NULL is fine */
const struct kb_auth_options *kb_auth_options(const struct kb_auth *auth);
bool kb_auth_options_same(const struct kb_auth_options *a, const struct kb_auth_options *b);

/* Is the key itself what is sent? */
bool kb_auth_is_basic(const struct kb_auth_options *options);

/* Can a request be sent with the line as it is? */
bool kb_auth_ready(const struct kb_auth *auth, int64_t now_ms);
bool kb_auth_asking(const struct kb_auth *auth);
/* Ready, but its end is near, and another can be had. */
bool kb_auth_due(const struct kb_auth *auth, int64_t now_ms);
const char *kb_auth_line(const struct kb_auth *auth); /* good until the one after the next */
uint64_t kb_auth_generation(const struct kb_auth *auth);

/* Gets another token. `base_url` is Ably's host, for what is asked there. FAILED: err says why. */
enum kb_auth_step kb_auth_begin(
    struct kb_auth *auth, const char *base_url, int64_t now_ms, struct kb_err *err);
bool kb_auth_asks(const struct kb_auth *auth, const struct kb_http_request *req);
/* Its request is back. Of FAILED, `*elsewhere` = another of Ably's hosts may do better. */
enum kb_auth_step kb_auth_ended(
    struct kb_auth *auth, int64_t now_ms, bool *elsewhere, struct kb_err *err);

/* The service refused what was sent with that generation: `token` = for the token (401 with 40140
 * to 40149), else for the credentials behind it. True: a file has another one now, or another token
 * can be had; send again when it is ready. */
bool kb_auth_refused(struct kb_auth *auth, uint64_t generation, bool token, int64_t now_ms);
/* The same for the credentials behind a token that somebody else gave, or for a reason that was not
 * told (a 401 without a code): the token serves on, and another is asked for. Whoever gives them
 * may know better by now. */
void kb_auth_doubted(struct kb_auth *auth, uint64_t generation, int64_t now_ms);
/* Stars in the place of each secret that the text of somebody else holds. What was used is known as
 * well as what is. */
void kb_auth_redact(const struct kb_auth *auth, char *text);
/* Now and then: have the files changed? */
void kb_auth_look(struct kb_auth *auth, int64_t now_ms);

#endif
