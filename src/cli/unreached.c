/* See unreached.h. Called by test.c behind the last test. */
#include "cli/unreached.h"

#include <stdlib.h>

struct line {
    int number;
    bool reached;
};

static int by_number(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The lines of all functions of one file, in order, each once. Returns how many. */
static size_t lines_of(const struct kb_text_function *functions, const char *path,
    const struct kb_lines *ran, struct line *out)
{
    size_t n = 0, kept = 0;
    for (const struct kb_text_function *f = functions; f; f = f->next)
        for (size_t i = 0; strcmp(f->path, path) == 0 && i < f->n_lines; i++)
            out[n++] = (struct line){f->lines[i], kb_lines_has(ran, path, f->first, f->lines[i])};
    qsort(out, n, sizeof(*out), by_number);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && out[kept - 1].number == out[i].number)
            out[kept - 1].reached = out[kept - 1].reached && out[i].reached;
        else
            out[kept++] = out[i];
    }
    return kept;
}

/* 12, 18-19: a run of them is one, also across lines that do not count. */
static void print_missing(const struct line *lines, size_t n, FILE *to)
{
    const char *between = "";
    for (size_t i = 0; i < n; i++) {
        if (lines[i].reached)
            continue;
        size_t first = i;
        while (i + 1 < n && !lines[i + 1].reached)
            i++;
        fprintf(to, i > first ? "%s%d-%d" : "%s%d", between, lines[first].number, lines[i].number);
        between = ", ";
    }
    fputc('\n', to);
}

static void print_file(const char *path, const struct line *lines, size_t n, FILE *to)
{
    size_t missing = 0;
    for (size_t i = 0; i < n; i++)
        missing += !lines[i].reached;
    if (missing == 0)
        return;
    fprintf(to, "%s: %zu of %zu line%s never reached: ", path, missing, n, n == 1 ? "" : "s");
    print_missing(lines, n, to);
}

/* Is it the first of its file? */
static bool opens_file(const struct kb_text_function *functions, const struct kb_text_function *f)
{
    while (strcmp(functions->path, f->path) != 0)
        functions = functions->next;
    return functions == f;
}

void kb_unreached_print(const struct kb_tests *tests, const struct kb_lines *lines, FILE *to)
{
    size_t n = 0;
    for (const struct kb_text_function *f = tests->functions; f; f = f->next)
        n += f->n_lines;
    struct line *all = calloc(n + 1, sizeof(*all));
    for (const struct kb_text_function *f = tests->functions; all && f; f = f->next)
        if (opens_file(tests->functions, f) && kb_lines_knows(lines, f->path))
            print_file(f->path, all, lines_of(tests->functions, f->path, lines, all), to);
    free(all);
}
