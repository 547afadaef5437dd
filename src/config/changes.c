/* Compares two configurations by the option table; see changes.h. Called by
 * pipeline/generation.c. */
#include "config/changes.h"

#include "config/options.h"

#include <stdarg.h>

#define NAMES_MAX (16u << 10)
#define VALUE_MAX (4 * KB_TEMPLATE_LEN_MAX + 1024)

static void add_name(struct kb_buf *names, const char *fmt, ...) KB_PRINTF(2, 3);

static void add_name(struct kb_buf *names, const char *fmt, ...)
{
    char name[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);
    kb_buf_printf(names, "%s%s", names->len > 0 ? ", " : "", name);
}

static const void *field(const struct kb_option *option, const void *base)
{
    return (const char *)base + option->offset;
}

/* Texts by themselves, because a secret's printed form hides it; all else as it would be printed.
 */
static bool same_option(const struct kb_option *option, const void *a, const void *b,
    struct kb_buf *text_a, struct kb_buf *text_b)
{
    if (option->type == KB_OPTION_TEXT) {
        const char *one = *(char *const *)field(option, a);
        const char *other = *(char *const *)field(option, b);
        return one && other ? strcmp(one, other) == 0 : one == other;
    }
    kb_buf_reset(text_a);
    kb_buf_reset(text_b);
    bool set_a = kb_option_format(option, a, text_a), set_b = kb_option_format(option, b, text_b);
    return set_a == set_b && kb_slice_eq(kb_buf_slice(text_a), kb_buf_slice(text_b));
}

static bool same_block(enum kb_block_kind kind, const void *a, const void *b)
{
    struct kb_buf text_a, text_b;
    bool same = true;
    kb_buf_init(&text_a, VALUE_MAX);
    kb_buf_init(&text_b, VALUE_MAX);
    for (size_t i = 0; i < kb_n_options && same; i++)
        if (kb_options[i].block == kind)
            same = same_option(&kb_options[i], a, b, &text_a, &text_b);
    kb_buf_deinit(&text_a);
    kb_buf_deinit(&text_b);
    return same;
}

/* Does a block take that topic, dead letters or not? */
static bool is_read(const struct kb_config *config, const char *topic)
{
    for (size_t i = 0; topic && i < config->n_topics; i++)
        if (kb_rules_match(&config->topics[i], kb_slice_of(topic)))
            return true;
    return false;
}

static int64_t memory_made(const struct kb_config *config)
{
    return config->limits.memory_made ? config->limits.memory_made : config->limits.memory;
}

/* Two things a Kafka client is made with and can't change: the topic that it is blind to, which
 * matters where a block would take that topic or the next one; and what it fetches ahead, which
 * matters where that would be the larger part of the memory. */
static bool needs_other_clients(
    const struct kb_option *option, const struct kb_config *from, const struct kb_config *to)
{
    if (option->block == KB_BLOCK_DEAD_LETTER)
        return is_read(to, from->dead_letter.topic) || is_read(to, to->dead_letter.topic);
    return option->offset == offsetof(struct kb_config, limits.memory) &&
           to->limits.memory < memory_made(from) / 2;
}

static struct kb_buf *names_for(struct kb_changes *changes, const struct kb_option *option,
    const struct kb_config *from, const struct kb_config *to)
{
    if (option->restart)
        return &changes->restart;
    return needs_other_clients(option, from, to) ? &changes->rejoin : &changes->applied;
}

static void compare_options(
    struct kb_changes *changes, const struct kb_config *from, const struct kb_config *to)
{
    struct kb_buf a, b;
    kb_buf_init(&a, VALUE_MAX);
    kb_buf_init(&b, VALUE_MAX);
    for (size_t i = 0; i < kb_n_options; i++) {
        const struct kb_option *option = &kb_options[i];
        if (option->block == KB_BLOCK_TOPIC || same_option(option, from, to, &a, &b))
            continue;
        if (option->connects)
            *(option->block == KB_BLOCK_ABLY ? &changes->ably : &changes->registry) = true;
        add_name(names_for(changes, option, from, to), "%s.%s", kb_block_name(option->block),
            option->key);
    }
    kb_buf_deinit(&a);
    kb_buf_deinit(&b);
}

