/* The table of assigned partitions and the pool of pending records: what the worker recognises late
 * answers by. */
#include "pipeline/assignments.h"
#include "pipeline/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_late_answer_finds_nothing(void **state)
{
    (void)state;
    struct kb_assignments table;
    kb_assignments_init(&table);
    struct kb_assignment *part = kb_assignments_add(&table, "orders", 3, NULL);
    uint32_t slot = part->slot, generation = part->generation;
    assert_ptr_equal(kb_assignments_find(&table, slot, generation), part);
    kb_assignments_remove(&table, part);
    assert_null(kb_assignments_find(&table, slot, generation));
    assert_null(kb_assignments_at(&table, slot));

    /* The same partition comes back into the same slot: still not the same assignment. */
    part = kb_assignments_add(&table, "orders", 3, NULL);
    assert_int_equal(part->slot, slot);
    assert_null(kb_assignments_find(&table, slot, generation));
    assert_non_null(kb_assignments_find(&table, slot, part->generation));
    kb_assignments_deinit(&table);
}

/* What was taken from the old log is still this assignment's; an older assignment's is nobody's. */
static void a_new_log_is_a_further_generation(void **state)
{
    (void)state;
    struct kb_assignments table;
    kb_assignments_init(&table);
    struct kb_assignment *part = kb_assignments_add(&table, "orders", 3, NULL);
    uint32_t slot = part->slot, earlier = part->generation;
    kb_assignments_remove(&table, part);
    part = kb_assignments_add(&table, "orders", 3, NULL);
    uint32_t old = part->generation;
    assert_int_equal(kb_offsets_add(&part->offsets, 700), KB_OFFSET_TAKEN);
    part->committed = 700;
    part->open = 1;

    kb_assignments_new_log(&table, part, 0);
    assert_true(part->generation > old);
    assert_ptr_equal(kb_assignments_find(&table, slot, old), part);
    assert_ptr_equal(kb_assignments_find(&table, slot, part->generation), part);
    assert_null(kb_assignments_find(&table, slot, earlier));
    assert_null(kb_assignments_find(&table, slot, part->generation + 1));
    assert_int_equal(part->open, 1);
    assert_int_equal(part->committed, -1);
    assert_int_equal(kb_offsets_committable(&part->offsets), 0);

    uint32_t newest = part->generation;
    kb_assignments_remove(&table, part);
    part = kb_assignments_add(&table, "orders", 3, NULL);
    assert_null(kb_assignments_find(&table, slot, old));
    assert_null(kb_assignments_find(&table, slot, newest));
    kb_assignments_deinit(&table);
}

static void slots_survive_growth(void **state)
{
    (void)state;
    struct kb_assignments table;
    kb_assignments_init(&table);
    uint32_t generations[100];
    for (int i = 0; i < 100; i++) {
        struct kb_assignment *part = kb_assignments_add(&table, "orders", i, NULL);
        assert_int_equal(part->slot, i);
        generations[i] = part->generation;
        assert_int_equal(kb_offsets_add(&part->offsets, 1000 + i), KB_OFFSET_TAKEN);
    }
    assert_int_equal(table.active, 100);
    for (uint32_t i = 0; i < 100; i++) {
        struct kb_assignment *part = kb_assignments_find(&table, i, generations[i]);
        assert_int_equal(part->id, i);
        assert_int_equal(kb_offsets_committable(&part->offsets), 1000 + i);
    }
    assert_null(kb_assignments_at(&table, 100000));
    kb_assignments_deinit(&table);
}

static void pendings_count_what_they_hold(void **state)
{
    (void)state;
    struct kb_pendings pool;
    kb_pendings_init(&pool);
    struct kb_record rec = {.topic = KB_S("orders"),
        .offset = 7,
        .timestamp = -1,
        .key = KB_S("k"),
        .value = KB_S("the original bytes")};
    struct kb_pending *p = kb_pendings_new(&pool, 1, 2, 7);
    size_t empty = pool.bytes;
    assert_true(kb_pending_keep(&pool, p, &rec));
    assert_int_equal(pool.bytes, empty + p->original->size);
    assert_true(kb_slice_is(p->original->record.value, "the original bytes"));
    assert_int_equal(pool.open, 1);
    kb_pendings_free(&pool, p);
    assert_int_equal(pool.open, 0);
    assert_int_equal(pool.bytes, 0);

    /* What is still open at the end is freed with the pool; the leak checker is the judge. */
    p = kb_pendings_new(&pool, 1, 2, 8);
    assert_true(kb_pending_keep(&pool, p, &rec));
    kb_pendings_deinit(&pool);
}

static void the_first_failure_is_kept(void **state)
{
    (void)state;
    struct kb_pendings pool;
    kb_pendings_init(&pool);
    struct kb_pending *p = kb_pendings_new(&pool, 0, 1, 1);
    struct kb_err first, second;
    kb_err_record(&first, KB_FAILURE_PUBLISH, "channel denied");
    first.code = 40160;
    kb_err_record(&second, KB_FAILURE_MESSAGE, "too large");
    assert_true(kb_pending_fail(p, &first));
    assert_true(kb_pending_fail(p, &second));
    assert_int_equal(p->failed->failure, KB_FAILURE_PUBLISH);
    assert_int_equal(p->failed->code, 40160);
    assert_string_equal(p->failed->text, "channel denied");
    kb_pendings_deinit(&pool);
}

static void many_pendings_are_reused(void **state)
{
    (void)state;
    struct kb_pendings pool;
    kb_pendings_init(&pool);
    struct kb_pending *open[3000];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++) {
            open[i] = kb_pendings_new(&pool, 0, 1, i);
            assert_non_null(open[i]);
            assert_int_equal(open[i]->messages, 0);
            assert_null(open[i]->failed);
        }
        assert_int_equal(pool.open, 3000);
        for (int i = 0; i < 3000; i++)
            kb_pendings_free(&pool, open[i]);
        assert_int_equal(pool.bytes, 0);
    }
    kb_pendings_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_answer_finds_nothing),
        cmocka_unit_test(a_new_log_is_a_further_generation),
        cmocka_unit_test(slots_survive_growth),
        cmocka_unit_test(pendings_count_what_they_hold),
        cmocka_unit_test(the_first_failure_is_kept),
        cmocka_unit_test(many_pendings_are_reused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
