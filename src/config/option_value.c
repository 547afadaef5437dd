/* One option's value, from Lua's to the field of the configuration; see options.h. Pure but for the
 * memory a text or template takes. Texts of numbers and booleans count as such, because that is
 * what env() gives. */
#include "config/option_kinds.h"

#include "base/suggest.h"
#include "config/option_message.h"

#include <errno.h>
#include <math.h>

#define CHOICES_MAX 16

static const struct {
    const char *name;
    int64_t bytes;
} units[] = {{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1000},
    {"MB", 1000000}, {"GB", 1000000000}};

static void *field_of(const struct kb_option *option, void *base)
{
    return (char *)base + option->offset;
}

/* What was written, for the end of an error text: `"abc"`, `a table`. */
static void describe_raw(
    const struct kb_option *option, const struct kb_raw *raw, struct kb_buf *out)
{
    static const char *const kinds[] = {[KB_RAW_NIL] = "nothing",
        [KB_RAW_BOOLEAN] = "a boolean",
        [KB_RAW_INTEGER] = "a number",
        [KB_RAW_NUMBER] = "a number",
        [KB_RAW_TEXT] = "a text",
        [KB_RAW_TABLE] = "a table",
        [KB_RAW_FUNCTION] = "a function",
        [KB_RAW_NULL] = "kably.null",
        [KB_RAW_MISSING] = "nothing"};
    if (option->secret)
        kb_buf_add(out, kb_slice_of(kinds[raw->kind]));
    else if (raw->kind == KB_RAW_TEXT)
        kb_buf_printf(out, "\"%.60s\"", raw->text.ptr);
    else if (raw->kind == KB_RAW_INTEGER)
        kb_buf_printf(out, "%lld", (long long)raw->integer);
    else if (raw->kind == KB_RAW_NUMBER)
        kb_buf_printf(out, "%.14g", raw->number);
    else if (raw->kind == KB_RAW_BOOLEAN)
        kb_buf_printf(out, "%s", raw->boolean ? "true" : "false");
    else
        kb_buf_add(out, kb_slice_of(kinds[raw->kind]));
}

bool kb_option_refuse(const struct kb_option *option, const struct kb_raw *raw, struct kb_err *err)
{
    struct kb_buf expected, got;
    kb_buf_init(&expected, 1000);
    kb_buf_init(&got, 1000);
    kb_option_describe(option, &expected);
    describe_raw(option, raw, &got);
    kb_err_config(err, "expected " KB_FMT ", got " KB_FMT, KB_ARG(kb_buf_slice(&expected)),
        KB_ARG(kb_buf_slice(&got)));
    kb_buf_deinit(&expected);
    kb_buf_deinit(&got);
    return false;
}

/* A whole number; a float without a fraction is one too (1e3). */
static bool whole(const struct kb_raw *raw, int64_t *out)
{
    if (raw->kind == KB_RAW_INTEGER) {
        *out = raw->integer;
        return true;
    }
    if (raw->kind == KB_RAW_NUMBER && raw->number > -0x1p62 && raw->number < 0x1p62 &&
        raw->number == floor(raw->number)) {
        *out = (int64_t)raw->number;
        return true;
    }
    if (raw->kind != KB_RAW_TEXT || raw->text.len == 0)
        return false;
    char *end;
    errno = 0;
    *out = strtoll(raw->text.ptr, &end, 10);
    return errno == 0 && end == raw->text.ptr + raw->text.len;
}

/* "256MiB": a whole number and a unit, without a sign. */
static bool size(const struct kb_raw *raw, int64_t *out)
{
    if (whole(raw, out))
        return true;
    if (raw->kind != KB_RAW_TEXT || raw->text.ptr[0] < '0' || raw->text.ptr[0] > '9')
        return false;
    char *unit;
    errno = 0;
    int64_t number = strtoll(raw->text.ptr, &unit, 10);
    while (*unit == ' ')
        unit++;
    size_t len = (size_t)(raw->text.ptr + raw->text.len - unit);
    for (size_t i = 0; i < KB_COUNT(units); i++)
        if (kb_slice_is((struct kb_slice){unit, len}, units[i].name))
            return errno == 0 && !__builtin_mul_overflow(number, units[i].bytes, out);
    return false;
}

static bool set_integer(const struct kb_option *option, void *field, const struct kb_raw *raw)
{
    int64_t number;
    bool ok = option->type == KB_OPTION_SIZE ? size(raw, &number) : whole(raw, &number);
    if (!ok || number < option->min || number > option->max)
        return false;
    if (option->size == sizeof(int))
        *(int *)field = (int)number;
    else
        *(int64_t *)field = number;
    return true;
}

