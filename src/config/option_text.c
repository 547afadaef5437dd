/* One option as text: its field as a Lua value, and what it may be in words; see options.h. Called
 * by print.c and for error texts. */
#include "config/option_kinds.h"
#include "config/option_message.h"

#include "value/json.h"

#include <math.h>

void kb_lua_quote(struct kb_buf *out, struct kb_slice text)
{
    kb_buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            kb_buf_printf(out, "\\%c", c);
        else if (c < ' ' || c >= 0x7f)
            kb_buf_printf(out, "\\x%02x", c);
        else
            kb_buf_byte(out, (char)c);
    }
    kb_buf_byte(out, '"');
}

/* In the largest unit that leaves no rest. */
static void format_size(int64_t bytes, struct kb_buf *out)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    for (; unit + 1 < KB_COUNT(names) && bytes >= 1024 && bytes % 1024 == 0; unit++)
        bytes /= 1024;
    kb_buf_printf(out, "%lld%s", (long long)bytes, names[unit]);
}

static void format_number(double number, struct kb_buf *out)
{
    if (number == floor(number))
        kb_buf_printf(out, "%.0f", number);
    else
        kb_json_real(out, number);
}

static void format_list(const struct kb_option *option, char *const *list, struct kb_buf *out)
{
    kb_buf_byte(out, '{');
    for (size_t i = 0; list[i]; i++) {
        kb_buf_add(out, i == 0 ? KB_S(" ") : KB_S(", "));
        kb_lua_quote(out, option->secret ? KB_S("***") : kb_slice_of(list[i]));
    }
    kb_buf_add(out, list[0] ? KB_S(" }") : KB_S("}"));
}

static void format_pairs(const struct kb_option *option, char *const *pairs, struct kb_buf *out)
{
    kb_buf_byte(out, '{');
    for (size_t i = 0; pairs[i]; i += 2) {
        kb_buf_add(out, i == 0 ? KB_S(" [") : KB_S(", ["));
        kb_lua_quote(out, kb_slice_of(pairs[i]));
        kb_buf_add(out, KB_S("] = "));
        kb_lua_quote(out, option->secret ? KB_S("***") : kb_slice_of(pairs[i + 1]));
    }
    kb_buf_add(out, pairs[0] ? KB_S(" }") : KB_S("}"));
}

static void format_choice(const struct kb_option *option, const void *field, struct kb_buf *out)
{
    int value;
    memcpy(&value, field, sizeof(value));
    const struct kb_choice *choice = option->choices;
    while (choice->value != value)
        choice++;
    kb_lua_quote(out, kb_slice_of(choice->name));
}

static bool format_function(const struct kb_option *option, const void *base, struct kb_buf *out)
{
    const struct kb_rules *rules = base;
    if (!kb_rules_has(rules, option->hook))
        return false;
    kb_option_format_function(rules->functions[option->hook].place, out);
    return true;
}

