/* Which lines have run: the set, and a state that is watched. */
#include "script/lines.h"
#include "script/lua_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void many_lines_are_kept_apart(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct kb_lines *lines = kb_lines_new();
    assert_non_null(lines);
    assert_false(kb_lines_knows(lines, "a.lua"));
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < N; i += 2)
            kb_lines_note(lines, i % 4 ? "a.lua" : "b.lua", i / 10, i);
    for (int i = 0; i < N; i++) {
        assert_int_equal(kb_lines_has(lines, "a.lua", i / 10, i), i % 4 == 2);
        assert_int_equal(kb_lines_has(lines, "b.lua", i / 10, i), i % 4 == 0);
        assert_false(kb_lines_has(lines, "a.lua", i / 10 + 1, i));
    }
    assert_true(kb_lines_knows(lines, "a.lua") && kb_lines_knows(lines, "b.lua"));
    assert_false(kb_lines_knows(lines, "c.lua"));
    kb_lines_free(lines);
}

static struct kb_script *new_script(struct kb_lines *lines)
{
    const struct kb_script_limits limits = {
        .memory = 8 << 20, .time_ms = 50, .clock = kb_clock_system(), .lines = lines};
    struct kb_err err;
    struct kb_script *script = kb_script_new(&limits, &err);
    assert_non_null(script);
    return script;
}

static void a_watched_state_notes_what_runs(void **state)
{
    (void)state;
    static const char text[] = "local function f(x)\n" /* 1 */
                               "  if x then\n"
                               "    return 1\n"
                               "  end\n"
                               "  return 2\n"
                               "end\n"
                               "pcall(error, f(true))\n" /* 7: an error that is caught */
                               "local g = function() return f(nil) end\n";
    struct kb_lines *lines = kb_lines_new();
    struct kb_script *script = new_script(lines);
    struct kb_err err;
    assert_true(kb_script_run(script, "w.lua", kb_slice_of(text), &err));
    const int ran[][2] = {{1, 2}, {1, 3}, {0, 7}, {0, 8}};
    for (size_t i = 0; i < KB_COUNT(ran); i++)
        assert_true(kb_lines_has(lines, "w.lua", ran[i][0], ran[i][1]));
    assert_false(kb_lines_has(lines, "w.lua", 1, 5));
    assert_false(kb_lines_has(lines, "w.lua", 8, 8)); /* made, and not called */
    kb_script_free(script);
    kb_lines_free(lines);
}

/* The hook that counts instructions is the one that sees lines. */
static void a_watched_state_is_cut_all_the_same(void **state)
{
    (void)state;
    static const char text[] = "while true do\n"
                               "  pcall(function() while true do end end)\n"
                               "end\n";
    struct kb_lines *lines = kb_lines_new();
    struct kb_script *script = new_script(lines);
    struct kb_err err;
    for (int turn = 0; turn < 2; turn++) {
        assert_false(kb_script_run(script, "w.lua", kb_slice_of(text), &err));
        assert_non_null(strstr(err.text, "w.lua:2: still running after 50 ms"));
    }
    assert_true(kb_script_run(script, "w.lua", KB_S("local x = 1\n"), &err));
    kb_script_free(script);
    kb_lines_free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_lines_are_kept_apart),
        cmocka_unit_test(a_watched_state_notes_what_runs),
        cmocka_unit_test(a_watched_state_is_cut_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
