/* A small scanner of Lua's words, just enough to know comments and texts from code; see keys.h.
 * Called for error messages only. It may be wrong about a text that Lua itself would refuse, never
 * about one that ran. */
#include "config/keys.h"

struct scan {
    const char *at, *end;
    int line;
};

static char peek(const struct scan *s, size_t ahead)
{
    return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : '\0';
}

static void step(struct scan *s)
{
    if (*s->at == '\n')
        s->line++;
    s->at++;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How many '=' stand in a [==[ that opens here; -1 = it is no long bracket. */
static int long_bracket(const struct scan *s)
{
    size_t n = 1;
    while (peek(s, n) == '=')
        n++;
    return peek(s, 0) == '[' && peek(s, n) == '[' ? (int)n - 1 : -1;
}

static void skip_long(struct scan *s, int level)
{
    for (; s->at < s->end; step(s)) {
        int n = 0;
        while (peek(s, (size_t)n + 1) == '=')
            n++;
        if (peek(s, 0) == ']' && n == level && peek(s, (size_t)n + 1) == ']') {
            s->at += n + 2;
            return;
        }
    }
}

static void skip_comment(struct scan *s)
{
    s->at += 2;
    int level = long_bracket(s);
    if (level >= 0)
        skip_long(s, level);
    else
        while (s->at < s->end && *s->at != '\n')
            s->at++;
}

/* A text in quotes; gives what stands between them. */
static struct kb_slice quoted(struct scan *s)
{
    char quote = *s->at++;
    const char *start = s->at;
    while (s->at < s->end && *s->at != quote && *s->at != '\n') {
        if (*s->at == '\\' && s->at + 1 < s->end)
            step(s);
        step(s);
    }
    struct kb_slice inside = {start, (size_t)(s->at - start)};
    if (peek(s, 0) == quote)
        s->at++;
    return inside;
}

/* The next word or text in quotes; anything else is passed over. False at the end. */
static bool next_word(struct scan *s, struct kb_slice *out, bool *was_quoted)
{
    while (s->at < s->end) {
        char c = *s->at;
        int level;
        *was_quoted = c == '"' || c == '\'';
        if (c == '-' && peek(s, 1) == '-') {
            skip_comment(s);
        } else if (c == '[' && (level = long_bracket(s)) >= 0) {
            skip_long(s, level);
        } else if (*was_quoted) {
            *out = quoted(s);
            return true;
        } else if (is_word(c)) {
            const char *start = s->at;
            while (is_word(peek(s, 0)))
                s->at++;
            *out = (struct kb_slice){start, (size_t)(s->at - start)};
            return true;
        } else {
            step(s);
        }
    }
    return false;
}

/* Does an assignment follow: `key =` or the rest of `["key"] =`? */
static bool is_assigned(struct scan s, bool was_quoted)
{
    while (peek(&s, 0) == ' ' || peek(&s, 0) == '\t' || (was_quoted && peek(&s, 0) == ']'))
        s.at++;
    return peek(&s, 0) == '=' && peek(&s, 1) != '=';
}

int kb_key_line(struct kb_slice text, int first, int end, struct kb_slice key)
{
    struct scan s = {.at = text.ptr, .end = text.ptr + text.len, .line = 1};
    struct kb_slice word;
    bool was_quoted;
    int found = 0;
    while (next_word(&s, &word, &was_quoted)) {
        if (end > 0 && s.line >= end)
            break;
        if (s.line < first || !kb_slice_eq(word, key) || !is_assigned(s, was_quoted))
            continue;
        if (found > 0 && found != s.line)
            return 0;
        found = s.line;
    }
    return found;
}
