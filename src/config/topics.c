/* The topic blocks -> struct kb_rules: names, options, and the checks that look beyond one option.
 * Called by load.c once the other blocks are known. */
#include "config/load.h"
#include "route/route.h"

#define TOPIC_MAX 249 /* Kafka's own limit */
#define PATTERN_MAX 1024
#define PATTERN_REPEATS_MAX 1000

static const struct kb_slice no_key = {NULL, 0};

bool kb_topic_name_valid(struct kb_slice name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (name.len == 0 || name.len > TOPIC_MAX || kb_slice_is(name, ".") || kb_slice_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!memchr(allowed, name.ptr[i], sizeof(allowed) - 1))
            return false;
    return true;
}

/* regcomp writes what is repeated out once more for a +, so that one behind another, or behind a
 * group of them, doubles the memory it takes. */
static bool doubles(const char *pattern, const char *sign)
{
    return *sign == '+' && sign > pattern && strchr(")+*?}", sign[-1]);
}

/* {m,n} inside {m,n} multiplies, and regcomp takes memory for each repeat: the product of all of
 * them, at most some more than allowed. */
static long repeats(const char *pattern)
{
    long product = 1;
    for (const char *c = pattern; *c && product <= PATTERN_REPEATS_MAX; c++)
        if (doubles(pattern, c))
            product *= 2;
    for (const char *c = strchr(pattern, '{'); c; c = strchr(c + 1, '{')) {
        char *end;
        long most = strtol(c + 1, &end, 10);
        if (*end == ',')
            most = end[1] == '}' ? most : strtol(end + 1, NULL, 10);
        if (most > PATTERN_REPEATS_MAX)
            return most;
        if (most > 1)
            product *= most;
        if (product > PATTERN_REPEATS_MAX)
            return product;
    }
    return product;
}

static bool compile_pattern(struct kb_topic_pattern *pattern, struct kb_err *err)
{
    if (strlen(pattern->text) > PATTERN_MAX || repeats(pattern->text) > PATTERN_REPEATS_MAX)
        return kb_err_config(err, "is longer than %d bytes or repeats more than %d times",
            PATTERN_MAX, PATTERN_REPEATS_MAX);
    int code = regcomp(&pattern->regex, pattern->text, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char reason[128];
        regerror(code, &pattern->regex, reason, sizeof(reason));
        return kb_err_config(err, "%s", reason);
    }
    pattern->is_regex = true;
    return true;
}

static void add_name(const struct kb_load *load, const struct kb_block *block,
    struct kb_rules *rules, struct kb_slice name)
{
    struct kb_topic_pattern *pattern = &rules->patterns[rules->n_patterns];
    struct kb_err err;
    bool is_regex = name.len > 0 && name.ptr[0] == '^';
    if (memchr(name.ptr, '\0', name.len) || (!is_regex && !kb_topic_name_valid(name))) {
        kb_load_problem(load, block, no_key,
            "\"%s\" is no topic's name; expected letters, digits, '.', '_' and '-', at most 249, "
            "or a regular expression that begins with '^'",
            name.ptr);
        return;
    }
    pattern->text = strdup(name.ptr);
    if (!pattern->text)
        return;
    rules->n_patterns++;
    if (is_regex && !compile_pattern(pattern, &err))
        kb_load_problem(
            load, block, no_key, "the regular expression \"%s\": %s", name.ptr, err.text);
}

static bool is_list_of_texts(const struct kb_raw *names)
{
    for (size_t i = 0; i < names->n_entries; i++)
        if (names->entries[i].key.ptr || names->entries[i].value.kind != KB_RAW_TEXT)
            return false;
    return names->kind == KB_RAW_TABLE && names->n_entries > 0;
}

static void load_names(
    const struct kb_load *load, const struct kb_block *block, struct kb_rules *rules)
{
    const struct kb_raw *names = &block->names;
    if (names->kind == KB_RAW_MISSING)
        return;
    rules->patterns = calloc(names->n_entries + 1, sizeof(*rules->patterns));
    if (!rules->patterns)
        kb_load_problem(load, block, no_key, "no memory");
    else if (names->kind == KB_RAW_TEXT)
        add_name(load, block, rules, names->text);
    else if (!is_list_of_texts(names))
        kb_load_problem(load, block, no_key,
            "expected a name, topic \"orders\" { ... }, or several, topic { \"a\", \"b\" } { ... "
            "}");
    else
        for (size_t i = 0; i < names->n_entries; i++)
            add_name(load, block, rules, names->entries[i].value.text);
}

static bool stands_before(const struct kb_rules *rules, size_t place)
{
    for (size_t i = 0; i < place; i++)
        if (strcmp(rules->patterns[i].text, rules->patterns[place].text) == 0)
            return true;
    return false;
}

/* One name in two blocks: the second would never see a record. One name twice in a block:
 * librdkafka would refuse to subscribe. */
static void check_names(
    const struct kb_load *load, const struct kb_block *block, const struct kb_rules *rules)
{
    const char *dead_letters = load->config->dead_letter.topic;
    for (size_t i = 0; i < rules->n_patterns; i++) {
        const struct kb_topic_pattern *mine = &rules->patterns[i];
        if (dead_letters && strcmp(mine->text, dead_letters) == 0)
            kb_load_problem(load, block, no_key,
                "\"%s\" is the dead-letter topic, which can't be consumed as well", mine->text);
        if (stands_before(rules, i))
            kb_load_problem(
                load, block, no_key, "the topic \"%s\" stands in this block twice", mine->text);
        for (const struct kb_rules *other = load->config->topics; other < rules; other++)
            for (size_t j = 0; j < other->n_patterns; j++)
                if (strcmp(other->patterns[j].text, mine->text) == 0)
                    kb_load_problem(load, block, no_key, "the topic \"%s\" has a block already: %s",
                        mine->text, other->where);
    }
}

