/* Golden files: cases a person can read, checked line by line.
 *
 *     struct golden golden;
 *     struct golden_case c;
 *     golden_open(&golden, "template.txt");               // tests/golden/template.txt
 *     while (golden_next(&golden, &c))
 *         golden_check(&golden, &c, expected, got);        // else prints file:line and both texts
 *     golden_close(&golden);                               // fails where a case did, or none was
 *
 * A case is a run of lines, a blank line ends it. A line that is `#` or begins with `# ` is a
 * comment (so a template may begin with `#{`). In any text \xHH stands for one byte; every other
 * backslash is itself. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN_LINES_MAX 32
#define GOLDEN_LINE_LEN_MAX 4096

struct golden {
    const char *name;
    FILE *file;
    int line, cases, failures;
};

struct golden_case {
    int line; /* of its first line */
    size_t n;
    struct kb_slice lines[GOLDEN_LINES_MAX];
    char text[GOLDEN_LINES_MAX][GOLDEN_LINE_LEN_MAX];
};

static inline void golden_open(struct golden *golden, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/golden/%s", KABLY_SOURCE_DIR, name);
    *golden = (struct golden){.name = name, .file = fopen(path, "r")};
    if (!golden->file)
        fail_msg("%s can't be read", path);
}

static inline int golden_hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: the text only gets shorter. */
static inline size_t golden_unescape(char *text, size_t len)
{
    size_t to = 0;
    for (size_t from = 0; from < len; to++) {
        bool hex = from + 4 <= len && text[from] == '\\' && text[from + 1] == 'x' &&
                   golden_hex(text[from + 2]) >= 0 && golden_hex(text[from + 3]) >= 0;
        text[to] =
            hex ? (char)(golden_hex(text[from + 2]) * 16 + golden_hex(text[from + 3])) : text[from];
        from += hex ? 4 : 1;
    }
    text[to] = '\0';
    return to;
}

/* The next case, false at the end of the file. */
static inline bool golden_next(struct golden *golden, struct golden_case *c)
{
    c->n = 0;
    while (c->n < GOLDEN_LINES_MAX) {
        char *text = c->text[c->n];
        if (!fgets(text, GOLDEN_LINE_LEN_MAX, golden->file))
            break;
        golden->line++;
        size_t len = strcspn(text, "\n");
        if (text[len] != '\n')
            fail_msg("%s:%d: the line is too long or has no end", golden->name, golden->line);
        bool comment = text[0] == '#' && (len == 1 || text[1] == ' ');
        if (comment || (len == 0 && c->n == 0))
            continue;
        if (len == 0)
            break;
        if (c->n == 0)
            c->line = golden->line;
        c->lines[c->n++] = (struct kb_slice){text, golden_unescape(text, len)};
    }
    if (c->n == GOLDEN_LINES_MAX)
        fail_msg("%s:%d: the case has too many lines", golden->name, c->line);
    golden->cases += c->n > 0;
    return c->n > 0;
}

static inline void golden_fail(
    struct golden *golden, const struct golden_case *c, const char *what, struct kb_slice detail)
{
    print_error("%s:%d: %s " KB_FMT "\n", golden->name, c->line, what, KB_ARG(detail));
    golden->failures++;
}

static inline void golden_check(struct golden *golden, const struct golden_case *c,
    struct kb_slice expected, struct kb_slice got)
{
    if (kb_slice_eq(expected, got))
        return;
    print_error("%s:%d:\nexpected " KB_FMT "\ngot      " KB_FMT "\n", golden->name, c->line,
        KB_ARG(expected), KB_ARG(got));
    golden->failures++;
}

/* Splits "label: text" (or "label:", an empty text); false where a line is none. */
static inline bool golden_label(struct kb_slice line, struct kb_slice *label, struct kb_slice *text)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon)
        return false;
    *label = (struct kb_slice){line.ptr, (size_t)(colon - line.ptr)};
    size_t skip = label->len + 1;
    if (skip < line.len && line.ptr[skip] == ' ')
        skip++;
    *text = (struct kb_slice){line.ptr + skip, line.len - skip};
    return true;
}

static inline void golden_close(struct golden *golden)
{
    fclose(golden->file);
    print_message("%s: %d cases, %d failed\n", golden->name, golden->cases, golden->failures);
    assert_int_equal(golden->failures, 0);
    assert_true(golden->cases > 0);
}

#endif
