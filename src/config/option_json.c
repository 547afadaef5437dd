/* Options of a topic that are JSON values of templates: push and extras; see option_message.h.
 *
 * A Lua table becomes an object (members in the order of their names) or an array, a text a
 * template whose result is a JSON string, as is a function's; numbers, booleans and kably.null stay
 * what they are. */
#include "base/suggest.h"
#include "config/option_message.h"
#include "value/json.h"

#define NESTING_MAX 16

/* ---- a table as JSON, and as Lua again ---- */

struct building {
    struct kb_rules *rules;
    struct kb_json_template *json;
    struct kb_buf lua;
    bool only_lua; /* it is for paper: nothing is compiled */
    struct kb_err *err;
};

static bool add_value(
    struct building *b, const struct kb_raw *raw, int depth, const struct kb_value_path *at);

static void add_literal(struct building *b, const char *text)
{
    kb_json_template_literal(b->json, kb_slice_of(text));
}

static void add_name(struct building *b, struct kb_slice name)
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

static bool add_member(struct building *b, const struct kb_raw_entry *entry, bool first, int depth,
    const struct kb_value_path *outer)
{
    const struct kb_value_path at = {outer, entry->key, entry->index};
    if (!first) {
        add_literal(b, ",");
        kb_buf_add(&b->lua, KB_S(", "));
    }
    if (entry->key.ptr)
        add_name(b, entry->key);
    if (add_value(b, &entry->value, depth, &at))
        return true;
    if (entry->key.ptr)
        return kb_err_wrap(b->err, "%.60s", entry->key.ptr);
    return kb_err_wrap(b->err, "%lld", (long long)entry->index);
}

static bool add_table(
    struct building *b, const struct kb_raw *raw, int depth, const struct kb_value_path *at)
{
    bool list = raw->n_entries > 0 && !raw->entries[0].key.ptr;
    if (depth == NESTING_MAX)
        return kb_err_config(b->err, "is nested too deeply");
    add_literal(b, list ? "[" : "{");
    kb_buf_add(&b->lua, KB_S("{ "));
    for (size_t i = 0; i < raw->n_entries; i++) {
        if (list != !raw->entries[i].key.ptr)
            return kb_err_config(b->err, "is a list and has members as well");
        if (!add_member(b, &raw->entries[i], i == 0, depth + 1, at))
            return false;
    }
    add_literal(b, list ? "]" : "}");
    kb_buf_add(&b->lua, KB_S(" }"));
    return true;
}

