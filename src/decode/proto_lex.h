/* The words of a .proto text. Private to proto_parse.c.
 *
 *     struct kb_proto_lex lex;
 *     kb_proto_lex_init(&lex, name, text);
 *     while (lex.token != KB_PROTO_END) ... kb_proto_lex_next(&lex)
 *
 * One word of look-ahead: `token`, `text` and its place. White space and comments are passed over.
 * What is no word at all is KB_PROTO_BAD, for ever. The text of a word is a slice of the file's.
 */
#ifndef KB_DECODE_PROTO_LEX_H
#define KB_DECODE_PROTO_LEX_H

#include "base/slice.h"

enum kb_proto_token {
    KB_PROTO_END,
    KB_PROTO_BAD,    /* `text` says what is wrong */
    KB_PROTO_IDENT,  /* letters, digits, _ */
    KB_PROTO_NUMBER, /* of any kind */
    KB_PROTO_TEXT,   /* with its quotes */
    KB_PROTO_MARK    /* one character */
};

struct kb_proto_lex {
    struct kb_slice name; /* of the file */
    const char *at, *end, *line_start;
    int line;
    enum kb_proto_token token;
    struct kb_slice text;
    int token_line, token_column; /* where it begins, 1-based, in bytes */
};

void kb_proto_lex_init(struct kb_proto_lex *lex, struct kb_slice name, struct kb_slice text);
void kb_proto_lex_next(struct kb_proto_lex *lex);

/* Is the word at hand this mark, this identifier? */
bool kb_proto_lex_mark(const struct kb_proto_lex *lex, char mark);
bool kb_proto_lex_word(const struct kb_proto_lex *lex, const char *word);

#endif
