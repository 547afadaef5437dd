/* Which topics a block takes, its functions, and the end of its memory. Called by config/: a match
 * is asked for once a topic, not once a record. */
#include "route/rules.h"

#define TOPIC_MAX 249 /* Kafka's own limit */
#define NAME_MAX_BYTES 65536

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

/* ---- functions ---- */

static void free_function(struct kb_function *function)
{
    for (size_t i = 0; i < function->n_keys; i++)
        free((char *)function->keys[i].name.ptr);
    free(function->keys);
    free(function->name);
    free(function->place);
    *function = (struct kb_function){0};
}

/* "push.notification.title", "channel.2". */
static char *name_of(const struct kb_function_key *keys, size_t n)
{
    struct kb_buf name;
    kb_buf_init(&name, NAME_MAX_BYTES);
    for (size_t i = 0; i < n; i++) {
        kb_buf_add(&name, i == 0 ? KB_S("") : KB_S("."));
        if (keys[i].name.ptr)
            kb_buf_add(&name, keys[i].name);
        else
            kb_buf_add_i64(&name, keys[i].index);
    }
    kb_buf_byte(&name, '\0');
    char *copy = name.failed ? NULL : strdup(name.ptr);
    kb_buf_deinit(&name);
    return copy;
}

static bool copy_keys(struct kb_function *function, const struct kb_function_key *keys, size_t n)
{
    function->keys = calloc(n, sizeof(*keys));
    for (size_t i = 0; function->keys && i < n; i++) {
        struct kb_function_key *copy = &function->keys[i];
        *copy = keys[i];
        function->n_keys++;
        if (keys[i].name.ptr && !(copy->name.ptr = strndup(keys[i].name.ptr, keys[i].name.len)))
            return false;
    }
    return function->keys;
}

/* Room for all hooks from the first function on, so that each has its number's place. */
static bool grow_functions(struct kb_rules *rules, size_t n)
{
    if (n <= rules->n_functions)
        return true;
    struct kb_function *functions = realloc(rules->functions, n * sizeof(*functions));
    if (!functions)
        return false;
    memset(functions + rules->n_functions, 0, (n - rules->n_functions) * sizeof(*functions));
    rules->functions = functions;
    rules->n_functions = n;
    return true;
}

bool kb_rules_add_function(struct kb_rules *rules, const char *place,
    const struct kb_function_key *keys, size_t n_keys, size_t *number)
{
    if (!grow_functions(rules, KB_HOOK_COUNT))
        return false;
    if (*number == KB_HOOK_COUNT)
        *number = rules->n_functions;
    if (!grow_functions(rules, *number + 1))
        return false;
    struct kb_function *function = &rules->functions[*number];
    free_function(function);
    function->place = strdup(place);
    function->name = name_of(keys, n_keys);
    return copy_keys(function, keys, n_keys) && function->place && function->name;
}

/* ---- the end ---- */

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
    for (size_t i = 0; i < rules->n_functions; i++)
        free_function(&rules->functions[i]);
    free(rules->functions);
    *rules = (struct kb_rules){0};
}
