/* See shadows.h. Called by check.c, record by record and at the end. */
#include "cli/shadows.h"

#include <stdlib.h>

struct shadow {
    const char *key;
    bool (*set)(const struct kb_rules *rules);
    bool (*own)(const struct kb_hook_message *message); /* brings its own */
    const char *fix;
};

/* A plain text is no surprise: a channel there must be. */
static bool has_channel(const struct kb_rules *rules)
{
    struct kb_slice text;
    return rules->n_more_channels > 0 || !kb_template_constant(rules->channel, &text);
}

static bool has_name(const struct kb_rules *rules)
{
    return rules->name;
}

static bool has_client_id(const struct kb_rules *rules)
{
    return rules->client_id;
}

static bool has_push(const struct kb_rules *rules)
{
    return rules->push || kb_rules_has(rules, KB_HOOK_PUSH);
}

static bool has_extras(const struct kb_rules *rules)
{
    return rules->extras || kb_rules_has(rules, KB_HOOK_EXTRAS);
}

static bool own_channel(const struct kb_hook_message *message)
{
    return message->channel.ptr;
}

static bool own_name(const struct kb_hook_message *message)
{
    return message->name.ptr;
}

static bool own_client_id(const struct kb_hook_message *message)
{
    return message->client_id.ptr;
}

static bool own_push(const struct kb_hook_message *message)
{
    return message->push.ptr;
}

static bool own_extras(const struct kb_hook_message *message)
{
    return message->extras.ptr;
}

static const struct shadow shadows_of_transform[] = {
    {"channel", has_channel, own_channel, "where that is meant, a plain text will do"},
    {"name", has_name, own_name, "leave it out, or take it from the messages"},
    {"client_id", has_client_id, own_client_id, "leave it out, or take it from the messages"},
    {"push", has_push, own_push, "leave it out, or take it from the messages"},
    {"extras", has_extras, own_extras, "leave its members out, or take them from the messages"},
};

#define N_SHADOWS KB_COUNT(shadows_of_transform)

struct kb_shadowed {
    size_t messages;
    size_t own[N_SHADOWS]; /* of these so many had their own */
};

bool kb_shadows_init(struct kb_shadows *shadows, const struct kb_config *config)
{
    *shadows =
        (struct kb_shadows){config, calloc(config->n_topics + 1, sizeof(struct kb_shadowed))};
    return shadows->topics != NULL;
}

void kb_shadows_deinit(struct kb_shadows *shadows)
{
    free(shadows->topics);
    shadows->topics = NULL;
}

void kb_shadows_note(
    struct kb_shadows *shadows, const struct kb_rules *rules, const struct kb_trial *trial)
{
    struct kb_shadowed *topic = &shadows->topics[rules->number];
    size_t n = 0;
    const struct kb_hook_message *list =
        kb_rules_has(rules, KB_HOOK_TRANSFORM) ? kb_hooks_messages(trial->hooks, &n) : NULL;
    topic->messages += n > 0 ? n : 1; /* none in the list: it is the record itself */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < N_SHADOWS; k++)
            topic->own[k] += shadows_of_transform[k].own(&list[i]);
}

static void print_place(
    const struct kb_tests *tests, const struct kb_rules *rules, const char *key, FILE *to)
{
    const struct kb_key_place *place = kb_tests_key(tests, rules->number, key);
    if (place)
        fprintf(to, "%s:%d: %s: %s: ", place->path, place->line, place->title, key);
    else
        fprintf(to, "%s: %s: ", rules->where, key);
}

static size_t tell_topic(const struct kb_rules *rules, const struct kb_shadowed *topic,
    const struct kb_tests *tests, FILE *to)
{
    size_t warnings = 0;
    for (size_t k = 0; k < N_SHADOWS; k++) {
        const struct shadow *shadow = &shadows_of_transform[k];
        if (topic->messages == 0 || topic->own[k] < topic->messages || !shadow->set(rules))
            continue;
        print_place(tests, rules, shadow->key, to);
        fprintf(to,
            "has no effect on the tests' records: transform (%s) gives each message its own; %s "
            "(warning)\n",
            rules->functions[KB_HOOK_TRANSFORM].place, shadow->fix);
        warnings++;
    }
    return warnings;
}

size_t kb_shadows_tell(const struct kb_shadows *shadows, const struct kb_tests *tests, FILE *to)
{
    size_t warnings = 0;
    for (size_t i = 0; i < shadows->config->n_topics; i++)
        warnings += tell_topic(&shadows->config->topics[i], &shadows->topics[i], tests, to);
    return warnings;
}
