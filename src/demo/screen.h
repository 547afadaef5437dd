/* What the demo shows: two columns, records at the left and what became of them at the right.
 *
 *     struct kb_screen screen;
 *     kb_screen_init(&screen, stdout);
 *     struct kb_cell record = {.head = "orders[0]@4  ada", .body = value};
 *     struct kb_cell message = {.head = "demo:orders:ada", .body = data, .tint = KB_TINT_GOOD};
 *     kb_screen_pair(&screen, &record, &message);
 *     kb_screen_line(&screen, KB_TINT_PLAIN, "%d records", n);
 *
 * Colours are for terminals, and not where NO_COLOR is set or TERM is "dumb". No line of a pair is
 * wider than the terminal (or $COLUMNS, or 80); a body has two lines at most; below 64 columns the
 * two cells stand one below the other. Whatever a text holds, it moves nothing else. Thread: one at
 * a time. */
#ifndef KB_DEMO_SCREEN_H
#define KB_DEMO_SCREEN_H

#include "base/compiler.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdio.h>

enum kb_tint {
    KB_TINT_PLAIN,
    KB_TINT_FAINT,
    KB_TINT_BOLD,
    KB_TINT_RECORD, /* what is in Kafka */
    KB_TINT_GOOD,
    KB_TINT_BAD,
    KB_TINT_COUNT
};

struct kb_screen {
    FILE *to;
    bool terminal, colour;
    int width; /* 0 = ask the terminal each time: its user may resize it */
};

struct kb_cell {
    const char *head;
    struct kb_slice body;
    enum kb_tint tint; /* of the head */
};

void kb_screen_init(struct kb_screen *screen, FILE *to);
void kb_screen_pair(
    const struct kb_screen *screen, const struct kb_cell *left, const struct kb_cell *right);
/* A line of its own, however long: what people copy must stay in one piece. */
void kb_screen_line(const struct kb_screen *screen, enum kb_tint tint, const char *fmt, ...)
    KB_PRINTF(3, 4);
void kb_screen_gap(const struct kb_screen *screen); /* an empty line */

#endif
