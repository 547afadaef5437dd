/* Lua's memory: its ceiling is exact, and a small block that was given back is the next one. */
#include "script/lua_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#define SMALL_MAX ((size_t)KB_LUA_BLOCK_STEP * KB_LUA_SHELVES)

static struct kb_lua_memory memory;

static int set_up(void **state)
{
    (void)state;
    kb_lua_memory_init(&memory, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(memory.used, 0);
    kb_lua_memory_deinit(&memory);
    return 0;
}

static void a_small_block_is_the_next_of_its_size(void **state)
{
    (void)state;
    for (size_t size = 1; size <= SMALL_MAX; size++) {
        char *block = kb_lua_memory_take(&memory, size), *other;
        assert_non_null(block);
        kb_lua_memory_give_back(&memory, block, size);
        other = kb_lua_memory_take(&memory, size);
        assert_ptr_equal(other, block);
        memset(other, 'x', size);
        kb_lua_memory_give_back(&memory, other, size);
    }
}

static void what_lies_on_a_shelf_is_not_read(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    char *block = kb_lua_memory_take(&memory, 40);
    assert_non_null(block);
    assert_null(__asan_region_is_poisoned(block, 40));
    kb_lua_memory_give_back(&memory, block, 40);
    assert_ptr_equal(__asan_region_is_poisoned(block, 40), block);
#else
    skip();
#endif
}

static void bytes_move_along(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16, 17, 100, 128, 129, 5000, 300, 129, 128, 60, 3, 90, 129};
    const char text[] = "abc";
    char *block = kb_lua_memory_take(&memory, sizes[0]);
    for (size_t i = 1; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t before = sizes[i - 1] < 3 ? sizes[i - 1] : 3;
        memcpy(block, text, before);
        block = kb_lua_memory_resize(&memory, block, sizes[i - 1], sizes[i]);
        assert_non_null(block);
        assert_memory_equal(block, text, before);
        memset(block, 'x', sizes[i]);
        assert_int_equal(memory.used, sizes[i]);
    }
    kb_lua_memory_give_back(&memory, block, 129);
}

static void the_ceiling_is_exact(void **state)
{
    (void)state;
    size_t rest = memory.max - 100;
    char *small = kb_lua_memory_take(&memory, 60), *large = kb_lua_memory_take(&memory, rest);
    assert_non_null(small);
    assert_non_null(large);
    assert_null(kb_lua_memory_take(&memory, 41));
    assert_null(kb_lua_memory_resize(&memory, small, 60, 101));
    assert_null(kb_lua_memory_resize(&memory, small, 60, 500));
    assert_null(kb_lua_memory_resize(&memory, large, rest, rest + 41));
    assert_int_equal(memory.used, rest + 60);
    small = kb_lua_memory_resize(&memory, small, 60, 100);
    assert_non_null(small);
    assert_null(kb_lua_memory_take(&memory, 1));
    small = kb_lua_memory_resize(&memory, small, 100, 10); /* less is always to be had */
    large = kb_lua_memory_resize(&memory, large, rest, 20);
    assert_non_null(small);
    assert_non_null(large);
    assert_int_equal(memory.used, 30);
    kb_lua_memory_give_back(&memory, small, 10);
    kb_lua_memory_give_back(&memory, large, 20);
}

static void a_full_shelf_keeps_no_more(void **state)
{
    (void)state;
    static char *blocks[KB_LUA_SHELF_MAX + 1];
    size_t n = sizeof(blocks) / sizeof(blocks[0]);
    for (size_t i = 0; i < n; i++)
        blocks[i] = kb_lua_memory_take(&memory, 33);
    for (size_t i = 0; i < n; i++)
        kb_lua_memory_give_back(&memory, blocks[i], 33);
    assert_int_equal(memory.shelves[2].n, KB_LUA_SHELF_MAX);
    for (size_t i = 0; i < KB_LUA_SHELVES; i++)
        assert_true(i == 2 || memory.shelves[i].n == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_small_block_is_the_next_of_its_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_lies_on_a_shelf_is_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_move_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ceiling_is_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_shelf_keeps_no_more, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
