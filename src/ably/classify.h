/* What an Ably error code or an HTTP status means for us: one table of classes, one of codes, one
 * of statuses (Ably specification TI, RSA4b, RSC15l, RSC22, and Ably's list of error codes). The
 * tests are made of the same tables. Pure.
 *
 *     kb_classify(503, 0, KB_LEVEL_REQUEST)     ->  KB_ABLY_TRANSIENT
 *     kb_classify(401, 40160, KB_LEVEL_SPEC)    ->  KB_ABLY_DENIED
 *     kb_classify(401, 40160, KB_LEVEL_REQUEST) ->  KB_ABLY_CREDENTIALS
 *
 * The code decides where it is known, else the status. A status alone never blames a record, 413
 * apart: a proxy, a load balancer or a wrong address answers 400 and 404 too. */
#ifndef KB_ABLY_CLASSIFY_H
#define KB_ABLY_CLASSIFY_H

#include <stdbool.h>

/* X(id, name, whose fault it is, for the person who reads the log) */
#define KB_ABLY_CLASSES(X)                                                       \
    X(OK, "ok", "accepted")                                                      \
    X(TOKEN, "token", "the token has expired or is not valid")                   \
    X(CREDENTIALS, "credentials", "key, account or application is not accepted") \
    X(RATE, "rate", "a rate limit of the account")                               \
    X(RATE_CHANNEL, "rate-channel", "a rate limit of one channel")               \
    X(TRANSIENT, "transient", "trouble at Ably or on the way")                   \
    X(PROXY, "proxy", "the proxy wants a user and password, or other ones")      \
    X(FOREIGN, "foreign", "an answer that is not Ably's, or not as documented")  \
    X(DENIED, "denied", "the key may not publish to this channel")               \
    X(PERMANENT, "permanent", "this message is not acceptable")                  \
    X(REQUEST_BUG, "request-bug", "something in the request is not acceptable")

/* X(first, last, class where it ends the request, class where it stands for one spec): Ably's
 * codes. The first row that holds the number wins, so narrow rows stand before wide ones. */
#define KB_ABLY_CODES(X)                                                                  \
    X(40005, 40005, CREDENTIALS, CREDENTIALS) /* invalid credentials */                   \
    X(40009, 40010, PERMANENT, PERMANENT)     /* too large; channel name */               \
    X(40012, 40013, PERMANENT, PERMANENT)     /* client id; data or encoding */           \
    X(40014, 40014, TRANSIENT, TRANSIENT)     /* resource disposed */                     \
    X(40016, 40016, PERMANENT, PERMANENT)                                                 \
    X(40030, 40034, PERMANENT, PERMANENT) /* message: ids, extras, number */              \
    X(40000, 40099, REQUEST_BUG, REQUEST_BUG)                                             \
    X(40140, 40149, TOKEN, TOKEN)        /* RSA4b: renew once */                          \
    X(40160, 40169, CREDENTIALS, DENIED) /* capability: of the key, or for one channel */ \
    X(40100, 40199, CREDENTIALS, CREDENTIALS)                                             \
    X(40300, 40399, CREDENTIALS, CREDENTIALS)   /* account, application */                \
    X(40400, 40499, CREDENTIALS, PERMANENT)     /* no such application */                 \
    X(42210, 42213, PERMANENT, PERMANENT)       /* rejected by a rule of the channel's */ \
    X(42913, 42914, RATE_CHANNEL, RATE_CHANNEL) /* messages, bytes of one channel */      \
    X(42900, 42999, RATE, RATE)                                                           \
    X(50000, 59999, TRANSIENT, TRANSIENT) /* RSC15l3 */                                   \
    X(90021, 90021, RATE, RATE)           /* channel creation */

/* The same of HTTP statuses, for codes nobody told us of, and answers without one. The class for
 * one spec also stands for an unknown code at request level: Ably itself has spoken, so 4xx blames
 * what was sent. */
#define KB_ABLY_STATUSES(X)                                                      \
    X(200, 299, OK, FOREIGN) /* an error inside `results` with a good status? */ \
    X(401, 401, CREDENTIALS, CREDENTIALS)                                        \
    X(403, 403, CREDENTIALS, CREDENTIALS)                                        \
    X(404, 404, CREDENTIALS, PERMANENT)                                          \
    X(407, 407, PROXY, PROXY)                                                    \
    X(408, 408, TRANSIENT, TRANSIENT)                                            \
    X(413, 413, REQUEST_BUG, PERMANENT)                                          \
    X(421, 421, TRANSIENT, TRANSIENT)                                            \
    X(425, 425, TRANSIENT, TRANSIENT)                                            \
    X(429, 429, RATE, RATE)                                                      \
    X(400, 499, FOREIGN, REQUEST_BUG)                                            \
    X(500, 599, TRANSIENT, TRANSIENT)

enum kb_ably_class {
#define X(id, name, help) KB_ABLY_##id,
    KB_ABLY_CLASSES(X)
#undef X
        KB_ABLY_CLASS_COUNT
};

/* Where the error stood: it ends the whole request, or it stands in `results` for one spec. */
enum kb_level { KB_LEVEL_REQUEST, KB_LEVEL_SPEC };

/* `code` 0 = none was given, `status` 0 = no answer came. */
enum kb_ably_class kb_classify(int status, int code, enum kb_level level);

/* True for the classes that are the message's (or request's) own fault: denied, permanent,
 * request-bug. */
bool kb_ably_class_refuses(enum kb_ably_class class);

const char *kb_ably_class_name(enum kb_ably_class class);
const char *kb_ably_class_help(enum kb_ably_class class);

#endif
