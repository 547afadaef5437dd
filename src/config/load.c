/* Loads a configuration; see config.h for the use, load.h for the steps. */
#include "config/load.h"

#include "config/options.h"
#include "config/tests.h"

#include <stdarg.h>

static const struct kb_slice no_key = {NULL, 0};

KB_PRINTF(5, 0)
static void note(const struct kb_load *load, bool warning, const struct kb_block *block,
    struct kb_slice key, const char *fmt, va_list args)
{
    char *text = NULL;
    struct kb_file_place place =
        key.ptr ? kb_block_place_of(load->blocks, block, key) : block->place;
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    if (key.ptr)
        kb_problem_add(load->problems, warning, &place, "%s: " KB_FMT ": %s", block->title,
            KB_ARG(key), text ? text : "no memory");
    else
        kb_problem_add(
            load->problems, warning, &place, "%s: %s", block->title, text ? text : "no memory");
    free(text);
}

void kb_load_problem(const struct kb_load *load, const struct kb_block *block, struct kb_slice key,
    const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(load, false, block, key, fmt, args);
    va_end(args);
}

void kb_load_warning(const struct kb_load *load, const struct kb_block *block, struct kb_slice key,
    const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(load, true, block, key, fmt, args);
    va_end(args);
}

bool kb_load_has_body(const struct kb_load *load, const struct kb_block *block)
{
    if (block->body.kind == KB_RAW_TABLE)
        return true;
    kb_load_problem(load, block, no_key, "expected %s { key = value, ... }", block->title);
    return false;
}

/* "; did you mean ...", or where the key belongs. */
static void complain_unknown(
    const struct kb_load *load, const struct kb_block *block, struct kb_slice key)
{
    const char *near = kb_option_suggest(block->kind, key);
    const char *owner = NULL;
    for (int kind = 0; kind < KB_BLOCK_KIND_COUNT && !near && !owner; kind++)
        if (kb_option_find((enum kb_block_kind)kind, key))
            owner = kb_block_name((enum kb_block_kind)kind);
    if (near)
        kb_load_problem(load, block, key, "unknown key; did you mean \"%s\"?", near);
    else if (owner)
        kb_load_problem(load, block, key, "unknown key; the block %s has one", owner);
    else
        kb_load_problem(load, block, key, "unknown key");
}

void kb_load_check_keys(const struct kb_load *load, const struct kb_block *block)
{
    for (size_t i = 0; i < block->body.n_entries; i++) {
        const struct kb_raw_entry *entry = &block->body.entries[i];
        const struct kb_option *option = NULL;
        if (entry->key.ptr)
            option = kb_option_find(block->kind, entry->key);
        if (!entry->key.ptr)
            kb_load_problem(load, block, no_key, "entry %lld has no key; expected key = value",
                (long long)entry->index);
        else if (!option)
            complain_unknown(load, block, entry->key);
    }
}

/* A template's error is shown in the text itself. */
static void complain_value(const struct kb_load *load, const struct kb_block *block,
    const struct kb_option *option, const struct kb_raw *raw, const struct kb_err *err)
{
    struct kb_buf caret;
    kb_buf_init(&caret, 2 * KB_TEMPLATE_LEN_MAX);
    if (!option->secret && raw->kind == KB_RAW_TEXT && err->column > 0)
        kb_template_caret(&caret, raw->text, err->column);
    if (caret.len > 0)
        kb_load_problem(load, block, kb_slice_of(option->key), "%s\n" KB_FMT, err->text,
            (int)caret.len - 1, caret.ptr);
    else
        kb_load_problem(load, block, kb_slice_of(option->key), "%s", err->text);
    kb_buf_deinit(&caret);
}

bool kb_load_mistyped(const struct kb_block *block, const struct kb_option *option)
{
    for (size_t i = 0; i < block->body.n_entries; i++) {
        struct kb_slice key = block->body.entries[i].key;
        if (!key.ptr || kb_option_find(block->kind, key))
            continue;
        const char *near = kb_option_suggest(block->kind, key);
        if (near && strcmp(near, option->key) == 0)
            return true;
    }
    return false;
}

static void complain_missing(
    const struct kb_load *load, const struct kb_block *block, const struct kb_option *option)
{
    if (!kb_load_mistyped(block, option))
        kb_load_problem(
            load, block, kb_slice_of(option->key), "missing; expected %s", option->help);
}

static void apply(const struct kb_load *load, const struct kb_block *block,
    const struct kb_block *below, const struct kb_option *option, void *base)
{
    const struct kb_block *source = block;
    const struct kb_raw *raw = kb_raw_get(&block->body, option->key);
    if (!raw && below) {
        source = below;
        raw = kb_raw_get(&below->body, option->key);
    }
    struct kb_err err;
    kb_option_set_default(option, base); /* also below a wrong value: one mistake, one error */
    if (!raw && option->required)
        complain_missing(load, block, option);
    else if (raw && raw->kind != KB_RAW_MISSING && !kb_option_set(option, base, raw, &err))
        complain_value(load, source, option, raw, &err);
}

void kb_load_options(const struct kb_load *load, const struct kb_block *block,
    const struct kb_block *below, void *base)
{
    enum kb_block_kind rows = block->kind == KB_BLOCK_DEFAULTS ? KB_BLOCK_TOPIC : block->kind;
    for (size_t i = 0; i < kb_n_options; i++)
        if (kb_options[i].block == rows)
            apply(load, block, below, &kb_options[i], base);
}

