/* push = { ... }: a push notification whose texts are templates; see option_message.h. */
#include "base/suggest.h"
#include "config/option_json.h"

static void add_choice(struct kb_err *err, const char *before, const char *name)
{
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, "%s%s", before, name);
}

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
        kb_err_config(
            err, "%s%.60s: unknown key" KB_NEAR_FMT, what, key.ptr ? key.ptr : "1", KB_NEAR(near));
        for (k = 0; !near && k < n; k++)
            add_choice(err, k == 0 ? "; expected " : k + 1 < n ? ", " : " or ", names[k]);
        return false;
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
    struct kb_option_json b;
    if (!check_push(raw, err) || !kb_option_json_begin(&b, rules, err))
        return false;
    return kb_option_json_end(
        &b, kb_option_json_table(&b, raw, &at), &rules->push, &rules->push_text);
}