bool kb_option_format(const struct kb_option *option, const void *base, struct kb_buf *out)
{
    const void *field = (const char *)base + option->offset;
    switch (option->type) {
    case KB_OPTION_INTEGER:
        kb_buf_add_i64(
            out, option->size == sizeof(int) ? *(const int *)field : *(const int64_t *)field);
        return true;
    case KB_OPTION_SIZE:
        kb_buf_byte(out, '"');
        format_size(*(const int64_t *)field, out);
        kb_buf_byte(out, '"');
        return true;
    case KB_OPTION_NUMBER:
        format_number(*(const double *)field, out);
        return true;
    case KB_OPTION_BOOLEAN:
        kb_buf_add(out, *(const bool *)field ? KB_S("true") : KB_S("false"));
        return true;
    case KB_OPTION_TEXT:
        if (!*(char *const *)field)
            return false;
        kb_lua_quote(out, option->secret ? KB_S("***") : kb_slice_of(*(char *const *)field));
        return true;
    case KB_OPTION_PAIRS:
        if (!*(char **const *)field)
            return false;
        format_pairs(option, *(char **const *)field, out);
        return true;
    case KB_OPTION_LIST:
        if (!*(char **const *)field)
            return false;
        format_list(option, *(char **const *)field, out);
        return true;
    case KB_OPTION_CHOICE:
        if (!option->function || !format_function(option, base, out))
            format_choice(option, field, out);
        return true;
    case KB_OPTION_CIPHER:
        if (!*(struct kb_template *const *)field)
            return false;
        kb_buf_add(out, KB_S("{ key = \"***\" }"));
        return true;
    case KB_OPTION_CHANNELS:
        if (((const struct kb_rules *)base)->n_more_channels > 0) {
            kb_option_format_channels(base, out);
            return true;
        }
        /* fallthrough */
    case KB_OPTION_TEMPLATE:
        if (!*(struct kb_template *const *)field)
            return false;
        kb_option_format_template(*(struct kb_template *const *)field, out);
        return true;
    case KB_OPTION_EXTRAS:
    case KB_OPTION_PUSH: {
        const struct kb_rules *rules = base;
        const char *text = option->type == KB_OPTION_PUSH ? rules->push_text : rules->extras_text;
        if (!text)
            return format_function(option, base, out);
        kb_buf_add(out, kb_slice_of(text));
        return true;
    }
    case KB_OPTION_FUNCTION:
        return format_function(option, base, out);
    case KB_OPTION_POLICY:
        kb_option_format_policy(field, out);
        return true;
    case KB_OPTION_ADDRESSES:
        if (!*(char *const *)field)
            return false;
        kb_option_format_addresses(*(char *const *)field, out);
        return true;
    case KB_OPTION_LOGICAL:
        kb_option_format_logical(field, out);
        return true;
    }
    return false;
}

static void describe_choices(const struct kb_option *option, struct kb_buf *out)
{
    for (const struct kb_choice *choice = option->choices; choice->name; choice++) {
        bool first = choice == option->choices, last = !choice[1].name;
        kb_buf_printf(out, "%s\"%s\"", first ? "" : last ? " or " : ", ", choice->name);
    }
}

void kb_option_describe(const struct kb_option *option, struct kb_buf *out)
{
    switch (option->type) {
    case KB_OPTION_INTEGER:
        kb_buf_printf(out, "a whole number from %lld to %lld", (long long)option->min,
            (long long)option->max);
        break;
    case KB_OPTION_SIZE:
        kb_buf_add(out, KB_S("a size from "));
        format_size(option->min, out);
        kb_buf_add(out, KB_S(" to "));
        format_size(option->max, out);
        break;
    case KB_OPTION_NUMBER:
        kb_buf_printf(
            out, "a number from %lld to %lld", (long long)option->min, (long long)option->max);
        break;
    case KB_OPTION_BOOLEAN:
        kb_buf_add(out, KB_S("true or false"));
        break;
    case KB_OPTION_TEXT:
        kb_buf_add(out, KB_S("a text"));
        break;
    case KB_OPTION_PAIRS:
        kb_buf_add(out, KB_S("a table of names and texts"));
        break;
    case KB_OPTION_LIST:
        kb_buf_add(out, KB_S("a list of texts"));
        break;
    case KB_OPTION_CHOICE:
        describe_choices(option, out);
        if (option->function)
            kb_buf_add(out, KB_S(", or a function(record)"));
        break;
    case KB_OPTION_CHANNELS:
        kb_buf_add(out, KB_S("a template or a function(record), or a list of them"));
        break;
    case KB_OPTION_CIPHER:
        kb_buf_add(out, KB_S("{ key = BASE64 }"));
        break;
    case KB_OPTION_TEMPLATE:
        kb_buf_add(out, KB_S("a template or a function(record)"));
        break;
    case KB_OPTION_PUSH:
    case KB_OPTION_EXTRAS:
        kb_buf_add(out, KB_S("a table of templates or a function(record)"));
        break;
    case KB_OPTION_FUNCTION:
        kb_buf_add(out, KB_S("a function(record)"));
        break;
    case KB_OPTION_POLICY:
        kb_buf_add(
            out, KB_S("\"stop\", \"skip\" or \"dlq\", or a table of them by class of failure"));
        break;
    case KB_OPTION_ADDRESSES:
        kb_buf_add(out, KB_S("an address, or a list of them"));
        break;
    case KB_OPTION_LOGICAL:
        kb_option_describe_logical(out);
        break;
    }
}
