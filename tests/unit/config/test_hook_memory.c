/* What functions leave behind in memory: nothing where they fail, and where they fill it for good,
 * a state that is to be begun anew. */
#include "support/hostile.h"

#include <malloc.h>

/* What a function keeps for ever leaves no room for the next record: its state is begun anew. */
static void a_state_that_is_full_is_worn(void **state)
{
    (void)state;
    struct kb_err err;
    struct routed routed = {0};
    hostile_load(&routed, HOSTILE_MEMORY, 5000, "local kept = {}",
        "kept[1] = ('x'):rep(1 << 20) while true do kept[1] = kept[1] .. kept[1] end");
    assert_int_equal(hostile_route(&routed, "bad", &err), KB_FAILED);
    assert_false(kb_hooks_worn(routed.hooks));
    routed_unload(&routed);
    hostile_load(&routed, HOSTILE_MEMORY, 5000, "local kept = {}",
        "while true do kept[#kept + 1] = ('x'):rep(9999) .. #kept end");
    assert_int_equal(hostile_route(&routed, "bad", &err), KB_FAILED);
    assert_non_null(strstr(err.text, "memory"));
    assert_true(kb_hooks_worn(routed.hooks));
    routed_unload(&routed);
}

/* Bytes that malloc has given out; a sanitizer's own malloc is asked where there is one. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t c_heap(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* JSON is written and read in memory that Lua's collector does not see. */
static void json_that_fails_leaves_no_memory_behind(void **state)
{
    (void)state;
    static const struct {
        const char *first, *body;
    } bombs[] = {
        {"local s, t = ('x'):rep(1 << 20), {} for i = 1, 70 do t[i] = s end",
            "assert(not pcall(kably.json.encode, t))"},
        {"local s = '[' .. ('[],'):rep(1 << 18) .. '1]'",
            "assert(not pcall(kably.json.decode, s))"},
    };
    for (size_t i = 0; i < KB_COUNT(bombs); i++) {
        struct kb_err err;
        struct routed routed = {0};
        hostile_load(&routed, HOSTILE_MEMORY, 5000, bombs[i].first, bombs[i].body);
        assert_int_not_equal(hostile_route(&routed, "bad", &err), KB_FAILED);
        size_t before = c_heap();
        for (int n = 0; n < 30; n++)
            assert_int_not_equal(hostile_route(&routed, "bad", &err), KB_FAILED);
        size_t after = c_heap();
        if (after > before + HOSTILE_MEMORY)
            print_error("%s: %zu KiB, then %zu KiB\n", bombs[i].body, before >> 10, after >> 10);
        assert_true(after <= before + HOSTILE_MEMORY);
        routed_unload(&routed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_is_full_is_worn),
        cmocka_unit_test(json_that_fails_leaves_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
