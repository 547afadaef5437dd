/* The sandbox: what a text may use, where its errors point, and that it ends. */
#include "script/lua_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A clock that moves by itself: a millisecond each time somebody looks. */
struct walking_clock {
    struct kb_clock clock;
    int64_t ms;
};

static int64_t walk(struct kb_clock *clock)
{
    return ((struct walking_clock *)clock)->ms++;
}

static struct walking_clock walking = {{walk, walk}, 0};

static struct kb_script *new_script(void)
{
    const struct kb_script_limits limits = {
        .memory = 8 << 20, .time_ms = 1000, .clock = &walking.clock};
    struct kb_err err;
    struct kb_script *script = kb_script_new(&limits, &err);
    assert_non_null(script);
    return script;
}

/* Runs `text` in a state of its own; "" = it ran well. */
static const char *run(const char *name, const char *text)
{
    static struct kb_err err;
    struct kb_script *script = new_script();
    bool ok = kb_script_run(script, name, kb_slice_of(text), &err);
    kb_script_free(script);
    if (ok)
        return "";
    assert_int_equal(err.class, KB_ERR_CONFIG);
    return err.text;
}

static void library_is_the_safe_part(void **state)
{
    (void)state;
    assert_string_equal(
        run("a.lua", "assert(string.format('%d', math.floor(2.5)) == '2')\n"
                     "assert(table.concat({1, 2}, ',') == '1,2' and utf8.len('\\u{e4}') == 1)\n"
                     "assert(select('#', pcall(error, 'x')) == 2 and tostring(nil) == 'nil')\n"),
        "");
    static const char *const absent[] = {"os", "io", "debug", "package", "require", "load",
        "loadfile", "dofile", "loadstring", "collectgarbage", "coroutine", "xpcall", "warn",
        "string.dump"};
    for (size_t i = 0; i < KB_COUNT(absent); i++) {
        char text[80];
        snprintf(text, sizeof(text), "assert(%s == nil, '%s is there')", absent[i], absent[i]);
        assert_string_equal(run("a.lua", text), "");
    }
}

static void errors_have_full_place(void **state)
{
    (void)state;
    assert_string_equal(run("a.lua", "\n\nlocal x = nil + 1"),
        "a.lua:3: attempt to perform arithmetic on a nil value");
    assert_string_equal(run("a.lua", "\nerror('mine')"), "a.lua:2: mine");
    assert_string_equal(run("a.lua", "\nerror('mine', 0)"), "a.lua:2: mine");
    assert_string_equal(
        run("a.lua", "error({})"), "a.lua:1: error(...) was called with a table instead of a text");
    assert_string_equal(run("a.lua", "string.rep()"),
        "a.lua:1: bad argument #2 to 'rep' (number expected, got no value)");
    const char *deep = "a/folder/with/a/name/so/long/that/lua/itself/would/not/print/all/of/it.lua";
    char expected[200];
    snprintf(expected, sizeof(expected), "%s:1: mine", deep);
    assert_string_equal(run(deep, "error('mine')"), expected);
    snprintf(expected, sizeof(expected), "%s:2: unexpected symbol near '='", deep);
    assert_string_equal(run(deep, "\n= 1"), expected);
}

static void text_only(void **state)
{
    (void)state;
    assert_string_equal(run("a.lua", "\xef\xbb\xbf"
                                     "local x = 1"),
        "");
    assert_non_null(strstr(run("a.lua", "\x1bLua"), "attempt to load a binary chunk"));
}

static void endless_loops_end(void **state)
{
    (void)state;
    static const char close_loops[] = "\nlocal function spin() while true do end end "
                                      "local x <close> = setmetatable({}, {__close = spin}) spin()";
    const char *const texts[] = {
        "\nwhile true do end",
        "\nwhile true do pcall(function() while true do end end) end",
        "\nlocal function f() return pcall(f) end while true do f() end",
        "\nlocal function f() return f() end f()",
        "\nfor i = 1, math.huge do pcall(error) end",
        close_loops,
    };
    for (size_t i = 0; i < KB_COUNT(texts); i++)
        assert_string_equal(run("a.lua", texts[i]),
            "a.lua:2: still running after 1000 ms; is there a loop that never ends?");
}

