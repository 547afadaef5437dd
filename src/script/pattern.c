/* A backtracking matcher for Lua's patterns; see pattern.h. One function for each kind of item;
 * `match` goes through a pattern item by item and calls itself only where it may have to come back.
 */
#include "script/pattern.h"

#include "script/lua_state.h"

#include <ctype.h>
#include <lauxlib.h>

#define DEPTH_MAX 200
#define STEPS_PER_CHARGE 1000
#define STEP_COST 5

static const char *match(struct kb_pattern *m, const char *s, const char *p);

static void step(struct kb_pattern *m)
{
    if (++m->steps < STEPS_PER_CHARGE)
        return;
    m->steps = 0;
    kb_script_charge(m->L, STEPS_PER_CHARGE * STEP_COST);
}

/* ---- one character ---- */

static bool in_class(unsigned char c, unsigned char letter)
{
    bool found;
    switch (tolower(letter)) {
    case 'a':
        found = isalpha(c);
        break;
    case 'c':
        found = iscntrl(c);
        break;
    case 'd':
        found = isdigit(c);
        break;
    case 'g':
        found = isgraph(c);
        break;
    case 'l':
        found = islower(c);
        break;
    case 'p':
        found = ispunct(c);
        break;
    case 's':
        found = isspace(c);
        break;
    case 'u':
        found = isupper(c);
        break;
    case 'w':
        found = isalnum(c);
        break;
    case 'x':
        found = isxdigit(c);
        break;
    default:
        return letter == c;
    }
    return isupper(letter) ? !found : found;
}

