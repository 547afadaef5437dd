/* Addresses; see option_kinds.h. */
#include "config/option_kinds.h"

#define LIST_MAX 8192

static bool add_text(const struct kb_raw *raw, struct kb_buf *out)
{
    if (raw->kind != KB_RAW_TEXT || raw->text.len == 0)
        return false;
    for (size_t i = 0; i < raw->text.len; i++)
        if ((unsigned char)raw->text.ptr[i] < ' ')
            return false;
    if (out->len > 0)
        kb_buf_byte(out, ',');
    kb_buf_add(out, raw->text);
    return true;
}

bool kb_option_set_addresses(
    const struct kb_option *option, char **field, const struct kb_raw *raw, struct kb_err *err)
{
    struct kb_buf joined;
    kb_buf_init(&joined, LIST_MAX);
    bool ok = raw->kind == KB_RAW_TABLE ? raw->n_entries > 0 : add_text(raw, &joined);
    for (size_t i = 0; ok && raw->kind == KB_RAW_TABLE && i < raw->n_entries; i++)
        ok = !raw->entries[i].key.ptr && add_text(&raw->entries[i].value, &joined);
    kb_buf_byte(&joined, '\0');
    char *copy = ok && !joined.failed ? strdup(joined.ptr) : NULL;
    if (copy) {
        free(*field);
        *field = copy;
    }
    kb_buf_deinit(&joined);
    return copy || kb_err_config(err, "expected an address or a list of them: %s", option->help);
}

void kb_option_format_addresses(const char *list, struct kb_buf *out)
{
    struct kb_buf shown;
    kb_buf_init(&shown, LIST_MAX + 64);
    while (*list) {
        size_t len = strcspn(list, ",");
        const char *scheme = memmem(list, len, "://", 3);
        const char *at = scheme ? memrchr(scheme, '@', len - (size_t)(scheme - list)) : NULL;
        if (at) {
            kb_buf_add(&shown, (struct kb_slice){list, (size_t)(scheme + 3 - list)});
            kb_buf_add(&shown, KB_S("***"));
            kb_buf_add(&shown, (struct kb_slice){at, len - (size_t)(at - list)});
        } else {
            kb_buf_add(&shown, (struct kb_slice){list, len});
        }
        list += len;
        if (*list)
            kb_buf_byte(&shown, *list++);
    }
    kb_lua_quote(out, kb_buf_slice(&shown));
    kb_buf_deinit(&shown);
}
