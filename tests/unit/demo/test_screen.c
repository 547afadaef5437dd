/* The demo's two columns: what stands where, at which width, and that no text breaks out. */
#include "demo/screen.h"

#include "base/utf8.h"
#include "support/prop.h"

static char *shown;
static size_t shown_len;

static struct kb_screen begin(int width, bool colour)
{
    return (struct kb_screen){.to = open_memstream(&shown, &shown_len),
        .terminal = colour,
        .colour = colour,
        .width = width};
}

static void assert_shown(struct kb_screen *screen, const char *expected)
{
    fclose(screen->to);
    if (strcmp(shown, expected) != 0)
        fail_msg("shown:\n%s\nexpected:\n%s", shown, expected);
    free(shown);
}

static const struct kb_cell left = {
    .head = "orders[0]@4  ada", .body = {"{\"order\":1001}", 14}, .tint = KB_TINT_RECORD};
static const struct kb_cell right = {
    .head = "demo:orders:ada  placed", .body = {"{\"order\":1001}", 14}, .tint = KB_TINT_GOOD};

static void test_two_columns(void **state)
{
    (void)state;
    struct kb_screen screen = begin(64, false);
    kb_screen_pair(&screen, &left, &right);
    kb_screen_line(&screen, KB_TINT_BAD, "%d records", 7);
    kb_screen_gap(&screen);
    assert_shown(&screen, "orders[0]@4  ada               -> demo:orders:ada  placed\n"
                          "  {\"order\":1001}                    {\"order\":1001}\n"
                          "7 records\n\n");
}

static void test_below_each_other_where_it_is_narrow(void **state)
{
    (void)state;
    struct kb_screen screen = begin(63, false);
    kb_screen_pair(&screen, &left, &right);
    assert_shown(&screen, "orders[0]@4  ada\n"
                          "  {\"order\":1001}\n"
                          " -> demo:orders:ada  placed\n"
                          "      {\"order\":1001}\n");
}

static void test_colours(void **state)
{
    (void)state;
    struct kb_screen screen = begin(64, true);
    kb_screen_pair(&screen, &left, &right);
    kb_screen_line(&screen, KB_TINT_PLAIN, "plain");
    kb_screen_line(&screen, KB_TINT_BAD, "bad");
    assert_shown(&screen,
        "\x1b[36morders[0]@4  ada\x1b[0m               -> \x1b[32mdemo:orders:ada  placed\x1b[0m\n"
        "  {\"order\":1001}                    {\"order\":1001}\n"
        "plain\n\x1b[31mbad\x1b[0m\n");
}

static void test_long_texts_are_wrapped_then_cut(void **state)
{
    (void)state;
    struct kb_screen screen = begin(64, false);
    kb_screen_pair(&screen,
        &(struct kb_cell){.head = "abcdefghijklmnopqrstuvwxyz0123456789",
            .body = KB_S("the quick brown fox jumps over the lazy dog, again and again")},
        &(struct kb_cell){.head = "short", .body = KB_S("xäöü")});
    assert_shown(&screen, "abcdefghijklmnopqrstuvwxyz0... -> short\n"
                          "  the quick brown fox jumps ov      xäöü\n"
                          "  er the lazy dog, again an...\n");
}

/* Whatever the bytes and the width: as many lines as allowed, none too wide, valid UTF-8, nothing a
 * terminal would obey. */
static void test_any_text_stays_in_its_place(void **state)
{
    (void)state;
    prop_seed();
    for (int round = 0; round < 2000; round++) {
        char bytes[300];
        size_t len = prop_below(sizeof(bytes));
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)prop_below(256);
        int width = 20 + (int)prop_below(200);
        struct kb_screen screen = begin(width, false);
        struct kb_cell cell = {.head = "head", .body = {bytes, len}};
        kb_screen_pair(&screen, &cell, &cell);
        fclose(screen.to);

        int lines = 0, column = 0;
        const char *end = shown + shown_len;
        assert_true(kb_utf8_valid((struct kb_slice){shown, shown_len}));
        for (const char *at = shown; at < end; at += kb_utf8_step(at, end)) {
            unsigned char c = (unsigned char)*at;
            assert_true(c == '\n' || (c >= 0x20 && c != 0x7f));
            column = c == '\n' ? 0 : column + 1;
            lines += c == '\n';
            assert_true(column <= width);
        }
        assert_true(lines >= 1 && lines <= 6);
        free(shown);
    }
}

static void test_what_is_no_terminal_is_plain(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct kb_screen screen;
    setenv("COLUMNS", "99", 1);
    kb_screen_init(&screen, file);
    assert_false(screen.terminal || screen.colour);
    assert_int_equal(screen.width, 99);
    setenv("COLUMNS", "nonsense", 1);
    kb_screen_init(&screen, file);
    assert_int_equal(screen.width, 80);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_columns),
        cmocka_unit_test(test_below_each_other_where_it_is_narrow),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_long_texts_are_wrapped_then_cut),
        cmocka_unit_test(test_any_text_stays_in_its_place),
        cmocka_unit_test(test_what_is_no_terminal_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