/* Behind the item that begins at `p`: a character, %x, or a set. */
static const char *item_end(struct kb_pattern *m, const char *p)
{
    char c = *p++;
    if (c == '%') {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (c != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do { /* a ] in the first place stands for itself */
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        c = *p++;
        if (c == '%' && p < m->pattern_end)
            p++;
    } while (p == m->pattern_end || *p != ']');
    return p + 1;
}

/* `p` at the [, `end` at the closing ], which a % right before it means, as in Lua: [a-%%] is the
 * range from a to % and then %]. */
static bool in_set(unsigned char c, const char *p, const char *end)
{
    bool negated = p[1] == '^';
    p += negated ? 2 : 1;
    for (; p < end; p++) {
        if (*p == '%') {
            p++;
            if (in_class(c, (unsigned char)*p))
                return !negated;
        } else if (p + 2 < end && p[1] == '-') {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
                return !negated;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return !negated;
        }
    }
    return negated;
}

static bool matches_one(struct kb_pattern *m, const char *s, const char *p, const char *end)
{
    if (s >= m->subject_end)
        return false;
    unsigned char c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class(c, (unsigned char)p[1]);
    case '[':
        return in_set(c, p, end - 1);
    default:
        return (unsigned char)*p == c;
    }
}

/* ---- captures ---- */

static int capture_index(struct kb_pattern *m, char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->n || m->captures[i].len == KB_CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    return i;
}

static const char *begin_capture(struct kb_pattern *m, const char *s, const char *p, ptrdiff_t kind)
{
    if (m->n == KB_CAPTURES_MAX)
        luaL_error(m->L, "too many captures");
    m->captures[m->n++] = (struct kb_pattern_capture){s, kind};
    const char *end = match(m, s, p);
    if (!end)
        m->n--;
    return end;
}

static const char *end_capture(struct kb_pattern *m, const char *s, const char *p)
{
    int i = m->n - 1;
    while (i >= 0 && m->captures[i].len != KB_CAPTURE_OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->captures[i].len = s - m->captures[i].start;
    const char *end = match(m, s, p);
    if (!end)
        m->captures[i].len = KB_CAPTURE_OPEN;
    return end;
}

/* What a capture held, once more. A place in the text holds nothing that could come again. */
static const char *match_again(struct kb_pattern *m, const char *s, char digit)
{
    const struct kb_pattern_capture *capture = &m->captures[capture_index(m, digit)];
    if (capture->len < 0)
        return NULL;
    size_t len = (size_t)capture->len;
    kb_script_charge(m->L, len);
    if ((size_t)(m->subject_end - s) < len || memcmp(capture->start, s, len) != 0)
        return NULL;
    return s + len;
}

/* ---- items that are more than one character ---- */

/* %bxy */
static const char *match_balance(struct kb_pattern *m, const char *s, const char *p)
{
    if (m->pattern_end - p < 2)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != p[0])
        return NULL;
    size_t open = 1;
    for (s++; s < m->subject_end; s++) {
        step(m);
        if (*s == p[1]) {
            if (--open == 0)
                return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/* %f[set]: where the set begins. */
static bool at_frontier(struct kb_pattern *m, const char *s, const char *p, const char *end)
{
    unsigned char before = s == m->subject ? '\0' : (unsigned char)s[-1];
    unsigned char here = s == m->subject_end ? '\0' : (unsigned char)*s;
    return !in_set(before, p, end - 1) && in_set(here, p, end - 1);
}

/* As many as there are, then fewer. */
static const char *match_greedy(
    struct kb_pattern *m, const char *s, const char *p, const char *end, const char *rest)
{
    ptrdiff_t i = 0;
    while (matches_one(m, s + i, p, end)) {
        i++;
        step(m);
    }
    for (; i >= 0; i--) {
        const char *found = match(m, s + i, rest);
        if (found)
            return found;
    }
    return NULL;
}

/* None, then more. */
static const char *match_lazy(
    struct kb_pattern *m, const char *s, const char *p, const char *end, const char *rest)
{
    for (;;) {
        const char *found = match(m, s, rest);
        if (found)
            return found;
        if (!matches_one(m, s, p, end))
            return NULL;
        s++;
    }
}

/* Goes through the items from `p` on, while there is nothing to come back to. */
static const char *match_items(struct kb_pattern *m, const char *s, const char *p)
{
    while (p < m->pattern_end) {
        step(m);
        if (*p == '(') {
            bool position = p + 1 < m->pattern_end && p[1] == ')';
            return position ? begin_capture(m, s, p + 2, KB_CAPTURE_POSITION)
                            : begin_capture(m, s, p + 1, KB_CAPTURE_OPEN);
        }
        if (*p == ')')
            return end_capture(m, s, p + 1);
        if (*p == '$' && p + 1 == m->pattern_end)
            return s == m->subject_end ? s : NULL;
        char letter = *p == '%' && p + 1 < m->pattern_end ? p[1] : '\0';
        if (letter == 'b') {
            s = match_balance(m, s, p + 2);
            if (!s)
                return NULL;
            p += 4;
            continue;
        }
        if (letter == 'f') {
            p += 2;
            if (p >= m->pattern_end || *p != '[')
                luaL_error(m->L, "missing '[' after '%%f' in pattern");
            const char *end = item_end(m, p);
            if (!at_frontier(m, s, p, end))
                return NULL;
            p = end;
            continue;
        }
        if (letter >= '0' && letter <= '9') {
            s = match_again(m, s, letter);
            if (!s)
                return NULL;
            p += 2;
            continue;
        }
        const char *end = item_end(m, p);
        char repeat = end < m->pattern_end ? *end : '\0';
        if (repeat == '*')
            return match_greedy(m, s, p, end, end + 1);
        if (repeat == '-')
            return match_lazy(m, s, p, end, end + 1);
        bool one = matches_one(m, s, p, end);
        if (repeat == '+')
            return one ? match_greedy(m, s + 1, p, end, end + 1) : NULL;
        if (repeat == '?') {
            const char *found = one ? match(m, s + 1, end + 1) : NULL;
            if (found)
                return found;
            p = end + 1;
            continue;
        }
        if (!one)
            return NULL;
        s++;
        p = end;
    }
    return s;
}

static const char *match(struct kb_pattern *m, const char *s, const char *p)
{
    if (m->depth == DEPTH_MAX)
        luaL_error(m->L, "pattern too complex");
    m->depth++;
    const char *end = match_items(m, s, p);
    m->depth--;
    return end;
}

/* ---- */

void kb_pattern_init(
    struct kb_pattern *m, lua_State *L, struct kb_slice subject, struct kb_slice pattern)
{
    m->L = L;
    m->subject = subject.ptr;
    m->subject_end = subject.ptr + subject.len;
    m->pattern = pattern.ptr;
    m->pattern_end = pattern.ptr + pattern.len;
    m->steps = 0;
}

const char *kb_pattern_match(struct kb_pattern *m, const char *at)
{
    m->n = 0;
    m->depth = 0;
    step(m);
    return match(m, at, m->pattern);
}

void kb_pattern_push(struct kb_pattern *m, int i, const char *start, const char *end)
{
    if (i >= m->n) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, start, (size_t)(end - start));
        return;
    }
    const struct kb_pattern_capture *capture = &m->captures[i];
    if (capture->len == KB_CAPTURE_OPEN)
        luaL_error(m->L, "unfinished capture");
    if (capture->len == KB_CAPTURE_POSITION)
        lua_pushinteger(m->L, capture->start - m->subject + 1);
    else
        lua_pushlstring(m->L, capture->start, (size_t)capture->len);
}

int kb_pattern_push_all(struct kb_pattern *m, const char *start, const char *end)
{
    int n = m->n == 0 && start ? 1 : m->n;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        kb_pattern_push(m, i, start, end);
    return n;
}
