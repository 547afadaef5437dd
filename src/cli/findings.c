/* See findings.h. */
#include "cli/findings.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

#define TEXT_MAX 4096 /* a line longer than that is cut */

void kb_found(
    struct kb_findings *found, enum kb_finding kind, const char *part, const char *fmt, ...)
{
    static const char *const marks[] = {"ok  ", "warn", "FAIL"};
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    kb_utf8_one_line(text, strlen(text));
    fprintf(found->to, "%s %s: %s\n", marks[kind], part, text);
    fflush(found->to); /* the next part may take its time */
    found->amiss += kind == KB_FOUND_AMISS;
    found->warnings += kind == KB_FOUND_WARNING;
}
