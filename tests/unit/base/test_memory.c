/* Arena and slabs: pieces never overlap, limits hold, memory is given back when it should be. */
#include "base/arena.h"
#include "base/slab.h"

#include "support/prop.h"

#include <stdalign.h>

static void test_arena_holds_its_maximum(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 1000);
    assert_null(kb_arena_alloc(&arena, 1001));
    assert_null(kb_arena_alloc(&arena, SIZE_MAX));
    assert_null(kb_arena_alloc(&arena, SIZE_MAX - 8));
    int n = 0;
    while (kb_arena_alloc(&arena, 16))
        n++;
    assert_int_equal(n, 1000 / 16);
    kb_arena_reset(&arena);
    assert_int_equal(arena.used, 0);
    assert_non_null(kb_arena_alloc(&arena, 500));
    kb_arena_deinit(&arena);
}

static void test_arena_copies_and_keeps_absent_absent(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 100);
    struct kb_slice out;
    assert_true(kb_arena_copy(&arena, KB_S("abc"), &out));
    assert_slice(out, KB_S("abc"));
    assert_true(kb_arena_copy(&arena, KB_S(""), &out));
    assert_slice(out, KB_S(""));
    assert_true(kb_arena_copy(&arena, (struct kb_slice){0}, &out));
    assert_null(out.ptr);
    static const char large[200];
    assert_false(kb_arena_copy(&arena, (struct kb_slice){large, sizeof(large)}, &out));
    kb_arena_deinit(&arena);
}

/* Random pieces, some larger than a block, over several resets: aligned, apart from each other, and
 * what was written stays. */
static void test_arena_pieces_stay_apart(void **state)
{
    (void)state;
    prop_seed();
    struct kb_arena arena;
    kb_arena_init(&arena, 4 << 20);
    for (int round = 0; round < 20; round++) {
        struct {
            unsigned char *ptr;
            size_t len;
        } pieces[200];
        for (size_t i = 0; i < KB_COUNT(pieces); i++) {
            pieces[i].len = prop_below(20) ? prop_below(300) : prop_below(40000);
            pieces[i].ptr = kb_arena_alloc(&arena, pieces[i].len);
            assert_non_null(pieces[i].ptr);
            assert_int_equal((uintptr_t)pieces[i].ptr % alignof(max_align_t), 0);
            memset(pieces[i].ptr, (int)i, pieces[i].len);
        }
        for (size_t i = 0; i < KB_COUNT(pieces); i++)
            for (size_t j = 0; j < pieces[i].len; j++)
                assert_int_equal(pieces[i].ptr[j], i);
        kb_arena_reset(&arena);
    }
    kb_arena_deinit(&arena);
}

/* The first block is used again, so a record's usual memory costs no malloc. */
static void test_arena_reset_keeps_the_memory(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 16 << 20);
    void *first = kb_arena_alloc(&arena, 100);
    assert_non_null(kb_arena_alloc(&arena, 1 << 20)); /* outsized: given back by the reset */
    for (int i = 0; i < 1000; i++)
        assert_non_null(kb_arena_alloc(&arena, 10000));
    kb_arena_reset(&arena);
    assert_ptr_equal(kb_arena_alloc(&arena, 100), first);
    kb_arena_deinit(&arena);
}

static void test_slab_counts_whole_slabs_while_referred_to(void **state)
{
    (void)state;
    struct kb_slabs slabs;
    kb_slabs_init(&slabs, 100);
    struct kb_slab_ref a, b, c;
    assert_true(kb_slabs_put(&slabs, KB_S("0123456789"), &a));
    assert_slice(a.bytes, KB_S("0123456789"));
    size_t one = kb_slabs_bytes(&slabs);
    assert_in_range(one, 100, 200);
    assert_true(kb_slabs_put(&slabs, KB_S("x"), &b));
    assert_int_equal(kb_slabs_bytes(&slabs), one);
    char large[1000] = "large";
    assert_true(kb_slabs_put(&slabs, (struct kb_slice){large, sizeof(large)}, &c));
    assert_int_equal(kb_slabs_bytes(&slabs), 2 * one + 900);
    kb_slab_release(&slabs, &c);
    kb_slab_release(&slabs, &c); /* an empty reference is fine */
    assert_int_equal(kb_slabs_bytes(&slabs), one);
    kb_slab_release(&slabs, &a);
    assert_int_equal(kb_slabs_bytes(&slabs), one);
    kb_slab_release(&slabs, &b);
    assert_int_equal(kb_slabs_bytes(&slabs), 0);
    kb_slabs_deinit(&slabs);
}