static bool set_number(const struct kb_option *option, double *field, const struct kb_raw *raw)
{
    double number = raw->number;
    if (raw->kind == KB_RAW_TEXT) {
        char *end;
        number = strtod(raw->text.ptr, &end);
        if (raw->text.len == 0 || end != raw->text.ptr + raw->text.len)
            return false;
    } else if (raw->kind != KB_RAW_INTEGER && raw->kind != KB_RAW_NUMBER) {
        return false;
    }
    if (!(number >= (double)option->min && number <= (double)option->max)) /* NaN is neither */
        return false;
    *field = number;
    return true;
}

static bool set_boolean(bool *field, const struct kb_raw *raw)
{
    bool is_true = raw->kind == KB_RAW_BOOLEAN ? raw->boolean : kb_slice_is(raw->text, "true");
    if (raw->kind != KB_RAW_BOOLEAN && !is_true && !kb_slice_is(raw->text, "false"))
        return false;
    *field = is_true;
    return true;
}

static bool set_text(
    const struct kb_option *option, char **field, const struct kb_raw *raw, struct kb_err *err)
{
    if (raw->kind != KB_RAW_TEXT)
        return kb_option_refuse(option, raw, err);
    if (raw->text.len == 0)
        return kb_err_config(err, "is empty; expected %s", option->help);
    for (size_t i = 0; i < raw->text.len; i++)
        if ((unsigned char)raw->text.ptr[i] < ' ')
            return kb_err_config(err, "has a control character at byte %zu", i + 1);
    char *copy = strdup(raw->text.ptr);
    if (!copy)
        return kb_err_fatal(err, "no memory");
    free(*field);
    *field = copy;
    return true;
}

static void free_list(char **list)
{
    for (char **text = list; text && *text; text++)
        free(*text);
    free(list);
}

/* One text, or a list of them. */
static bool set_list(
    const struct kb_option *option, char ***field, const struct kb_raw *raw, struct kb_err *err)
{
    size_t n = raw->kind == KB_RAW_TEXT ? 1 : raw->n_entries;
    if (raw->kind != KB_RAW_TEXT && raw->kind != KB_RAW_TABLE)
        return kb_option_refuse(option, raw, err);
    char **list = calloc(n + 1, sizeof(*list));
    if (!list)
        return kb_err_fatal(err, "no memory");
    for (size_t i = 0; i < n; i++) {
        const struct kb_raw *text = raw->kind == KB_RAW_TEXT ? raw : &raw->entries[i].value;
        if ((raw->kind == KB_RAW_TEXT || !raw->entries[i].key.ptr) &&
            set_text(option, &list[i], text, err))
            continue;
        free_list(list);
        return raw->kind == KB_RAW_TABLE && raw->entries[i].key.ptr
                   ? kb_option_refuse(option, raw, err)
                   : false;
    }
    free_list(*field);
    *field = list;
    return true;
}

/* A table of named texts. */
static bool set_pairs(
    const struct kb_option *option, char ***field, const struct kb_raw *raw, struct kb_err *err)
{
    if (raw->kind != KB_RAW_TABLE)
        return kb_option_refuse(option, raw, err);
    char **pairs = calloc(2 * raw->n_entries + 1, sizeof(*pairs));
    if (!pairs)
        return kb_err_fatal(err, "no memory");
    for (size_t i = 0; i < raw->n_entries; i++) {
        const struct kb_raw_entry *entry = &raw->entries[i];
        struct kb_raw name = {.kind = KB_RAW_TEXT, .text = entry->key};
        if (entry->key.ptr && set_text(option, &pairs[2 * i], &name, err) &&
            set_text(option, &pairs[2 * i + 1], &entry->value, err))
            continue;
        free_list(pairs);
        return entry->key.ptr ? false : kb_option_refuse(option, raw, err);
    }
    free_list(*field);
    *field = pairs;
    return true;
}

static const char *suggest_choice(const struct kb_choice *choices, struct kb_slice word)
{
    const char *names[CHOICES_MAX];
    size_t n = 0;
    for (; choices->name && n < CHOICES_MAX; choices++)
        names[n++] = choices->name;
    return kb_suggest(word, names, n);
}