static bool names_it(const struct kb_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n_patterns; i++)
        if (strcmp(rules->patterns[i].text, name) == 0)
            return true;
    return false;
}

static bool takes_all(const struct kb_rules *rules)
{
    static const char *const all[] = {"^", "^.*", "^.*$", "^.+", "^.+$"};
    for (size_t i = 0; i < rules->n_patterns; i++)
        for (size_t k = 0; k < KB_COUNT(all); k++)
            if (strcmp(rules->patterns[i].text, all[k]) == 0)
                return true;
    return false;
}

/* Does that block take whatever this pattern names? Of two regular expressions it is not known,
 * unless the first is one that takes all. */
static bool takes_before(const struct kb_rules *other, const struct kb_topic_pattern *pattern)
{
    if (pattern->is_regex)
        return takes_all(other);
    return !names_it(other, pattern->text) && kb_rules_match(other, kb_slice_of(pattern->text));
}

/* Of several blocks the first wins: a name that an earlier pattern takes never comes here. */
static void check_reached(
    const struct kb_load *load, const struct kb_block *block, const struct kb_rules *rules)
{
    for (size_t i = 0; i < rules->n_patterns; i++) {
        const struct kb_rules *other = load->config->topics;
        while (other < rules && !takes_before(other, &rules->patterns[i]))
            other++;
        if (other < rules)
            kb_load_warning(load, block, no_key, "%s \"%s\" never comes here: %s takes it first",
                rules->patterns[i].is_regex ? "what matches" : "the topic", rules->patterns[i].text,
                other->where);
    }
}

/* What stands in front of the first placeholder must be a start that Ably allows. */
static void check_channel(
    const struct kb_load *load, const struct kb_block *block, const struct kb_template *channel)
{
    struct kb_slice text;
    struct kb_err err;
    if (!channel)
        return;
    bool constant = kb_template_constant(channel, &text);
    if (!constant)
        text = kb_template_prefix(channel);
    if ((constant || text.len > 0) && !kb_channel_check(text, &err))
        kb_load_problem(load, block, KB_S("channel"), "%s", err.text);
}

static void check_channels(
    const struct kb_load *load, const struct kb_block *block, const struct kb_rules *rules)
{
    check_channel(load, block, rules->channel);
    for (size_t i = 0; i < rules->n_more_channels; i++)
        check_channel(load, block, rules->more_channels[i]);
}

static void check_dead_letters(
    const struct kb_load *load, const struct kb_block *block, const struct kb_rules *rules)
{
    static const char fix[] =
        "\"dlq\" needs a dead-letter topic; add dead_letter { topic = \"NAME\" }";
    if (rules->dead_letters)
        return;
    if (kb_policy_uses_dlq(&rules->policy))
        kb_load_problem(load, block, KB_S("on_error"), "%s", fix);
    if (rules->null_value == KB_NULL_DLQ)
        kb_load_problem(load, block, KB_S("null_value"), "%s", fix);
}

static void load_topic(const struct kb_load *load, const struct kb_block *block)
{
    struct kb_rules *rules = &load->config->topics[load->config->n_topics++];
    rules->number = (size_t)(rules - load->config->topics);
    rules->dead_letters = load->once[KB_BLOCK_DEAD_LETTER].body.kind == KB_RAW_TABLE;
    if (!kb_load_has_body(load, block))
        return;
    rules->key_paths = kb_paths_new();
    rules->value_paths = kb_paths_new();
    if (!rules->key_paths || !rules->value_paths ||
        asprintf(&rules->where, "%s:%d: %s", block->place.path, block->place.line, block->title) <
            0) {
        rules->where = NULL;
        kb_load_problem(load, block, no_key, "no memory");
        return;
    }
    load_names(load, block, rules);
    kb_load_check_keys(load, block);
    kb_load_options(load, block, &load->once[KB_BLOCK_DEFAULTS], rules);
    check_names(load, block, rules);
    check_reached(load, block, rules);
    check_channels(load, block, rules);
    check_dead_letters(load, block, rules);
}

void kb_load_topics(const struct kb_load *load)
{
    const struct kb_block *defaults = &load->once[KB_BLOCK_DEFAULTS];
    size_t n = 0;
    for (size_t i = 0; i < load->blocks->n; i++)
        n += load->blocks->list[i].kind == KB_BLOCK_TOPIC;
    const struct kb_file_place whole = {.path = load->blocks->sources[0].path};
    if (n == 0)
        kb_problem_add(load->problems, false, &whole,
            "no topic block; expected one or more, such as topic \"orders\" { channel = \"orders\" "
            "}");
    load->config->topics = calloc(n + 1, sizeof(*load->config->topics));
    if (!load->config->topics)
        return;
    kb_load_check_keys(load, defaults);
    for (size_t i = 0; i < load->blocks->n; i++)
        if (load->blocks->list[i].kind == KB_BLOCK_TOPIC)
            load_topic(load, &load->blocks->list[i]);
}
