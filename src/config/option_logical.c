/* How logical types are shown; see option_kinds.h. Which way suits which type is one table. */
#include "base/suggest.h"
#include "config/option_kinds.h"

#define BIT(id) (1u << KB_SHOWN_##id)
#define ALWAYS (BIT(DEFAULT) | BIT(RAW) | BIT(PEER))

static const char *const types[] = {
#define X(id, name) [KB_LOGICAL_##id] = name,
    KB_LOGICAL_TYPES(X)
#undef X
        [KB_LOGICAL_COUNT] = "default"};

static const char *const ways[] = {
#define X(id, name, meaning) [KB_SHOWN_##id] = name,
    KB_SHOWN(X)
#undef X
};

static const unsigned suits[KB_LOGICAL_COUNT] = {
    [KB_LOGICAL_DATE] = ALWAYS | BIT(ISO) | BIT(TEXT),
    [KB_LOGICAL_TIME] = ALWAYS | BIT(ISO) | BIT(TEXT),
    [KB_LOGICAL_TIMESTAMP] = ALWAYS | BIT(ISO) | BIT(TEXT),
    [KB_LOGICAL_LOCAL_TIMESTAMP] = ALWAYS | BIT(ISO) | BIT(TEXT),
    [KB_LOGICAL_DECIMAL] = ALWAYS | BIT(NUMBER) | BIT(TEXT),
    [KB_LOGICAL_UUID] = ALWAYS | BIT(TEXT),
    [KB_LOGICAL_DURATION] = ALWAYS | BIT(ISO),
};

static bool complain(
    struct kb_err *err, struct kb_slice got, const char *const *words, size_t n, const char *what)
{
    const char *near = kb_suggest(got, words, n);
    return kb_err_config(
        err, "\"%.60s\": %s" KB_NEAR_FMT, got.ptr ? got.ptr : "", what, KB_NEAR(near));
}

static bool parse_way(const struct kb_raw *raw, enum kb_shown *out, struct kb_err *err)
{
    for (size_t i = 0; raw->kind == KB_RAW_TEXT && i < KB_COUNT(ways); i++) {
        if (kb_slice_is(raw->text, ways[i])) {
            *out = (enum kb_shown)i;
            return true;
        }
    }
    return complain(err, raw->text, ways, KB_COUNT(ways), "no way to show a logical type");
}

/* One way for all: each type that it suits. */
static void set_all(enum kb_shown field[KB_LOGICAL_COUNT], enum kb_shown way)
{
    for (int i = 0; i < KB_LOGICAL_COUNT; i++)
        field[i] = suits[i] & (1u << way) ? way : KB_SHOWN_DEFAULT;
}

static bool set_one(
    enum kb_shown field[KB_LOGICAL_COUNT], const struct kb_raw_entry *entry, struct kb_err *err)
{
    enum kb_shown way;
    for (int i = 0; entry->key.ptr && i < KB_LOGICAL_COUNT; i++) {
        if (!kb_slice_is(entry->key, types[i]))
            continue;
        if (!parse_way(&entry->value, &way, err))
            return kb_err_wrap(err, "%s", types[i]);
        if (!(suits[i] & (1u << way)))
            return kb_err_config(err, "%s can't be shown as %s", types[i], ways[way]);
        field[i] = way;
        return true;
    }
    if (entry->key.ptr && kb_slice_is(entry->key, "default"))
        return true;
    return complain(err, entry->key, types, KB_COUNT(types), "no logical type");
}

bool kb_option_set_logical(
    enum kb_shown field[KB_LOGICAL_COUNT], const struct kb_raw *raw, struct kb_err *err)
{
    enum kb_shown shown[KB_LOGICAL_COUNT] = {KB_SHOWN_DEFAULT}, way = KB_SHOWN_DEFAULT;
    const struct kb_raw *for_all = raw->kind == KB_RAW_TABLE ? kb_raw_get(raw, "default") : raw;
    if (for_all && !parse_way(for_all, &way, err))
        return false;
    set_all(shown, way);
    for (size_t i = 0; i < raw->n_entries; i++)
        if (!set_one(shown, &raw->entries[i], err))
            return false;
    memcpy(field, shown, sizeof(shown));
    return true;
}

void kb_option_format_logical(const enum kb_shown field[KB_LOGICAL_COUNT], struct kb_buf *out)
{
    bool same = true;
    for (int i = 1; i < KB_LOGICAL_COUNT; i++)
        same = same && field[i] == field[0];
    if (same) {
        kb_lua_quote(out, kb_slice_of(ways[field[0]]));
        return;
    }
    for (int i = 0; i < KB_LOGICAL_COUNT; i++)
        kb_buf_printf(out, "%s[\"%s\"] = \"%s\"", i == 0 ? "{ " : ", ", types[i], ways[field[i]]);
    kb_buf_add(out, KB_S(" }"));
}

void kb_option_describe_logical(struct kb_buf *out)
{
    kb_buf_add(out, KB_S("one of "));
    for (size_t i = 0; i < KB_COUNT(ways); i++)
        kb_buf_printf(out, "%s\"%s\"", i ? ", " : "", ways[i]);
    kb_buf_add(out, KB_S(", or a table of these for "));
    for (size_t i = 0; i < KB_LOGICAL_COUNT; i++)
        kb_buf_printf(out, "%s%s", i ? ", " : "", types[i]);
    kb_buf_add(out, KB_S(" and default"));
}