/* Gives each kind that stands once its block. */
static void sort_blocks(struct kb_load *load)
{
    for (int kind = 0; kind < KB_BLOCK_KIND_COUNT; kind++)
        load->once[kind] = (struct kb_block){.kind = (enum kb_block_kind)kind,
            .place = {.path = load->blocks->sources[0].path},
            .title = kb_block_name((enum kb_block_kind)kind)};
    for (size_t i = 0; i < load->blocks->n; i++) {
        const struct kb_block *block = &load->blocks->list[i];
        struct kb_block *first = &load->once[block->kind];
        if (block->kind == KB_BLOCK_TOPIC || block->kind == KB_BLOCK_TEST)
            continue;
        if (first->body.kind != KB_RAW_NIL)
            kb_load_problem(load, block, no_key,
                "stands here for the second time; the first is at %s:%d", first->place.path,
                first->place.line);
        else if (kb_load_has_body(load, block))
            *first = *block;
    }
}

static void load_once(const struct kb_load *load, enum kb_block_kind kind)
{
    const struct kb_block *block = &load->once[kind];
    bool is_there = block->body.kind == KB_RAW_TABLE;
    kb_load_check_keys(load, block);
    if (is_there ||
        (kind != KB_BLOCK_DEAD_LETTER && kind != KB_BLOCK_ADMIN && kind != KB_BLOCK_REGISTRY))
        kb_load_options(load, block, NULL, load->config);
}

static void check_dead_letter(const struct kb_load *load)
{
    const char *topic = load->config->dead_letter.topic;
    if (topic && !kb_topic_name_valid(kb_slice_of(topic)))
        kb_load_problem(load, &load->once[KB_BLOCK_DEAD_LETTER], KB_S("topic"),
            "\"%s\" is no topic's name; expected letters, digits, '.', '_' and '-', at most 249",
            topic);
}

static void load_all(struct kb_load *load)
{
    sort_blocks(load);
    kb_load_kafka(load);
    for (size_t i = 0; i < kb_n_option_blocks; i++)
        load_once(load, kb_option_blocks[i]);
    kb_load_ably(load);
    check_dead_letter(load);
    kb_load_admin(load);
    kb_load_topics(load);
    kb_load_registry(load);
    if (load->problems->errors == 0)
        kb_load_unused(load);
}

static struct kb_config *new_config(const char *path, struct kb_inputs *inputs)
{
    struct kb_config *config = calloc(1, sizeof(*config));
    if (!config)
        return NULL;
    atomic_init(&config->references, 1);
    config->path = strdup(path);
    config->inputs = malloc(sizeof(*config->inputs));
    if (config->inputs) {
        kb_inputs_move(config->inputs, inputs);
        kb_inputs_seal(config->inputs);
    }
    if (config->path && config->inputs)
        return config;
    kb_config_unref(config);
    return NULL;
}

static struct kb_config *load_text(struct kb_inputs *inputs, const char *name, struct kb_slice text,
    struct kb_tests *tests, struct kb_problems *problems)
{
    struct kb_blocks blocks;
    struct kb_config *config = NULL;
    size_t before = problems->errors;
    kb_blocks_init(&blocks, inputs);
    blocks.tests = tests != NULL;
    bool ok = kb_blocks_read(&blocks, name, text, problems);
    if (ok && tests && !kb_tests_take(tests, &blocks)) {
        const struct kb_file_place place = {.path = name};
        kb_problem_add(problems, false, &place, "no memory for its tests");
    }
    if (ok) {
        config = new_config(name, inputs);
        struct kb_load load = {.config = config, .blocks = &blocks, .problems = problems};
        if (config)
            load_all(&load);
    }
    kb_blocks_deinit(&blocks);
    kb_problems_sort(problems);
    if (config && problems->errors == before)
        return config;
    kb_config_unref(config);
    return NULL;
}

struct kb_config *kb_config_load_text(
    const char *name, struct kb_slice text, struct kb_problems *problems)
{
    struct kb_inputs inputs;
    struct kb_config *config = NULL;
    kb_inputs_init(&inputs);
    if (kb_inputs_note(&inputs, KB_INPUT_FILE, name, text))
        config = load_text(&inputs, name, text, NULL, problems);
    kb_inputs_deinit(&inputs);
    return config;
}

static struct kb_config *load_file(
    const char *path, struct kb_tests *tests, struct kb_problems *problems)
{
    struct kb_inputs inputs;
    struct kb_slice text;
    struct kb_err err;
    struct kb_config *config = NULL;
    kb_inputs_init(&inputs);
    inputs.stand_in = tests && !tests->strict ? KB_TESTS_UNSET : NULL;
    if (kb_inputs_read(&inputs, KB_INPUT_FILE, path, &text, &err)) {
        config = load_text(&inputs, path, text, tests, problems);
    } else {
        const struct kb_file_place place = {.path = path};
        const char *reason = err.text + strlen(path) + 2;
        kb_problem_add(problems, false, &place, "%s", reason);
    }
    kb_inputs_deinit(&inputs);
    return config;
}

struct kb_config *kb_config_load(const char *path, struct kb_problems *problems)
{
    return load_file(path, NULL, problems);
}

struct kb_config *kb_config_load_tests(
    const char *path, struct kb_tests *tests, struct kb_problems *problems)
{
    return load_file(path, tests, problems);
}