static const char *property(const struct kb_config *config, const char *name)
{
    for (size_t i = 0; i < config->kafka.n; i++)
        if (strcmp(config->kafka.properties[i].name, name) == 0)
            return config->kafka.properties[i].value;
    return NULL;
}

/* Those of `a` that `b` has otherwise; with `only_missing` those that it has not at all. */
static void compare_properties(struct kb_changes *changes, const struct kb_config *a,
    const struct kb_config *b, bool only_missing)
{
    for (size_t i = 0; i < a->kafka.n; i++) {
        const struct kb_property *mine = &a->kafka.properties[i];
        const char *other = property(b, mine->name);
        if (only_missing ? !other : !other || strcmp(mine->value, other) != 0) {
            changes->kafka = true;
            add_name(&changes->rejoin, "kafka.%s", mine->name);
        }
    }
}

static bool same_names(const struct kb_rules *a, const struct kb_rules *b)
{
    for (size_t i = 0; i < a->n_patterns && i < b->n_patterns; i++)
        if (strcmp(a->patterns[i].text, b->patterns[i].text) != 0)
            return false;
    return a->n_patterns == b->n_patterns;
}

static const struct kb_rules *same_topics(const struct kb_config *config, const struct kb_rules *of)
{
    for (size_t i = 0; i < config->n_topics; i++)
        if (same_names(&config->topics[i], of))
            return &config->topics[i];
    return NULL;
}

static void name_topic(struct kb_changes *changes, const struct kb_rules *rules, const char *note)
{
    add_name(&changes->applied, "topic \"%s\"%s%s",
        rules->n_patterns > 0 ? rules->patterns[0].text : "", rules->n_patterns > 1 ? "..." : "",
        note);
}

static void compare_topics(
    struct kb_changes *changes, const struct kb_config *from, const struct kb_config *to)
{
    for (size_t i = 0; i < to->n_topics; i++) {
        const struct kb_rules *before = same_topics(from, &to->topics[i]);
        if (!before)
            name_topic(changes, &to->topics[i], " (new)");
        else if (!same_block(KB_BLOCK_TOPIC, before, &to->topics[i]))
            name_topic(changes, &to->topics[i], "");
    }
    for (size_t i = 0; i < from->n_topics; i++)
        if (!same_topics(to, &from->topics[i]))
            name_topic(changes, &from->topics[i], " (gone)");
}

bool kb_changes_find(
    struct kb_changes *changes, const struct kb_config *from, const struct kb_config *to)
{
    *changes = (struct kb_changes){.kafka = false};
    kb_buf_init(&changes->applied, NAMES_MAX);
    kb_buf_init(&changes->rejoin, NAMES_MAX);
    kb_buf_init(&changes->restart, NAMES_MAX);
    compare_properties(changes, to, from, false);
    compare_properties(changes, from, to, true);
    compare_options(changes, from, to);
    compare_topics(changes, from, to);
    return !changes->applied.failed && !changes->rejoin.failed && !changes->restart.failed;
}

void kb_changes_deinit(struct kb_changes *changes)
{
    kb_buf_deinit(&changes->applied);
    kb_buf_deinit(&changes->rejoin);
    kb_buf_deinit(&changes->restart);
}

static bool keep(const struct kb_option *option, const struct kb_config *from, struct kb_config *to)
{
    char *to_field = (char *)to + option->offset;
    if (option->type != KB_OPTION_TEXT) {
        memcpy(to_field, field(option, from), option->size);
        return true;
    }
    const char *text = *(char *const *)field(option, from);
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return false;
    kb_option_clear(option, to);
    *(char **)to_field = copy;
    return true;
}

bool kb_changes_keep(
    const struct kb_changes *changes, const struct kb_config *from, struct kb_config *to)
{
    to->limits.memory_made = changes->rejoin.len > 0 ? 0 : memory_made(from);
    for (size_t i = 0; i < kb_n_options; i++)
        if (kb_options[i].restart && kb_options[i].block != KB_BLOCK_TOPIC &&
            !keep(&kb_options[i], from, to))
            return false;
    return true;
}
