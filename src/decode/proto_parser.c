/* See proto_parser.h. */
#include "decode/proto_parser.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <stdarg.h>

bool kb_parser_fail(struct kb_proto_parser *p, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    kb_utf8_one_line(text, strlen(text));
    return kb_err_record(p->err, KB_FAILURE_DECODE, "%.*s:%d:%d: %s",
        p->file.len ? (int)p->file.len : 6, p->file.len ? p->file.ptr : "schema", p->lex.token_line,
        p->lex.token_column, text);
}

bool kb_parser_expected(struct kb_proto_parser *p, const char *what)
{
    if (p->lex.token == KB_PROTO_BAD)
        return kb_parser_fail(p, "%s", p->lex.text.ptr);
    if (p->lex.token == KB_PROTO_END)
        return kb_parser_fail(p, "expected %s, found the end", what);
    int len = (int)kb_utf8_cut(p->lex.text, 40);
    return kb_parser_fail(p, "expected %s, found %.*s", what, len, p->lex.text.ptr);
}

void kb_parser_next(struct kb_proto_parser *p)
{
    kb_proto_lex_next(&p->lex);
}

bool kb_parser_at_mark(struct kb_proto_parser *p, char mark)
{
    return kb_proto_lex_mark(&p->lex, mark);
}

bool kb_parser_at_word(struct kb_proto_parser *p, const char *word)
{
    return kb_proto_lex_word(&p->lex, word);
}

/* Steps over the mark where it is there. */
bool kb_parser_take(struct kb_proto_parser *p, char mark)
{
    bool there = kb_parser_at_mark(p, mark);
    if (there)
        kb_parser_next(p);
    return there;
}

bool kb_parser_need(struct kb_proto_parser *p, char mark)
{
    const char what[] = {'\'', mark, '\'', '\0'};
    return kb_parser_take(p, mark) || kb_parser_expected(p, what);
}

/* What the builder refuses is told with the place. */
bool kb_parser_placed(struct kb_proto_parser *p, bool ok)
{
    return ok || kb_err_wrap(p->err, "%.*s:%d:%d", p->file.len ? (int)p->file.len : 6,
                     p->file.len ? p->file.ptr : "schema", p->lex.token_line, p->lex.token_column);
}

void *kb_parser_alloc(struct kb_proto_parser *p, size_t size)
{
    void *piece = kb_proto_alloc(p->proto, size, p->err);
    kb_parser_placed(p, piece != NULL);
    return piece;
}

static bool copy(struct kb_proto_parser *p, struct kb_slice text, struct kb_slice *out)
{
    return kb_parser_placed(p, kb_proto_copy(p->proto, text, out, p->err));
}

/* ---- names and values ---- */

bool kb_parser_ident(struct kb_proto_parser *p, const char *what, struct kb_slice *out)
{
    if (p->lex.token != KB_PROTO_IDENT)
        return kb_parser_expected(p, what);
    if (!copy(p, p->lex.text, out))
        return false;
    kb_parser_next(p);
    return true;
}

/* a.b.C, with a leading dot where `absolute` allows it. */
bool kb_parser_path(
    struct kb_proto_parser *p, bool absolute, const char *what, struct kb_slice *out)
{
    char text[KB_PROTO_NAME_MAX];
    size_t len = 0;
    if (absolute && kb_parser_take(p, '.'))
        text[len++] = '.';
    do {
        if (p->lex.token != KB_PROTO_IDENT)
            return kb_parser_expected(p, what);
        if (p->lex.text.len + 1 > sizeof(text) - len)
            return kb_parser_fail(p, "a name is longer than %d bytes", KB_PROTO_NAME_MAX);
        memcpy(text + len, p->lex.text.ptr, p->lex.text.len);
        len += p->lex.text.len;
        text[len++] = '.';
        kb_parser_next(p);
    } while (kb_parser_take(p, '.'));
    return copy(p, (struct kb_slice){text, len - 1}, out);
}

bool kb_parser_full_name(
    struct kb_proto_parser *p, struct kb_slice scope, struct kb_slice name, struct kb_slice *out)
{
    return kb_parser_placed(p, kb_proto_full_name(p->proto, scope, name, out, p->err));
}

static int digit_of(char c)
{
    char lower = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* Decimal, 0x hexadecimal, 0 octal. */
bool kb_parser_number(struct kb_proto_parser *p, int64_t max, const char *what, int64_t *out)
{
    struct kb_slice text = p->lex.text;
    if (p->lex.token != KB_PROTO_NUMBER)
        return kb_parser_expected(p, what);
    bool hex = text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x';
    int base = hex ? 16 : text.len > 1 && text.ptr[0] == '0' ? 8 : 10;
    *out = 0;
    for (size_t i = hex ? 2 : 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit >= base || *out > (max - digit) / base)
            return kb_parser_expected(p, what);
        *out = *out * base + digit;
    }
    kb_parser_next(p);
    return true;
}

