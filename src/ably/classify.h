/* What an Ably error code or an HTTP status means for us: one table (ably-rest facts, section 8).
 * Pure.
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
    X(FOREIGN, "foreign", "an answer that is not Ably's, or not as documented")  \
    X(DENIED, "denied", "the key may not publish to this channel")               \
    X(PERMANENT, "permanent", "this message is not acceptable")                  \
    X(REQUEST_BUG, "request-bug", "something in the request is not acceptable")

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
