/* The list of everything that is wrong with a configuration; see config.h and problems.h. Where
 * memory ends, texts are lost but the count of errors is not: a broken file never passes. */
#include "config/problems.h"

#include <stdarg.h>

#define PROBLEMS_MAX 200

void kb_problems_init(struct kb_problems *problems)
{
    *problems = (struct kb_problems){0};
}

void kb_problems_deinit(struct kb_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->list[i].text);
    free(problems->list);
    kb_problems_init(problems);
}

void kb_problems_print(const struct kb_problems *problems, FILE *to)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct kb_problem *problem = &problems->list[i];
        fprintf(to, "%s%s\n", problem->text, problem->warning ? " (warning)" : "");
    }
}

KB_PRINTF(2, 0)
static char *text_at(const struct kb_file_place *place, const char *fmt, va_list args)
{
    char *message = NULL, *text = NULL;
    if (vasprintf(&message, fmt, args) < 0)
        return NULL;
    int len = place->line > 0 ? asprintf(&text, "%s:%d: %s", place->path, place->line, message)
                              : asprintf(&text, "%s: %s", place->path, message);
    free(message);
    if (len < 0)
        return NULL;
    for (char *c = text; *c; c++) /* a file's own bytes must not steer the terminal */
        if (((unsigned char)*c < ' ' && *c != '\n') || *c == 0x7f)
            *c = '?';
    return text;
}

static bool is_known(const struct kb_problems *problems, const char *text)
{
    for (size_t i = 0; i < problems->count; i++)
        if (strcmp(problems->list[i].text, text) == 0)
            return true;
    return false;
}

static bool append(struct kb_problems *problems, struct kb_problem problem)
{
    if (problems->count >= PROBLEMS_MAX)
        return false;
    struct kb_problem *list =
        realloc(problems->list, (problems->count + 1) * sizeof(*problems->list));
    if (!list)
        return false;
    problems->list = list;
    list[problems->count++] = problem;
    return true;
}

void kb_problem_add(struct kb_problems *problems, bool warning, const struct kb_file_place *place,
    const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = text_at(place, fmt, args);
    va_end(args);
    bool repeated = text && is_known(problems, text);
    if (!warning && !repeated)
        problems->errors++;
    struct kb_problem problem = {
        .warning = warning, .text = text, .file = place->file, .line = place->line};
    if (!text || repeated || !append(problems, problem))
        free(text);
}

static bool comes_after(const struct kb_problem *a, const struct kb_problem *b)
{
    return a->file != b->file ? a->file > b->file : a->line > b->line;
}

/* By insertion: few, nearly in order, and what shares a line keeps its order. */
void kb_problems_sort(struct kb_problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct kb_problem problem = problems->list[i];
        size_t j = i;
        for (; j > 0 && comes_after(&problems->list[j - 1], &problem); j--)
            problems->list[j] = problems->list[j - 1];
        problems->list[j] = problem;
    }
}