static bool add_template(
    struct building *b, const struct kb_raw *raw, const struct kb_value_path *at)
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
    struct building *b, const struct kb_raw *raw, int depth, const struct kb_value_path *at)
{
    struct kb_buf number;
    switch (raw->kind) {
    case KB_RAW_TEXT:
    case KB_RAW_FUNCTION:
        return add_template(b, raw, at);
    case KB_RAW_TABLE:
        return add_table(b, raw, depth, at);
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

static bool building_begin(struct building *b, struct kb_rules *rules, struct kb_err *err)
{
    *b = (struct building){.rules = rules, .json = kb_json_template_new(), .err = err};
    kb_buf_init(&b->lua, 1 << 20);
    return b->json || kb_err_fatal(err, "no memory");
}

/* Hands over what was built, or frees it. */
static bool building_end(struct building *b, bool ok, struct kb_json_template **json, char **lua)
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

/* ---- push ---- */

static bool check_names(const struct kb_raw *table, const char *const *names, size_t n,
    const char *what, struct kb_err *err)
{
    for (size_t i = 0; i < table->n_entries; i++) {
        struct kb_slice key = table->entries[i].key;
        size_t k = 0;
        while (key.ptr && k < n && !kb_slice_is(key, names[k]))
            k++;
        if (key.ptr && k < n)
            continue;
        const char *near = key.ptr ? kb_suggest(key, names, n) : NULL;
        return kb_err_config(
            err, "%s%.60s: unknown key" KB_NEAR_FMT, what, key.ptr ? key.ptr : "1", KB_NEAR(near));
    }
    return true;
}

static bool check_push(const struct kb_raw *raw, struct kb_err *err)
{
    static const char *const top[] = {"notification", "data", "apns", "fcm", "web"};
    static const char *const inner[] = {"title", "body", "icon", "sound", "collapseKey"};
    const struct kb_raw *notification = kb_raw_get(raw, "notification");
    if (!check_names(raw, top, KB_COUNT(top), "", err))
        return false;
    if (!notification || notification->kind != KB_RAW_TABLE)
        return kb_err_config(
            err, "notification: missing; expected { title = TEMPLATE, body = TEMPLATE }");
    if (!check_names(notification, inner, KB_COUNT(inner), "notification.", err))
        return false;
    for (size_t i = 0; i < 2; i++) {
        const struct kb_raw *text = kb_raw_get(notification, inner[i]);
        if (!text || !kb_option_is_template(text))
            return kb_err_config(err, "notification.%s: %s; expected a template", inner[i],
                text ? "is no text" : "missing");
    }
    return true;
}

bool kb_option_set_push(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    const struct kb_value_path at = {.name = KB_S("push")};
    struct building b;
    if (!check_push(raw, err) || !building_begin(&b, rules, err))
        return false;
    return building_end(&b, add_table(&b, raw, 0, &at), &rules->push, &rules->push_text);
}

/* ---- extras ---- */

static bool set_key_place(
    struct kb_extras_layout *layout, const struct kb_raw *raw, struct kb_err *err)
{
    struct kb_slice in_headers = KB_S("headers.");
    if (!raw || (raw->kind == KB_RAW_TEXT && kb_slice_is(raw->text, "kafka.key")))
        return true;
    layout->no_key = true;
    if (raw->kind == KB_RAW_BOOLEAN && !raw->boolean)
        return true;
    if (raw->kind != KB_RAW_TEXT || !kb_slice_starts(raw->text, in_headers) ||
        raw->text.len == in_headers.len)
        return kb_err_config(err, "key: expected \"kafka.key\", \"headers.NAME\" or false");
    char *name = strdup(raw->text.ptr + in_headers.len);
    if (!name)
        return kb_err_fatal(err, "no memory");
    layout->key_header = kb_slice_of(name);
    return true;
}

/* A table stands in the place of the record's headers. Ably takes a flat one only. */
static bool check_headers(const struct kb_raw *headers, bool has_key, struct kb_err *err)
{
    if (!headers || headers->kind == KB_RAW_BOOLEAN)
        return true;
    if (headers->kind != KB_RAW_TABLE || headers->n_entries == 0)
        return kb_err_config(
            err, "headers: expected true, false or a table such as { id = \"#{key}\" }");
    if (has_key)
        return kb_err_config(
            err, "key: is one of headers here; expected headers = { id = \"#{key}\" } alone");
    for (size_t i = 0; i < headers->n_entries; i++) {
        const struct kb_raw_entry *entry = &headers->entries[i];
        if (!entry->key.ptr)
            return kb_err_config(err, "headers: expected names and values, got a list");
        if (entry->value.kind == KB_RAW_TABLE)
            return kb_err_config(err,
                "headers.%.60s: expected a template, a number, true, false or kably.null",
                entry->key.ptr);
    }
    return true;
}

static bool set_layout(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    const struct kb_raw *headers = kb_raw_get(raw, "headers"), *key = kb_raw_get(raw, "key");
    bool key_is_header = key && key->kind == KB_RAW_TEXT && !kb_slice_is(key->text, "kafka.key");
    if (!check_headers(headers, key_is_header, err))
        return false;
    struct kb_extras_layout *layout = calloc(1, sizeof(*layout));
    if (!layout)
        return kb_err_fatal(err, "no memory");
    if (!set_key_place(layout, key, err)) {
        free(layout);
        return false;
    }
    layout->no_headers = headers && !(headers->kind == KB_RAW_BOOLEAN && headers->boolean);
    if (rules->layout)
        free((char *)rules->layout->key_header.ptr);
    free(rules->layout);
    rules->layout = layout;
    return true;
}

/* Is it the place of something of the record's, and no member of its own? */
static bool is_layout(const struct kb_raw_entry *entry)
{
    return kb_slice_is(entry->key, "key") ||
           (kb_slice_is(entry->key, "headers") && entry->value.kind == KB_RAW_BOOLEAN);
}

/* The members that are sent as they are: without braces, behind those of the record. */
static bool add_extras(struct building *b, const struct kb_raw *raw)
{
    const struct kb_value_path at = {.name = KB_S("extras")};
    bool first = true;
    for (size_t i = 0; i < raw->n_entries; i++) {
        const struct kb_raw_entry *entry = &raw->entries[i];
        if (!entry->key.ptr)
            return kb_err_config(b->err, "expected members such as privileged = true, got a list");
        if (kb_slice_is(entry->key, "kafka") || kb_slice_is(entry->key, "push"))
            return kb_err_config(b->err, "%s: is not set here; %s", entry->key.ptr,
                kb_slice_is(entry->key, "push") ? "expected the option push beside extras"
                                                : "expected key = ... for the record's key");
        if (is_layout(entry))
            continue;
        if (!add_member(b, entry, first, 0, &at))
            return false;
        first = false;
    }
    return true;
}

/* For kably check --print: all of it, with the places of key and headers. */
static bool print_extras(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    struct building b;
    struct kb_json_template *unused = NULL;
    if (!building_begin(&b, rules, err))
        return false;
    b.only_lua = true;
    bool ok = building_end(&b, add_table(&b, raw, 0, NULL), &unused, &rules->extras_text);
    kb_json_template_free(unused);
    return ok;
}

bool kb_option_set_extras(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    struct building b;
    char *unused = NULL;
    size_t members = 0;
    for (size_t i = 0; i < raw->n_entries; i++)
        members += !raw->entries[i].key.ptr || !is_layout(&raw->entries[i]);
    if (!set_layout(rules, raw, err) || !building_begin(&b, rules, err))
        return false;
    bool ok = building_end(&b, add_extras(&b, raw), &rules->extras, &unused);
    free(unused);
    if (ok && members == 0) { /* nothing but places */
        kb_json_template_free(rules->extras);
        rules->extras = NULL;
    }
    return ok && print_extras(rules, raw, err);
}