static void add_utf8(struct kb_buf *out, uint32_t c)
{
    if (c < 0x80) {
        kb_buf_byte(out, (char)c);
        return;
    }
    static const uint32_t leading[] = {0, 0xc0, 0xe0, 0xf0};
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    kb_buf_byte(out, (char)(leading[more] | c >> 6 * more));
    while (more-- > 0)
        kb_buf_byte(out, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

static const char *add_digits(
    struct kb_buf *out, const char *at, const char *end, int base, int most, bool character)
{
    uint32_t value = 0;
    for (; most > 0 && at < end && digit_of(*at) < base; most--, at++)
        value = value * (uint32_t)base + (uint32_t)digit_of(*at);
    if (character)
        add_utf8(out, value);
    else
        kb_buf_byte(out, (char)value);
    return at;
}

/* `at` behind the backslash; behind the escape. */
static const char *add_escape(struct kb_buf *out, const char *at, const char *end)
{
    static const char letters[] = "abfnrtv", meant[] = "\a\b\f\n\r\t\v";
    const char *letter = memchr(letters, *at, sizeof(letters) - 1);
    if (*at == 'x' || *at == 'X')
        return add_digits(out, at + 1, end, 16, 2, false);
    if (*at == 'u' || *at == 'U')
        return add_digits(out, at + 1, end, 16, *at == 'u' ? 4 : 8, true);
    if (*at >= '0' && *at <= '7')
        return add_digits(out, at, end, 8, 3, false);
    kb_buf_byte(out, letter ? meant[letter - letters] : *at);
    return at + 1;
}

static void add_string(struct kb_buf *out, struct kb_slice quoted)
{
    const char *end = quoted.ptr + quoted.len - 1;
    for (const char *at = quoted.ptr + 1; at < end;) {
        if (*at == '\\')
            at = add_escape(out, at + 1, end);
        else
            kb_buf_byte(out, *at++);
    }
}

/* One string, of as many pieces as stand beside each other. */
bool kb_parser_string(struct kb_proto_parser *p, const char *what, struct kb_slice *out)
{
    if (p->lex.token != KB_PROTO_TEXT)
        return kb_parser_expected(p, what);
    struct kb_buf text;
    kb_buf_init(&text, KB_PROTO_NAME_MAX);
    for (; p->lex.token == KB_PROTO_TEXT; kb_parser_next(p))
        add_string(&text, p->lex.text);
    bool ok = text.failed ? kb_parser_fail(p, "a string is longer than %d bytes", KB_PROTO_NAME_MAX)
              : !kb_utf8_valid(kb_buf_slice(&text)) ? kb_parser_fail(p, "a string is not UTF-8")
                                                    : copy(p, kb_buf_slice(&text), out);
    kb_buf_deinit(&text);
    return ok;
}

/* ---- what is passed over ---- */

static int bracket(struct kb_proto_parser *p)
{
    if (p->lex.token != KB_PROTO_MARK)
        return 0;
    char c = p->lex.text.ptr[0];
    return c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
}

/* To behind the semicolon that ends a statement, or behind the block that is one. */
bool kb_parser_skip(struct kb_proto_parser *p)
{
    bool assigned = false; /* option x = { ... }; ends with the semicolon all the same */
    for (int depth = 0;; kb_parser_next(p)) {
        if (p->lex.token == KB_PROTO_END || p->lex.token == KB_PROTO_BAD)
            return kb_parser_expected(p, "';' or '}'");
        assigned = assigned || (depth == 0 && kb_parser_at_mark(p, '='));
        int by = bracket(p);
        depth += by;
        if (depth < 0)
            return kb_parser_expected(p, "';'");
        bool block_ends = depth == 0 && by < 0 && kb_parser_at_mark(p, '}') && !assigned;
        if (block_ends || (depth == 0 && kb_parser_at_mark(p, ';'))) {
            kb_parser_next(p);
            return true;
        }
    }
}

/* [json_name = "x", others]: only that one matters. */
bool kb_parser_json_name(struct kb_proto_parser *p, struct kb_slice *json_name)
{
    if (!kb_parser_at_mark(p, '['))
        return true;
    int depth = 0;
    do {
        bool begins = depth <= 1 && (kb_parser_at_mark(p, '[') || kb_parser_at_mark(p, ','));
        if (p->lex.token == KB_PROTO_END || p->lex.token == KB_PROTO_BAD)
            return kb_parser_expected(p, "']'");
        depth += bracket(p);
        kb_parser_next(p);
        if (!begins || !kb_parser_at_word(p, "json_name"))
            continue;
        kb_parser_next(p);
        if (!kb_parser_need(p, '=') || !kb_parser_string(p, "a string", json_name))
            return false;
    } while (depth > 0);
    return true;
}