/* One small message that waits long no longer keeps the slab of its neighbours. */
static void test_slab_move_frees_the_neighbours(void **state)
{
    (void)state;
    struct kb_slabs slabs;
    kb_slabs_init(&slabs, 1000);
    struct kb_slab_ref refs[100];
    for (size_t i = 0; i < KB_COUNT(refs); i++)
        assert_true(kb_slabs_put(&slabs, KB_S("0123456789"), &refs[i]));
    struct kb_slab_ref next;
    assert_true(kb_slabs_put(&slabs, KB_S("the slab after"), &next));
    for (size_t i = 1; i < KB_COUNT(refs); i++)
        kb_slab_release(&slabs, &refs[i]);
    size_t before = kb_slabs_bytes(&slabs);
    assert_true(kb_slab_move(&slabs, &refs[0]));
    assert_slice(refs[0].bytes, KB_S("0123456789"));
    assert_int_equal(kb_slabs_bytes(&slabs), before - 990);
    const char *own = refs[0].bytes.ptr;
    assert_true(kb_slab_move(&slabs, &refs[0])); /* already its own: nothing to do */
    assert_ptr_equal(refs[0].bytes.ptr, own);
    kb_slab_release(&slabs, &refs[0]);
    kb_slab_release(&slabs, &next);
    assert_int_equal(kb_slabs_bytes(&slabs), 0);
    kb_slabs_deinit(&slabs);
}

/* Random puts, moves and releases: each reference keeps its bytes for as long as it lives. */
static void test_slab_references_keep_their_bytes(void **state)
{
    (void)state;
    prop_seed();
    struct kb_slabs slabs;
    kb_slabs_init(&slabs, 512);
    struct kb_slab_ref refs[64] = {0};
    char fill[64] = {0};
    for (int step = 0; step < 20000; step++) {
        size_t i = prop_below(KB_COUNT(refs));
        if (!refs[i].slab) {
            char bytes[700];
            size_t len = prop_below(10) ? prop_below(100) : prop_below(sizeof(bytes));
            fill[i] = (char)prop_below(256);
            memset(bytes, fill[i], len);
            assert_true(kb_slabs_put(&slabs, (struct kb_slice){bytes, len}, &refs[i]));
            assert_int_equal(refs[i].bytes.len, len);
        } else if (prop_below(4) == 0) {
            assert_true(kb_slab_move(&slabs, &refs[i]));
        } else {
            for (size_t j = 0; j < refs[i].bytes.len; j++)
                assert_int_equal(refs[i].bytes.ptr[j], fill[i]);
            kb_slab_release(&slabs, &refs[i]);
            assert_null(refs[i].slab);
        }
    }
    for (size_t i = 0; i < KB_COUNT(refs); i++)
        kb_slab_release(&slabs, &refs[i]);
    assert_int_equal(kb_slabs_bytes(&slabs), 0);
    kb_slabs_deinit(&slabs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_holds_its_maximum),
        cmocka_unit_test(test_arena_copies_and_keeps_absent_absent),
        cmocka_unit_test(test_arena_pieces_stay_apart),
        cmocka_unit_test(test_arena_reset_keeps_the_memory),
        cmocka_unit_test(test_slab_counts_whole_slabs_while_referred_to),
        cmocka_unit_test(test_slab_move_frees_the_neighbours),
        cmocka_unit_test(test_slab_references_keep_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
