/* extras = { ... }: where key and headers of the record go, and further members; see
 * option_message.h. */
#include "config/option_json.h"

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
static bool add_extras(struct kb_option_json *b, const struct kb_raw *raw)
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
        if (!kb_option_json_member(b, entry, first, &at))
            return false;
        first = false;
    }
    return true;
}

/* For kably check --print: all of it, with the places of key and headers. */
static bool print_extras(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    struct kb_option_json b;
    struct kb_json_template *unused = NULL;
    if (!kb_option_json_begin(&b, rules, err))
        return false;
    b.only_lua = true;
    bool ok =
        kb_option_json_end(&b, kb_option_json_table(&b, raw, NULL), &unused, &rules->extras_text);
    kb_json_template_free(unused);
    return ok;
}

bool kb_option_set_extras(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    struct kb_option_json b;
    char *unused = NULL;
    size_t members = 0;
    for (size_t i = 0; i < raw->n_entries; i++)
        members += !raw->entries[i].key.ptr || !is_layout(&raw->entries[i]);
    if (!set_layout(rules, raw, err) || !kb_option_json_begin(&b, rules, err))
        return false;
    bool ok = kb_option_json_end(&b, add_extras(&b, raw), &rules->extras, &unused);
    free(unused);
    if (ok && members == 0) { /* nothing but places */
        kb_json_template_free(rules->extras);
        rules->extras = NULL;
    }
    return ok && print_extras(rules, raw, err);
}
