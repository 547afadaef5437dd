/* Whose fault, and what then: error class x policy -> what happens to the record. Pure.
 *
 *     struct kb_policy policy = kb_policy_all(KB_ACTION_DLQ);
 *     policy.action[KB_FAILURE_MAPPING] = KB_ACTION_SKIP;
 *     kb_failure_decide(&err, &policy)    ->  KB_VERDICT_RETRY | SKIP | DLQ | STOP
 */
#ifndef KB_FAILURE_POLICY_H
#define KB_FAILURE_POLICY_H

#include "base/err.h"
#include "base/slice.h"

/* What `on_error` may say. X(id, name, meaning) */
#define KB_ACTIONS(X)                                                  \
    X(STOP, "stop", "end the process with exit code 1 at this record") \
    X(SKIP, "skip", "leave the record out and go on")                  \
    X(DLQ, "dlq", "write the record to the dead-letter topic and go on")

enum kb_action {
#define X(id, name, meaning) KB_ACTION_##id,
    KB_ACTIONS(X)
#undef X
        KB_ACTION_COUNT
};

struct kb_policy {
    enum kb_action action[KB_FAILURE_COUNT];
};

enum kb_verdict {
    KB_VERDICT_RETRY, /* an outage: keep the record, back off */
    KB_VERDICT_SKIP,
    KB_VERDICT_DLQ,
    KB_VERDICT_STOP
};

struct kb_policy kb_policy_all(enum kb_action action);
const char *kb_action_name(enum kb_action action);
bool kb_action_parse(struct kb_slice name, enum kb_action *out);
/* True where any class leads to the dead-letter topic. */
bool kb_policy_uses_dlq(const struct kb_policy *policy);

enum kb_verdict kb_failure_decide(const struct kb_err *err, const struct kb_policy *policy);

#endif
