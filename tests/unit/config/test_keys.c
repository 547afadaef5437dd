/* Where a key is written: certain, or not said at all. */
#include "config/keys.h"

#include "base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void lines_of_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int first, end, line;
    } cases[] = {
        {"key = 1", 1, 0, 1},
        {"\n\nkey=1", 1, 0, 3},
        {"{ [\"key\"] = 1 }", 1, 0, 1},
        {"{ ['key' ]\t= 1 }", 1, 0, 1},
        {"key == 1", 1, 0, 0},
        {"key, x = 1", 1, 0, 0},
        {"xkey = 1 key2 = 2 k.e.y = 3", 1, 0, 0},
        {"-- key = 1\nkey = 2", 1, 0, 2},
        {"--[[ key = 1\n]] key = 2", 1, 0, 2},
        {"--[==[ ]] key = 1\n]==] key = 2", 1, 0, 2},
        {"x = [[\nkey = 1]]\nkey = 2", 1, 0, 3},
        {"x = 'key = 1'\nkey = 2", 1, 0, 2},
        {"x = '\\' key = 1'\nkey = 2", 1, 0, 2},
        {"x = 'a\\\nkey = 1'\nkey = 2", 1, 0, 3},
        {"key = 1\nkey = 2", 1, 0, 0},
        {"key = 1, key = 2", 1, 0, 1},
        {"key = 1\nkey = 2", 2, 0, 2},
        {"key = 1\nkey = 2", 1, 2, 1},
        {"x\nx\nkey = 2", 1, 3, 0},
        {"'key", 1, 0, 0},
        {"--[[ key = 1", 1, 0, 0},
        {"'\\", 1, 0, 0},
        {"", 1, 0, 0},
    };
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        size_t len = strlen(cases[i].text);
        char *exact = malloc(len + 1); /* without a NUL, so that a read past the end is seen */
        memcpy(exact, cases[i].text, len);
        exact = realloc(exact, len > 0 ? len : 1);
        int line =
            kb_key_line((struct kb_slice){exact, len}, cases[i].first, cases[i].end, KB_S("key"));
        if (line != cases[i].line)
            print_error("case %zu: %s\n", i, cases[i].text);
        assert_int_equal(line, cases[i].line);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_of_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