static bool set_choice(
    const struct kb_option *option, void *field, const struct kb_raw *raw, struct kb_err *err)
{
    if (raw->kind != KB_RAW_TEXT)
        return kb_option_refuse(option, raw, err);
    const struct kb_choice *choice = option->choices;
    while (choice->name && !kb_slice_is(raw->text, choice->name))
        choice++;
    if (!choice->name) {
        const char *near = suggest_choice(option->choices, raw->text);
        kb_option_refuse(option, raw, err);
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof(err->text) - len, KB_NEAR_FMT, KB_NEAR(near));
        return false;
    }
    memcpy(field, &choice->value, sizeof(choice->value)); /* whichever enum it is */
    return true;
}

static bool set_function(struct kb_rules *rules, const struct kb_option *option,
    const struct kb_raw *raw, struct kb_err *err)
{
    const struct kb_value_path at = {.name = kb_slice_of(option->key)};
    size_t number = option->hook;
    if (raw->kind != KB_RAW_FUNCTION)
        return kb_option_refuse(option, raw, err);
    return kb_option_take_function(rules, &at, raw, &number, err);
}

static bool set_template(struct kb_template **field, struct kb_rules *rules,
    const struct kb_option *option, const struct kb_raw *raw, struct kb_err *err)
{
    const struct kb_value_path at = {.name = kb_slice_of(option->key)};
    if (!kb_option_is_template(raw))
        return kb_option_refuse(option, raw, err);
    struct kb_template *tmpl = kb_option_take_template(rules, &at, raw, err);
    if (!tmpl)
        return false;
    kb_template_free(*field);
    *field = tmpl;
    return true;
}

bool kb_option_set(
    const struct kb_option *option, void *base, const struct kb_raw *raw, struct kb_err *err)
{
    void *field = field_of(option, base);
    switch (option->type) {
    case KB_OPTION_INTEGER:
    case KB_OPTION_SIZE:
        return set_integer(option, field, raw) || kb_option_refuse(option, raw, err);
    case KB_OPTION_NUMBER:
        return set_number(option, field, raw) || kb_option_refuse(option, raw, err);
    case KB_OPTION_BOOLEAN:
        return set_boolean(field, raw) || kb_option_refuse(option, raw, err);
    case KB_OPTION_TEXT:
        return set_text(option, field, raw, err);
    case KB_OPTION_PAIRS:
        return set_pairs(option, field, raw, err);
    case KB_OPTION_LIST:
        return set_list(option, field, raw, err);
    case KB_OPTION_CHOICE:
        if (option->function && raw->kind == KB_RAW_FUNCTION)
            return set_function(base, option, raw, err);
        return set_choice(option, field, raw, err);
    case KB_OPTION_TEMPLATE:
        return set_template(field, base, option, raw, err);
    case KB_OPTION_CHANNELS:
        if (raw->kind == KB_RAW_TABLE)
            return kb_option_set_channels(base, raw, err);
        return set_template(field, base, option, raw, err);
    case KB_OPTION_CIPHER:
        return kb_option_set_cipher(base, raw, err);
    case KB_OPTION_EXTRAS:
        if (raw->kind == KB_RAW_TABLE)
            return kb_option_set_extras(base, raw, err);
        return set_function(base, option, raw, err);
    case KB_OPTION_PUSH:
        if (raw->kind == KB_RAW_TABLE)
            return kb_option_set_push(base, raw, err);
        return set_function(base, option, raw, err);
    case KB_OPTION_FUNCTION:
        return set_function(base, option, raw, err);
    case KB_OPTION_POLICY:
        return kb_option_set_policy(option, field, raw, err);
    case KB_OPTION_ADDRESSES:
        return kb_option_set_addresses(option, field, raw, err);
    case KB_OPTION_LOGICAL:
        return kb_option_set_logical(field, raw, err);
    }
    return kb_option_refuse(option, raw, err); /* no such type */
}

void kb_option_set_default(const struct kb_option *option, void *base)
{
    struct kb_err err;
    if (!option->fallback)
        return;
    const struct kb_raw raw = {.kind = KB_RAW_TEXT, .text = kb_slice_of(option->fallback)};
    KB_BUG_ON(!kb_option_set(option, base, &raw, &err));
}

void kb_option_clear(const struct kb_option *option, void *base)
{
    if (option->type == KB_OPTION_TEXT || option->type == KB_OPTION_ADDRESSES) {
        char **field = field_of(option, base);
        free(*field);
        *field = NULL;
    } else if (option->type == KB_OPTION_LIST || option->type == KB_OPTION_PAIRS) {
        char ***field = field_of(option, base);
        free_list(*field);
        *field = NULL;
    }
}
