/* The one place where an error's class becomes a record's fate. Called by the pipeline after a
 * failed stage and by config/ while it reads `on_error`. Pure functions of values: no state, any
 * thread. */
#include "failure/policy.h"

static const char *const action_names[KB_ACTION_COUNT] = {
#define X(id, name, meaning) [KB_ACTION_##id] = name,
    KB_ACTIONS(X)
#undef X
};

static const enum kb_verdict verdict_of_action[KB_ACTION_COUNT] = {
    [KB_ACTION_STOP] = KB_VERDICT_STOP,
    [KB_ACTION_SKIP] = KB_VERDICT_SKIP,
    [KB_ACTION_DLQ] = KB_VERDICT_DLQ,
};

struct kb_policy kb_policy_all(enum kb_action action)
{
    struct kb_policy policy;
    for (size_t i = 0; i < KB_FAILURE_COUNT; i++)
        policy.action[i] = action;
    return policy;
}

const char *kb_action_name(enum kb_action action)
{
    KB_BUG_ON((unsigned)action >= KB_ACTION_COUNT);
    return action_names[action];
}

bool kb_action_parse(struct kb_slice name, enum kb_action *out)
{
    for (size_t i = 0; i < KB_ACTION_COUNT; i++) {
        if (kb_slice_is(name, action_names[i])) {
            *out = (enum kb_action)i;
            return true;
        }
    }
    return false;
}

bool kb_policy_uses_dlq(const struct kb_policy *policy)
{
    for (size_t i = 0; i < KB_FAILURE_COUNT; i++) {
        if (policy->action[i] == KB_ACTION_DLQ)
            return true;
    }
    return false;
}

enum kb_verdict kb_failure_decide(const struct kb_err *err, const struct kb_policy *policy)
{
    KB_BUG_ON(err->class == KB_ERR_NONE);
    switch (err->class) {
    case KB_ERR_OUTAGE:
        return KB_VERDICT_RETRY;
    case KB_ERR_RECORD:
        KB_BUG_ON((unsigned)err->failure >= KB_FAILURE_COUNT);
        return verdict_of_action[policy->action[err->failure]];
    case KB_ERR_CONFIG:
    case KB_ERR_FATAL:
    case KB_ERR_NONE:
        break;
    }
    return KB_VERDICT_STOP;
}
