/* From characters to words; see proto_lex.h. */
#include "decode/proto_lex.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ident(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void new_line(struct kb_proto_lex *lex)
{
    lex->line++;
    lex->line_start = lex->at + 1;
}

static bool bad(struct kb_proto_lex *lex, const char *what)
{
    lex->token = KB_PROTO_BAD;
    lex->text = kb_slice_of(what);
    lex->at = lex->end;
    return false;
}

static void skip_line(struct kb_proto_lex *lex)
{
    while (lex->at < lex->end && *lex->at != '\n')
        lex->at++;
}

static bool skip_block(struct kb_proto_lex *lex)
{
    for (lex->at += 2; lex->end - lex->at >= 2; lex->at++) {
        if (*lex->at == '\n')
            new_line(lex);
        if (lex->at[0] == '*' && lex->at[1] == '/') {
            lex->at += 2;
            return true;
        }
    }
    return bad(lex, "a comment without its end");
}

static void begin(struct kb_proto_lex *lex)
{
    lex->token_line = lex->line;
    lex->token_column = (int)(lex->at - lex->line_start) + 1;
}

/* To the next word; false where a comment has no end. */
static bool skip_space(struct kb_proto_lex *lex)
{
    for (; lex->at < lex->end; lex->at++) {
        if (*lex->at == '\n') {
            new_line(lex);
            continue;
        }
        if (is_space(*lex->at))
            continue;
        bool slash = *lex->at == '/' && lex->end - lex->at >= 2;
        begin(lex);
        if (slash && lex->at[1] == '/')
            skip_line(lex);
        else if (!slash || lex->at[1] != '*')
            return true;
        else if (!skip_block(lex))
            return false;
        lex->at--; /* the loop steps over it */
    }
    begin(lex);
    return true;
}

static void take(struct kb_proto_lex *lex, enum kb_proto_token token, const char *end)
{
    lex->token = token;
    lex->text = (struct kb_slice){lex->at, (size_t)(end - lex->at)};
    lex->at = end;
}

static void take_text(struct kb_proto_lex *lex)
{
    char quote = *lex->at;
    for (const char *p = lex->at + 1; p < lex->end && *p != '\n'; p++) {
        if (*p == quote) {
            take(lex, KB_PROTO_TEXT, p + 1);
            return;
        }
        if (*p == '\\' && p + 1 < lex->end && p[1] != '\n')
            p++;
    }
    bad(lex, "a string without its end");
}

/* Wide: whatever begins like a number and goes on like a word; its reader judges it. */
static const char *number_end(const char *p, const char *end)
{
    bool hex = end - p >= 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
    for (; p < end && (is_ident(*p) || *p == '.'); p++)
        if (!hex && (*p | 0x20) == 'e' && end - p >= 2 && (p[1] == '+' || p[1] == '-'))
            p++;
    return p;
}

void kb_proto_lex_next(struct kb_proto_lex *lex)
{
    if (lex->token == KB_PROTO_BAD || !skip_space(lex))
        return;
    const char *p = lex->at;
    if (p == lex->end) {
        take(lex, KB_PROTO_END, p);
        return;
    }
    if (is_digit(*p) || (*p == '.' && lex->end - p >= 2 && is_digit(p[1]))) {
        take(lex, KB_PROTO_NUMBER, number_end(p, lex->end));
    } else if (is_ident(*p)) {
        while (p < lex->end && is_ident(*p))
            p++;
        take(lex, KB_PROTO_IDENT, p);
    } else if (*p == '"' || *p == '\'') {
        take_text(lex);
    } else if (*p > ' ' && *p <= '~') {
        take(lex, KB_PROTO_MARK, p + 1);
    } else {
        bad(lex, "a character that no .proto file has here");
    }
}

void kb_proto_lex_init(struct kb_proto_lex *lex, struct kb_slice name, struct kb_slice text)
{
    *lex = (struct kb_proto_lex){.name = name,
        .at = text.ptr,
        .end = text.ptr + text.len,
        .line_start = text.ptr,
        .line = 1,
        .token = KB_PROTO_END};
    if (kb_slice_starts(text, KB_S("\xef\xbb\xbf"))) /* a byte order mark */
        lex->at = lex->line_start = text.ptr + 3;
    kb_proto_lex_next(lex);
}

bool kb_proto_lex_mark(const struct kb_proto_lex *lex, char mark)
{
    return lex->token == KB_PROTO_MARK && lex->text.ptr[0] == mark;
}

bool kb_proto_lex_word(const struct kb_proto_lex *lex, const char *word)
{
    return lex->token == KB_PROTO_IDENT && kb_slice_is(lex->text, word);
}