/* A budget that is spent once must not be spent for the next call. */
static void budget_starts_anew(void **state)
{
    (void)state;
    struct kb_err err;
    struct kb_script *script = new_script();
    assert_false(kb_script_run(script, "a.lua", KB_S("while true do end"), &err));
    assert_true(kb_script_run(script, "a.lua", KB_S("for i = 1, 10000 do end x = 1"), &err));
    assert_true(kb_script_run(script, "a.lua", KB_S("assert(x == 1)"), &err));
    kb_script_free(script);
}

static void memory_has_a_ceiling(void **state)
{
    (void)state;
    const char *expected = "uses more than 8 MiB of memory, which is all it may have";
    assert_string_equal(run("a.lua", "local s = ('x'):rep(1 << 20):rep(1 << 6)"), expected);
    assert_string_equal(
        run("a.lua", "local t = {} for i = 1, math.huge do t[i] = ('x'):rep(9999) end"), expected);
    assert_string_equal(run("a.lua", "local s = 'x' while true do s = s .. s end"), expected);
    assert_string_equal(
        run("a.lua", "for i = 1, 50 do local garbage = ('x'):rep(1 << 20) .. i end"), "");
    struct kb_err err;
    struct kb_script *script = new_script();
    assert_true(kb_script_run(script, "a.lua",
        KB_S("assert(not pcall(string.rep, ('x'):rep(1 << 20), 1 << 6)) local t = {} for i = 1, 9 "
             "do t[i] = i "
             "end"),
        &err));
    kb_script_free(script);
}

static void c_functions_do_not_spin(void **state)
{
    (void)state;
    assert_string_equal(
        run("a.lua", "(''):rep(1 << 60)"), "a.lua:1: string.rep: more than 1048576 repeats");
    assert_string_equal(run("a.lua", "table.move({}, 1, 1 << 60, 2)"),
        "a.lua:1: table.move: more than 1048576 elements");
    assert_string_equal(run("a.lua", "table.move({}, math.mininteger, math.maxinteger, 2)"),
        "a.lua:1: table.move: more than 1048576 elements");
    assert_string_equal(
        run("a.lua",
            "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 2)"),
        "a.lua:1: a table with __len is not allowed here");
    assert_string_equal(
        run("a.lua", "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)"),
        "a.lua:1: a table with __len is not allowed here");
    assert_string_equal(run("a.lua", "setmetatable({}, {__gc = function() end})"),
        "a.lua:1: a metatable with __gc is not allowed here");
    assert_string_equal(
        run("a.lua", "assert(('ab'):rep(2, '-') == 'ab-ab')\n"
                     "local t = table.move({1, 2, 3}, 2, 3, 1)\n"
                     "assert(t[1] == 2 and t[2] == 3)\n"
                     "table.insert(t, 4) assert(#t == 4 and table.remove(t) == 4)\n"
                     "assert(getmetatable(setmetatable({}, {__metatable = 5})) == 5)"),
        "");
}

static void too_little_memory_is_an_error(void **state)
{
    (void)state;
    struct kb_err err;
    for (size_t memory = 0; memory < 40000; memory += 500) {
        const struct kb_script_limits limits = {
            .memory = memory, .time_ms = 1000, .clock = &walking.clock};
        struct kb_script *script = kb_script_new(&limits, &err);
        if (!script)
            assert_int_equal(err.class, KB_ERR_CONFIG);
        else if (!kb_script_run(script, "a.lua", KB_S("x = {1, 'a' .. 'b', function() end}"), &err))
            assert_int_equal(err.class, KB_ERR_CONFIG);
        kb_script_free(script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_is_the_safe_part),
        cmocka_unit_test(errors_have_full_place),
        cmocka_unit_test(text_only),
        cmocka_unit_test(endless_loops_end),
        cmocka_unit_test(budget_starts_anew),
        cmocka_unit_test(memory_has_a_ceiling),
        cmocka_unit_test(c_functions_do_not_spin),
        cmocka_unit_test(too_little_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
