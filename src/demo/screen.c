/* See screen.h. Widths are counted in characters; the samples have none that is two columns wide.
 */
#include "demo/screen.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    WIDTH_USUAL = 80,
    WIDTH_MIN = 20,
    WIDTH_MAX = 400,
    WIDTH_OF_TWO_COLUMNS = 64,
    INDENT = 2,
    BODY_LINES = 2,
    CELL_BYTES_MAX = 4 * WIDTH_MAX
};

#define ARROW " -> "
#define CUT_MARK "..."
#define TINT_END "\x1b[0m"

static const char *const tints[KB_TINT_COUNT] = {
    [KB_TINT_PLAIN] = "",
    [KB_TINT_FAINT] = "\x1b[2m",
    [KB_TINT_BOLD] = "\x1b[1m",
    [KB_TINT_RECORD] = "\x1b[36m",
    [KB_TINT_GOOD] = "\x1b[32m",
    [KB_TINT_BAD] = "\x1b[31m",
};

static bool set(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0];
}

static bool dumb(void)
{
    const char *term = getenv("TERM");
    return !term || strcmp(term, "dumb") == 0;
}

static int width_from_environment(void)
{
    const char *columns = getenv("COLUMNS");
    long width = columns ? strtol(columns, NULL, 10) : 0;
    return width > 0 && width <= WIDTH_MAX ? (int)width : WIDTH_USUAL;
}

void kb_screen_init(struct kb_screen *screen, FILE *to)
{
    bool terminal = isatty(fileno(to)) == 1;
    *screen = (struct kb_screen){.to = to,
        .terminal = terminal,
        .colour = terminal && !set("NO_COLOR") && !dumb(),
        .width = terminal ? 0 : width_from_environment()};
}

static int width_now(const struct kb_screen *screen)
{
    struct winsize size;
    int width = screen->width;
    if (width == 0)
        width = ioctl(fileno(screen->to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0
                    ? size.ws_col
                    : width_from_environment();
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

/* Bytes of `text` that fill at most `width` columns; *columns = how many they fill. */
static size_t measure(struct kb_slice text, size_t width, size_t *columns)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (*columns = 0; at < end && *columns < width; ++*columns)
        at += kb_utf8_step(at, end);
    return (size_t)(at - text.ptr);
}

/* A text that is laid out piece by piece. */
struct strip {
    char text[CELL_BYTES_MAX];
    size_t len, at;
};

static void strip_init(struct strip *strip, struct kb_slice text)
{
    strip->len = kb_utf8_cut(text, sizeof(strip->text));
    strip->at = 0;
    if (strip->len > 0)
        memcpy(strip->text, text.ptr, strip->len);
    kb_utf8_one_line(strip->text, strip->len);
}

static bool strip_left(const struct strip *strip)
{
    return strip->at < strip->len;
}

static void add_spaces(struct kb_buf *out, size_t n)
{
    while (n-- > 0)
        kb_buf_byte(out, ' ');
}

/* The next `width` columns of the strip; what the last piece can't hold is cut off. Returns how
 * many columns stay free. */
static size_t add_piece(struct kb_buf *out, struct strip *strip, size_t width, bool last)
{
    struct kb_slice rest = {strip->text + strip->at, strip->len - strip->at};
    size_t columns, kept = measure(rest, width, &columns);
    bool cut = last && kept < rest.len;
    if (cut)
        kept = measure(rest, width - strlen(CUT_MARK), &columns);
    kb_buf_add(out, (struct kb_slice){rest.ptr, kept});
    kb_buf_add(out, cut ? KB_S(CUT_MARK) : KB_S(""));
    strip->at += cut ? rest.len : kept;
    return width - columns - (cut ? strlen(CUT_MARK) : 0);
}

static size_t add_head(
    struct kb_buf *out, const struct kb_screen *screen, const struct kb_cell *cell, size_t width)
{
    struct strip strip;
    bool tinted = screen->colour && cell->tint != KB_TINT_PLAIN;
    strip_init(&strip, kb_slice_of(cell->head));
    kb_buf_add(out, tinted ? kb_slice_of(tints[cell->tint]) : KB_S(""));
    size_t left = add_piece(out, &strip, width, true);
    kb_buf_add(out, tinted ? KB_S(TINT_END) : KB_S(""));
    return left;
}

static void add_beside(struct kb_buf *out, const struct kb_screen *screen, size_t width,
    const struct kb_cell *left, const struct kb_cell *right)
{
    size_t column = (width - strlen(ARROW)) / 2, free_columns;
    struct strip a, b;
    free_columns = add_head(out, screen, left, column);
    add_spaces(out, free_columns);
    kb_buf_add(out, KB_S(ARROW));
    add_head(out, screen, right, column);
    kb_buf_byte(out, '\n');

    strip_init(&a, left->body);
    strip_init(&b, right->body);
    for (int line = 1; line <= BODY_LINES && (strip_left(&a) || strip_left(&b)); line++) {
        add_spaces(out, INDENT);
        free_columns = add_piece(out, &a, column - INDENT, line == BODY_LINES);
        if (strip_left(&b)) {
            add_spaces(out, free_columns + strlen(ARROW) + INDENT);
            add_piece(out, &b, column - INDENT, line == BODY_LINES);
        }
        kb_buf_byte(out, '\n');
    }
}

static void add_below(struct kb_buf *out, const struct kb_screen *screen, size_t width,
    const struct kb_cell *cell, const char *mark)
{
    size_t margin = strlen(mark);
    struct strip strip;
    kb_buf_add(out, kb_slice_of(mark));
    add_head(out, screen, cell, width - margin);
    kb_buf_byte(out, '\n');
    strip_init(&strip, cell->body);
    for (int line = 1; line <= BODY_LINES && strip_left(&strip); line++) {
        add_spaces(out, margin + INDENT);
        add_piece(out, &strip, width - margin - INDENT, line == BODY_LINES);
        kb_buf_byte(out, '\n');
    }
}

void kb_screen_pair(
    const struct kb_screen *screen, const struct kb_cell *left, const struct kb_cell *right)
{
    struct kb_buf out;
    size_t width = (size_t)width_now(screen);
    kb_buf_init(&out, 1 << 16);
    if (width >= WIDTH_OF_TWO_COLUMNS) {
        add_beside(&out, screen, width, left, right);
    } else {
        add_below(&out, screen, width, left, "");
        add_below(&out, screen, width, right, ARROW);
    }
    fwrite(kb_buf_slice(&out).ptr, 1, out.len, screen->to);
    fflush(screen->to);
    kb_buf_deinit(&out);
}

void kb_screen_line(const struct kb_screen *screen, enum kb_tint tint, const char *fmt, ...)
{
    bool tinted = screen->colour && tint != KB_TINT_PLAIN;
    va_list args;
    va_start(args, fmt);
    fputs(tinted ? tints[tint] : "", screen->to);
    vfprintf(screen->to, fmt, args);
    fputs(tinted ? TINT_END "\n" : "\n", screen->to);
    va_end(args);
    fflush(screen->to);
}

void kb_screen_gap(const struct kb_screen *screen)
{
    fputc('\n', screen->to);
}
