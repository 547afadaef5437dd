/* on_error: what becomes of a record by the class of its failure; see option_kinds.h. */
#include "base/suggest.h"
#include "config/option_kinds.h"

static bool parse_action(const struct kb_raw *raw, enum kb_action *out, struct kb_err *err)
{
    if (raw->kind == KB_RAW_TEXT && kb_action_parse(raw->text, out))
        return true;
    static const char *const names[] = {
#define X(id, name, meaning) name,
        KB_ACTIONS(X)
#undef X
    };
    const char *near =
        raw->kind == KB_RAW_TEXT ? kb_suggest(raw->text, names, KB_COUNT(names)) : NULL;
    return kb_err_config(err, "expected \"stop\", \"skip\" or \"dlq\"" KB_NEAR_FMT, KB_NEAR(near));
}

/* One member of on_error = { ... }; `default` is applied before the others. */
static bool set_failure(
    struct kb_policy *policy, const struct kb_raw_entry *entry, struct kb_err *err)
{
    static const char *const names[] = {
#define X(id, name, meaning) name,
        KB_FAILURES(X)
#undef X
            "default"};
    if (!entry->key.ptr)
        return kb_err_config(err, "expected members such as decode = \"dlq\", got a list");
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        if (kb_slice_is(entry->key, names[i]))
            return parse_action(&entry->value, &policy->action[i], err) ||
                   kb_err_wrap(err, "%s", names[i]);
    if (kb_slice_is(entry->key, "default"))
        return true;
    const char *near = kb_suggest(entry->key, names, KB_COUNT(names));
    return kb_err_config(err, "%.60s: unknown key" KB_NEAR_FMT, entry->key.ptr, KB_NEAR(near));
}

bool kb_option_set_policy(const struct kb_option *option, struct kb_policy *field,
    const struct kb_raw *raw, struct kb_err *err)
{
    const struct kb_raw *for_all = raw;
    enum kb_action action = KB_ACTION_STOP;
    if (raw->kind == KB_RAW_TABLE)
        for_all = kb_raw_get(raw, "default");
    else if (raw->kind != KB_RAW_TEXT)
        return kb_option_refuse(option, raw, err);
    if (for_all && !parse_action(for_all, &action, err))
        return for_all == raw ? false : kb_err_wrap(err, "default");
    struct kb_policy policy = kb_policy_all(action);
    for (size_t i = 0; i < raw->n_entries; i++)
        if (!set_failure(&policy, &raw->entries[i], err))
            return false;
    *field = policy;
    return true;
}

void kb_option_format_policy(const struct kb_policy *policy, struct kb_buf *out)
{
    bool same = true;
    for (int i = 1; i < KB_FAILURE_COUNT; i++)
        same = same && policy->action[i] == policy->action[0];
    if (same) {
        kb_lua_quote(out, kb_slice_of(kb_action_name(policy->action[0])));
        return;
    }
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        kb_buf_printf(out, "%s%s = \"%s\"", i == 0 ? "{ " : ", ",
            kb_failure_name((enum kb_failure)i), kb_action_name(policy->action[i]));
    kb_buf_add(out, KB_S(" }"));
}
