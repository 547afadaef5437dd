/* What the reader of .proto texts is made of: the token at hand, names, numbers and strings, and
 * failures with their place. Private to proto_parse.c, which reads declarations with it.
 *
 *     struct kb_proto_parser p = {.proto = proto, .file = name, .err = err};
 *     kb_proto_lex_init(&p.lex, name, text);
 *     ok = kb_parser_ident(&p, "the field's name", &field.name) && kb_parser_need(&p, '=') && ...
 *
 * Each function that fails has set the error, `file:line:column: ...`, and is false (or NULL). What
 * is read is copied into the schema's memory. */
#ifndef KB_DECODE_PROTO_PARSER_H
#define KB_DECODE_PROTO_PARSER_H

#include "base/compiler.h"
#include "decode/proto_build.h"
#include "decode/proto_lex.h"

struct kb_proto_parser {
    struct kb_proto_lex lex;
    struct kb_proto *proto;
    struct kb_slice file, package;
    bool proto3;
    int nesting;
    struct kb_err *err;
};

bool kb_parser_fail(struct kb_proto_parser *p, const char *fmt, ...) KB_PRINTF(2, 3);
/* "expected WHAT, found ..." */
bool kb_parser_expected(struct kb_proto_parser *p, const char *what);
/* Passes `ok` on; what the builder refused gets its place. */
bool kb_parser_placed(struct kb_proto_parser *p, bool ok);

void kb_parser_next(struct kb_proto_parser *p);
bool kb_parser_at_mark(struct kb_proto_parser *p, char mark);
bool kb_parser_at_word(struct kb_proto_parser *p, const char *word);
/* Steps over the mark where it is there; where it must be. */
bool kb_parser_take(struct kb_proto_parser *p, char mark);
bool kb_parser_need(struct kb_proto_parser *p, char mark);

void *kb_parser_alloc(struct kb_proto_parser *p, size_t size);
bool kb_parser_ident(struct kb_proto_parser *p, const char *what, struct kb_slice *out);
/* a.b.C, with a leading dot where `absolute` allows it. */
bool kb_parser_path(
    struct kb_proto_parser *p, bool absolute, const char *what, struct kb_slice *out);
bool kb_parser_full_name(
    struct kb_proto_parser *p, struct kb_slice scope, struct kb_slice name, struct kb_slice *out);
/* Decimal, 0x hexadecimal, 0 octal; 0 to `max`. */
bool kb_parser_number(struct kb_proto_parser *p, int64_t max, const char *what, int64_t *out);
/* One string, of as many pieces as stand beside each other. */
bool kb_parser_string(struct kb_proto_parser *p, const char *what, struct kb_slice *out);

/* To behind the semicolon that ends a statement, or behind the block that is one. */
bool kb_parser_skip(struct kb_proto_parser *p);
/* A field's options, if it has any; json_name is the only one that matters. */
bool kb_parser_json_name(struct kb_proto_parser *p, struct kb_slice *json_name);

#endif
