/* One record through a configuration; see trial.h. */
#include "cli/trial.h"

#include "ably/spec.h"

#define SPEC_MAX (64u << 20)

bool kb_trial_init(struct kb_trial *trial, const struct kb_config *config, struct kb_lines *lines,
    struct kb_err *err)
{
    *trial = (struct kb_trial){.config = config};
    kb_buf_init(&trial->spec, SPEC_MAX);
    if (!kb_router_init(&trial->router, (struct kb_slice){NULL, 0}) ||
        !kb_sealer_init(&trial->sealer))
        return kb_err_fatal(err, "out of memory");
    if (!kb_config_hooks_watched(config, lines, &trial->hooks, err))
        return false;
    kb_router_set_hooks(&trial->router, trial->hooks);
    return true;
}

void kb_trial_deinit(struct kb_trial *trial)
{
    kb_router_deinit(&trial->router);
    kb_hooks_free(trial->hooks);
    kb_buf_deinit(&trial->spec);
    kb_sealer_deinit(&trial->sealer);
}

/* As it would go out, and whether Ably takes it. What is encrypted is larger; its copy in clear
 * stays, for people. */
static bool check_message(
    struct kb_trial *trial, const struct kb_message *clear, struct kb_err *err)
{
    size_t max = (size_t)trial->config->ably.max_message_size;
    struct kb_message msg = *clear;
    if (msg.cipher_key.ptr) {
        if (!kb_seal(&trial->sealer, kb_random_system(), &msg, err))
            return false;
        trial->sealed_as = msg.encoding;
    }
    return kb_message_within(&msg, max) ||
           kb_err_record(err, KB_FAILURE_MESSAGE,
               "the message has %zu bytes, Ably takes %zu (ably { max_message_size })",
               kb_message_size(&msg), max);
}

/* All of them first, as the daemon does: a record is published whole or not at all. */
static bool check_messages(struct kb_trial *trial, struct kb_err *err)
{
    kb_sealer_begin(&trial->sealer);
    for (size_t i = 0; i < trial->router.n_messages; i++)
        if (!check_message(trial, &trial->router.messages[i], err))
            return false;
    return true;
}

enum kb_trial_fate kb_trial_run(struct kb_trial *trial, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    trial->to_letters = false;
    trial->sealed_as = (struct kb_slice){NULL, 0};
    switch (kb_route(&trial->router, rules, rec, err)) {
    case KB_ROUTED:
        return check_messages(trial, err) ? KB_TRIAL_MESSAGES : KB_TRIAL_FAILED;
    case KB_DROPPED:
        return KB_TRIAL_DROPPED;
    case KB_DEAD_LETTER:
        trial->to_letters = true;
        break;
    case KB_WAITS:
        return KB_TRIAL_WAITS;
    case KB_FAILED:
        break;
    }
    return KB_TRIAL_FAILED;
}

static const char *only_topic(const struct kb_config *config)
{
    bool one = config->n_topics == 1 && config->topics[0].n_patterns == 1;
    return one && !config->topics[0].patterns[0].is_regex ? config->topics[0].patterns[0].text
                                                          : NULL;
}

bool kb_trial_rules(const struct kb_trial *trial, const struct kb_test_record *given,
    struct kb_record *rec, struct kb_rules *rules, struct kb_err *err)
{
    const char *only = only_topic(trial->config);
    *rec = given->record;
    if (!rec->topic.ptr && !only)
        return kb_err_config(err, "the record needs a topic: there are several, or only a pattern");
    if (!rec->topic.ptr)
        rec->topic = kb_slice_of(only);
    const struct kb_rules *found = kb_config_rules(trial->config, rec->topic);
    if (!found)
        return kb_err_config(
            err, "no topic block takes the topic \"" KB_FMT "\"", KB_ARG(rec->topic));
    *rules = *found;
    if (given->key_structured)
        rules->key_format = KB_FORMAT_JSON;
    if (given->value_structured)
        rules->value_format = KB_FORMAT_JSON;
    return true;
}

struct kb_slice kb_trial_spec(struct kb_trial *trial, size_t i)
{
    kb_buf_reset(&trial->spec);
    kb_spec_encode(&trial->spec, &trial->router.messages[i]);
    return kb_buf_slice(&trial->spec);
}

const char *kb_trial_policy(
    const struct kb_trial *trial, const struct kb_rules *rules, const struct kb_err *err)
{
    if (trial->to_letters)
        return kb_action_name(KB_ACTION_DLQ);
    return kb_action_name(rules->policy.action[err->failure]);
}
