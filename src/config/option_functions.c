/* A function or a template in an option of a topic: taken into its rules; see option_message.h.
 * Called by whatever sets an option that has texts of the record in it. */
#include "config/option_message.h"

static size_t keys_on(const struct kb_value_path *at)
{
    size_t n = 0;
    for (; at; at = at->outer)
        n++;
    return n;
}

bool kb_option_take_function(struct kb_rules *rules, const struct kb_value_path *at,
    const struct kb_raw *raw, size_t *number, struct kb_err *err)
{
    size_t n = keys_on(at), i = n;
    struct kb_function_key *keys = calloc(n, sizeof(*keys));
    if (!keys)
        return kb_err_fatal(err, "no memory");
    for (; at; at = at->outer)
        keys[--i] = (struct kb_function_key){at->name, at->index};
    bool ok = kb_rules_add_function(rules, raw->text.ptr, keys, n, number);
    free(keys);
    return ok || kb_err_fatal(err, "no memory");
}

static struct kb_template *take_function(struct kb_rules *rules, const struct kb_value_path *at,
    const struct kb_raw *raw, struct kb_err *err)
{
    size_t number = KB_HOOK_COUNT;
    if (!kb_option_take_function(rules, at, raw, &number, err))
        return NULL;
    struct kb_template *tmpl = kb_template_function(number, raw->text.ptr);
    if (!tmpl)
        kb_err_fatal(err, "no memory");
    return tmpl;
}

bool kb_option_is_template(const struct kb_raw *raw)
{
    return raw->kind == KB_RAW_TEXT || raw->kind == KB_RAW_FUNCTION;
}

struct kb_template *kb_option_take_template(struct kb_rules *rules, const struct kb_value_path *at,
    const struct kb_raw *raw, struct kb_err *err)
{
    if (raw->kind == KB_RAW_FUNCTION)
        return take_function(rules, at, raw, err);
    return kb_template_compile(raw->text, rules->key_paths, rules->value_paths, err);
}

void kb_option_format_function(const char *place, struct kb_buf *out)
{
    kb_buf_printf(out, "function(record) --[[ %s ]] end", place);
}

void kb_option_format_template(const struct kb_template *tmpl, struct kb_buf *out)
{
    if (kb_template_is_function(tmpl))
        kb_option_format_function(kb_template_text(tmpl).ptr, out);
    else
        kb_lua_quote(out, kb_template_text(tmpl));
}
