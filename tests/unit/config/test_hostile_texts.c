/* Functions with long texts and deep calls: what they cost inside of Lua, where no instruction is
 * counted, keeps to their budget as well. */
#include "support/hostile.h"

/* The longer a text is, the longer takes one call that reads it: with 64 MiB of memory. */
static const struct hostile large_rows[] = {
    {"unpack through C",
        "local t = setmetatable({}, { __index = kably.uuid }) while true do pcall(table.unpack, t, "
        "1, 900000) end",
        "still running after"},
    {"utf8.len", "local s = (\"1\"):rep(1 << 20):rep(28) while true do utf8.len(s) end",
        "still running after"},
    {"utf8.offset", "local s = (\"1\"):rep(1 << 20):rep(28) while true do utf8.offset(s, #s) end",
        "still running after"},
    {"utf8.codes",
        "local s = (\"\\x80\"):rep(1 << 20):rep(28) local step = utf8.codes(\"a\") while true do "
        "pcall(step, s, 1) end",
        "still running after"},
    {"tonumber", "local s = (\" \"):rep(1 << 20):rep(28) while true do tonumber(s) end",
        "still running after"},
    {"calculating with text",
        "local s = (\" \"):rep(1 << 20):rep(14) .. \"1\" while true do local n = s + 1 - s * s end",
        "still running after"},
    {"rawequal",
        "local a, b = (\"1\"):rep(1 << 20):rep(14), (\"1\"):rep(1 << 20):rep(14) while "
        "rawequal(a, b) do end",
        "still running after"},
    {"packsize", "string.packsize((\"x\"):rep(1 << 20))", "a format of more than 65536 bytes"},
    {"packsize without end", "local s = (\"x\"):rep(1 << 16) while true do string.packsize(s) end",
        "still running after"},
    {"a time with a very long fraction",
        "local s = \"2020-01-01T00:00:00.\" .. (\"1\"):rep(1 << 20):rep(14) .. \"Z\" "
        "assert(not kably.time.parse(s), \"a time\") while true do kably.time.parse(s) end",
        "still running after"},
};

static void long_texts_cost_no_more_time(void **state)
{
    (void)state;
    assert_int_equal(hostile_try(large_rows, KB_COUNT(large_rows), 64 << 20), 0);
}

/* Lua walks all calls when it is told when to look at the clock next; were it told at each look,
 * this would take the square of their number, and end for its time. */
static void deep_calls_end_at_lua_s_own_limit(void **state)
{
    (void)state;
    struct kb_err err;
    struct routed routed = {0};
    hostile_load(&routed, 256 << 20, 5000, "", "local function f() return 1 + f() end f()");
    assert_int_equal(hostile_route(&routed, "bad", &err), KB_FAILED);
    if (!strstr(err.text, "stack overflow"))
        fail_msg("%s", err.text);
    routed_unload(&routed);
}

/* All of it is one instruction to Lua, and takes the square of the chain's length: this one
 * seconds. Only where the stack grows can it be ended, which is at each doubling. */
static void a_chain_of_calls_is_cut(void **state)
{
    (void)state;
    struct kb_err err;
    struct routed routed = {0};
    hostile_load(&routed, 64 << 20, HOSTILE_MS,
        "local t = print for i = 1, 150000 do t = setmetatable({}, { __call = t }) end",
        "pcall(t) while true do end");
    double begun = cpu_ms();
    assert_int_equal(hostile_route(&routed, "bad", &err), KB_FAILED);
    double took = cpu_ms() - begun;
    if (!strstr(err.text, "still running after"))
        fail_msg("%s", err.text);
    if (took > 50 * HOSTILE_MS)
        fail_msg("%.0f ms of CPU time", took);
    assert_int_equal(hostile_route(&routed, "good", &err), KB_ROUTED);
    routed_unload(&routed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_texts_cost_no_more_time),
        cmocka_unit_test(a_chain_of_calls_is_cut),
        cmocka_unit_test(deep_calls_end_at_lua_s_own_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
