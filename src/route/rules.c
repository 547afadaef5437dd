/* Which topics a block takes, and the end of its memory. Called by config/: a match is asked for
 * once a topic, not once a record. */
#include "route/rules.h"

#define TOPIC_MAX 249 /* Kafka's own limit */

bool kb_rules_match(const struct kb_rules *rules, struct kb_slice topic)
{
    char name[TOPIC_MAX + 1]; /* regexec wants its NUL */
    if (topic.len > TOPIC_MAX)
        return false;
    memcpy(name, topic.ptr, topic.len);
    name[topic.len] = '\0';
    for (size_t i = 0; i < rules->n_patterns; i++) {
        const struct kb_topic_pattern *pattern = &rules->patterns[i];
        bool match = pattern->is_regex ? regexec(&pattern->regex, name, 0, NULL, 0) == 0
                                       : strcmp(pattern->text, name) == 0;
        if (match)
            return true;
    }
    return false;
}

void kb_rules_deinit(struct kb_rules *rules)
{
    for (size_t i = 0; i < rules->n_patterns; i++) {
        free(rules->patterns[i].text);
        if (rules->patterns[i].is_regex)
            regfree(&rules->patterns[i].regex);
    }
    free(rules->patterns);
    free(rules->where);
    kb_paths_free(rules->key_paths);
    kb_paths_free(rules->value_paths);
    kb_template_free(rules->channel);
    kb_template_free(rules->name);
    kb_template_free(rules->client_id);
    for (size_t i = 0; i < rules->n_more_channels; i++)
        kb_template_free(rules->more_channels[i]);
    free(rules->more_channels);
    kb_template_free(rules->id);
    kb_template_free(rules->cipher_key);
    kb_json_template_free(rules->push);
    kb_json_template_free(rules->extras);
    if (rules->layout)
        free((char *)rules->layout->key_header.ptr);
    free(rules->layout);
    free(rules->push_text);
    free(rules->extras_text);
    for (int i = 0; i < KB_HOOK_COUNT; i++)
        free(rules->functions[i]);
    *rules = (struct kb_rules){0};
}
