/* What a configuration and the options look like on paper: the effective configuration as a kably
 * file, and the list of all options. Called by the command line; goes by the option table alone. */
#include "config/options.h"

#define LINE_MAX_BYTES (4 * KB_TEMPLATE_LEN_MAX + 1024)

/* Prints a line `key = value,` for each option of a block that is set. */
static void print_options(enum kb_block_kind kind, const void *base, FILE *to)
{
    struct kb_buf value;
    kb_buf_init(&value, LINE_MAX_BYTES);
    for (size_t i = 0; i < kb_n_options; i++) {
        const struct kb_option *option = &kb_options[i];
        kb_buf_reset(&value);
        if (option->block == kind && kb_option_format(option, base, &value))
            fprintf(to, "  %s = " KB_FMT ",\n", option->key, KB_ARG(kb_buf_slice(&value)));
    }
    kb_buf_deinit(&value);
}

static void print_quoted(struct kb_slice text, FILE *to)
{
    struct kb_buf quoted;
    kb_buf_init(&quoted, LINE_MAX_BYTES);
    kb_lua_quote(&quoted, text);
    fprintf(to, KB_FMT, KB_ARG(kb_buf_slice(&quoted)));
    kb_buf_deinit(&quoted);
}

static void print_kafka(const struct kb_config *config, FILE *to)
{
    fputs("kafka {\n", to);
    for (size_t i = 0; i < config->kafka.n; i++) {
        const struct kb_property *property = &config->kafka.properties[i];
        fputs("  [", to);
        print_quoted(kb_slice_of(property->name), to);
        fputs("] = ", to);
        print_quoted(property->secret ? KB_S("***") : kb_slice_of(property->value), to);
        fputs(",\n", to);
    }
    fputs("}\n", to);
}

static void print_topic(const struct kb_rules *rules, FILE *to)
{
    fputs("\ntopic { ", to);
    for (size_t i = 0; i < rules->n_patterns; i++) {
        fputs(i == 0 ? "" : ", ", to);
        print_quoted(kb_slice_of(rules->patterns[i].text), to);
    }
    fputs(" } {\n", to);
    print_options(KB_BLOCK_TOPIC, rules, to);
    fputs("}\n", to);
}

/* Of those that are there only if they are in the file. */
static bool is_there(const struct kb_config *config, enum kb_block_kind kind)
{
    return kind == KB_BLOCK_REGISTRY      ? config->registry.url != NULL
           : kind == KB_BLOCK_DEAD_LETTER ? config->dead_letter.topic != NULL
           : kind == KB_BLOCK_ADMIN       ? config->admin.listen != NULL
                                          : true;
}

void kb_config_print(const struct kb_config *config, FILE *to)
{
    fprintf(to, "-- %s, as kably reads it: defaults filled in, secrets left out\n", config->path);
    print_kafka(config, to);
    for (size_t i = 0; i < kb_n_option_blocks; i++) {
        enum kb_block_kind kind = kb_option_blocks[i];
        if (!is_there(config, kind))
            continue;
        fprintf(to, "\n%s {\n", kb_block_name(kind));
        print_options(kind, config, to);
        fputs("}\n", to);
    }
    for (size_t i = 0; i < config->n_topics; i++)
        print_topic(&config->topics[i], to);
}

static const char *default_of(const struct kb_option *option)
{
    return option->required ? "required" : option->fallback ? option->fallback : "none";
}

static void print_row(const struct kb_option *option, FILE *to, bool markdown)
{
    struct kb_buf kind;
    kb_buf_init(&kind, 1000);
    kb_option_describe(option, &kind);
    const char *reload = option->restart ? "restart" : "reload";
    if (markdown)
        fprintf(to, "| `%s` | " KB_FMT " | %s%s | %s | %s |\n", option->key,
            KB_ARG(kb_buf_slice(&kind)), default_of(option), option->secret ? ", secret" : "",
            reload, option->help);
    else
        fprintf(to, "  %-20s %s\n  %-20s " KB_FMT "; default: %s; %s%s\n", option->key,
            option->help, "", KB_ARG(kb_buf_slice(&kind)), default_of(option), reload,
            option->secret ? "; secret" : "");
    kb_buf_deinit(&kind);
}

static void print_heading(enum kb_block_kind kind, FILE *to, bool markdown)
{
    const char *note = "";
    if (kind == KB_BLOCK_TOPIC)
        note = "one for each topic or pattern; the block `defaults` takes the same keys for all";
    if (kind == KB_BLOCK_KAFKA)
        note = "any consumer property of librdkafka; bootstrap.servers and group.id are required; "
               "a reload applies a change by joining the group anew";
    if (markdown)
        fprintf(to, "\n### %s\n%s%s%s", kb_block_name(kind), *note ? "\n" : "", note,
            *note ? "\n" : "");
    else
        fprintf(to, "%s%s%s\n", kb_block_name(kind), *note ? ": " : "", note);
    if (markdown && kind != KB_BLOCK_KAFKA)
        fputs("\n| key | value | default | applied by | |\n|---|---|---|---|---|\n", to);
}

void kb_options_print(FILE *to, bool markdown)
{
    print_heading(KB_BLOCK_KAFKA, to, markdown);
    enum kb_block_kind block = KB_BLOCK_KAFKA;
    for (size_t i = 0; i < kb_n_options; i++) {
        const struct kb_option *option = &kb_options[i];
        if (option->block != block)
            print_heading(option->block, to, markdown);
        block = option->block;
        print_row(option, to, markdown);
    }
}
