/* A table of templates as JSON, and as Lua again; see option_json.h. Called by option_push.c and
 * option_extras.c. */
#include "config/option_json.h"

#include "value/json.h"

static bool add_value(
    struct kb_option_json *b, const struct kb_raw *raw, const struct kb_value_path *at);

static void add_literal(struct kb_option_json *b, const char *text)
{
    kb_json_template_literal(b->json, kb_slice_of(text));
}

static void add_name(struct kb_option_json *b, struct kb_slice name)
{
    struct kb_buf quoted;
    kb_buf_init(&quoted, 6 * name.len + 8);
    kb_json_string(&quoted, name);
    kb_json_template_literal(b->json, kb_buf_slice(&quoted));
    add_literal(b, ":");
    kb_buf_deinit(&quoted);
    kb_buf_byte(&b->lua, '[');
    kb_lua_quote(&b->lua, name);
    kb_buf_add(&b->lua, KB_S("] = "));
}

bool kb_option_json_member(struct kb_option_json *b, const struct kb_raw_entry *entry, bool first,
    const struct kb_value_path *outer)
{
    const struct kb_value_path at = {outer, entry->key, entry->index};
    if (!first) {
        add_literal(b, ",");
        kb_buf_add(&b->lua, KB_S(", "));
    }
    if (entry->key.ptr)
        add_name(b, entry->key);
    if (add_value(b, &entry->value, &at))
        return true;
    if (entry->key.ptr)
        return kb_err_wrap(b->err, "%.60s", entry->key.ptr);
    return kb_err_wrap(b->err, "%lld", (long long)entry->index);
}

bool kb_option_json_table(
    struct kb_option_json *b, const struct kb_raw *raw, const struct kb_value_path *at)
{
    bool list = raw->n_entries > 0 && !raw->entries[0].key.ptr;
    add_literal(b, list ? "[" : "{");
    kb_buf_add(&b->lua, KB_S("{ "));
    for (size_t i = 0; i < raw->n_entries; i++) {
        if (list != !raw->entries[i].key.ptr)
            return kb_err_config(b->err, "is a list and has members as well");
        if (!kb_option_json_member(b, &raw->entries[i], i == 0, at))
            return false;
    }
    add_literal(b, list ? "]" : "}");
    kb_buf_add(&b->lua, KB_S(" }"));
    return true;
}

static bool add_template(
    struct kb_option_json *b, const struct kb_raw *raw, const struct kb_value_path *at)
{
    if (raw->kind == KB_RAW_FUNCTION)
        kb_option_format_function(raw->text.ptr, &b->lua);
    else
        kb_lua_quote(&b->lua, raw->text);
    if (b->only_lua)
        return true;
    struct kb_template *tmpl = kb_option_take_template(b->rules, at, raw, b->err);
    if (tmpl)
        kb_json_template_field(b->json, tmpl);
    return tmpl;
}

static bool add_value(
    struct kb_option_json *b, const struct kb_raw *raw, const struct kb_value_path *at)
{
    struct kb_buf number;
    switch (raw->kind) {
    case KB_RAW_TEXT:
    case KB_RAW_FUNCTION:
        return add_template(b, raw, at);
    case KB_RAW_TABLE:
        return kb_option_json_table(b, raw, at);
    case KB_RAW_BOOLEAN:
        add_literal(b, raw->boolean ? "true" : "false");
        kb_buf_add(&b->lua, kb_slice_of(raw->boolean ? "true" : "false"));
        return true;
    case KB_RAW_NULL:
        add_literal(b, "null");
        kb_buf_add(&b->lua, KB_S("kably.null"));
        return true;
    case KB_RAW_INTEGER:
    case KB_RAW_NUMBER:
        kb_buf_init(&number, 64);
        if (raw->kind == KB_RAW_INTEGER)
            kb_buf_add_i64(&number, raw->integer);
        else
            kb_json_real(&number, raw->number);
        kb_json_template_literal(b->json, kb_buf_slice(&number));
        kb_buf_add(&b->lua, kb_buf_slice(&number));
        kb_buf_deinit(&number);
        return true;
    case KB_RAW_NIL:
    case KB_RAW_MISSING:
        break;
    }
    return kb_err_config(
        b->err, "expected a template, a function, a number, true, false or kably.null");
}

bool kb_option_json_begin(struct kb_option_json *b, struct kb_rules *rules, struct kb_err *err)
{
    *b = (struct kb_option_json){.rules = rules, .json = kb_json_template_new(), .err = err};
    kb_buf_init(&b->lua, 1 << 20);
    return b->json || kb_err_fatal(err, "no memory");
}

bool kb_option_json_end(
    struct kb_option_json *b, bool ok, struct kb_json_template **json, char **lua)
{
    kb_buf_byte(&b->lua, '\0');
    char *text = ok && !b->lua.failed ? strdup(b->lua.ptr) : NULL;
    kb_buf_deinit(&b->lua);
    if (ok && (!text || kb_json_template_failed(b->json)))
        ok = kb_err_fatal(b->err, "no memory");
    if (!ok) {
        kb_json_template_free(b->json);
        free(text);
        return false;
    }
    kb_json_template_free(*json);
    free(*lua);
    *json = b->json;
    *lua = text;
    return true;
}
