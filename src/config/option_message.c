/* The options of a topic that are made of several templates: channels, cipher; see options.h.
 * Called by option_value.c. */
#include "config/option_message.h"

#include "ably/cipher.h"

#define CHANNELS_MAX 100 /* of one request, Ably's own limit */

static void free_templates(struct kb_template **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kb_template_free(list[i]);
    free(list);
}

static bool take_channel(struct kb_rules *rules, const struct kb_raw_entry *entry,
    struct kb_template **out, struct kb_err *err)
{
    const struct kb_value_path list = {.name = KB_S("channel")};
    const struct kb_value_path element = {.outer = &list, .index = entry->index};
    if (!kb_option_is_template(&entry->value))
        return kb_err_config(err, "expected a template or a function(record)");
    *out = kb_option_take_template(rules, &element, &entry->value, err);
    return *out;
}

bool kb_option_set_channels(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    size_t n = raw->n_entries;
    if (n == 0 || n > CHANNELS_MAX)
        return kb_err_config(err, "expected a list of 1 to %d templates, got %zu", CHANNELS_MAX, n);
    struct kb_template **list = calloc(n, sizeof(struct kb_template *));
    if (!list)
        return kb_err_fatal(err, "no memory");
    for (size_t i = 0; i < n; i++) {
        const struct kb_raw_entry *entry = &raw->entries[i];
        if (!entry->key.ptr && take_channel(rules, entry, &list[i], err))
            continue;
        if (entry->key.ptr)
            kb_err_config(err, "expected a list of templates, got a member %.60s", entry->key.ptr);
        else
            kb_err_wrap(err, "channel %zu of the list", i + 1);
        free_templates(list, n);
        return false;
    }
    free_templates(rules->more_channels, rules->n_more_channels);
    kb_template_free(rules->channel);
    rules->channel = list[0];
    rules->n_more_channels = n - 1;
    memmove(list, list + 1, (n - 1) * sizeof(struct kb_template *));
    rules->more_channels = list;
    return true;
}

void kb_option_format_channels(const struct kb_rules *rules, struct kb_buf *out)
{
    kb_buf_add(out, KB_S("{ "));
    kb_option_format_template(rules->channel, out);
    for (size_t i = 0; i < rules->n_more_channels; i++) {
        kb_buf_add(out, KB_S(", "));
        kb_option_format_template(rules->more_channels[i], out);
    }
    kb_buf_add(out, KB_S(" }"));
}

/* ---- cipher: no error text and no caret shows what was written ---- */

static bool check_constant_key(const struct kb_template *tmpl, struct kb_err *err)
{
    struct kb_cipher_key key;
    struct kb_slice text;
    struct kb_err why;
    if (!kb_template_constant(tmpl, &text) || kb_cipher_key_read(text, &key, &why)) {
        explicit_bzero(&key, sizeof(key));
        return true;
    }
    return kb_err_config(err, "%s", why.text);
}

bool kb_option_set_cipher(struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err)
{
    static const char expected[] =
        "expected { key = BASE64 } of 128 or 256 bits, or a template or function of the record "
        "for it; take it from file or env";
    const struct kb_raw *key = kb_raw_get(raw, "key");
    if (raw->kind != KB_RAW_TABLE || !key || raw->n_entries != 1 || !kb_option_is_template(key))
        return key && key->kind == KB_RAW_MISSING ? true : kb_err_config(err, "%s", expected);
    const struct kb_value_path cipher = {.name = KB_S("cipher")};
    const struct kb_value_path at = {.outer = &cipher, .name = KB_S("key")};
    struct kb_template *tmpl = kb_option_take_template(rules, &at, key, err);
    if (!tmpl)
        return kb_err_config(err, "key: is no template, at column %d; %s", err->column, expected);
    if (!check_constant_key(tmpl, err)) {
        kb_template_free(tmpl);
        return false;
    }
    kb_template_free(rules->cipher_key);
    rules->cipher_key = tmpl;
    return true;
}
