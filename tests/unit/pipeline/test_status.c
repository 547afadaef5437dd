/* The board between a worker and its readers: what is shown is what was written, whole, whoever
 * reads it meanwhile. */
#include "pipeline/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void show(struct kb_board *board, size_t n)
{
    struct kb_worker_status *status = kb_board_begin(board, n);
    assert_non_null(status);
    status->state = KB_WORKER_RUNNING;
    status->records_open = n;
    for (size_t i = 0; i < n; i++) {
        struct kb_partition_status *part = &status->partitions[status->n_partitions++];
        *part = (struct kb_partition_status){.id = (int32_t)i, .lag = (int64_t)n};
        snprintf(part->topic, sizeof(part->topic), "t%zu", n);
    }
    kb_board_show(board);
}

static void before_its_first_turn_it_is_starting(void **state)
{
    (void)state;
    struct kb_board board;
    struct kb_worker_status status = {0};
    kb_board_init(&board, 1234);
    assert_true(kb_board_read(&board, &status));
    assert_int_equal(status.state, KB_WORKER_STARTING);
    assert_int_equal(status.turned_ms, 1234);
    assert_int_equal(status.n_partitions, 0);
    kb_board_turned(&board, 1300);
    assert_true(kb_board_read(&board, &status));
    assert_int_equal(status.turned_ms, 1300);
    kb_worker_status_deinit(&status);
    kb_board_deinit(&board);
}

static void partitions_come_and_go(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 3, 100, 1, 0, 50, 2};
    struct kb_board board;
    struct kb_worker_status status = {0};
    kb_board_init(&board, 0);
    for (size_t i = 0; i < KB_COUNT(sizes); i++) {
        show(&board, sizes[i]);
        assert_true(kb_board_read(&board, &status));
        assert_int_equal(status.state, KB_WORKER_RUNNING);
        assert_int_equal(status.n_partitions, sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(status.partitions[k].id, k);
            assert_int_equal(status.partitions[k].lag, sizes[i]);
        }
    }
    kb_worker_status_deinit(&status);
    kb_board_deinit(&board);
}

static void *write_all(void *context)
{
    for (size_t i = 0; i < 20000; i++) {
        kb_board_turned(context, (int64_t)i);
        show(context, i % 37);
    }
    return NULL;
}

/* Torn statuses would have partitions of two writes. */
static void readers_see_whole_statuses(void **state)
{
    (void)state;
    struct kb_board board;
    struct kb_worker_status status = {0};
    pthread_t writer;
    int64_t turned = 0;
    size_t reads = 0;
    kb_board_init(&board, 0);
    assert_int_equal(pthread_create(&writer, NULL, write_all, &board), 0);
    while (turned < 19999) {
        assert_true(kb_board_read(&board, &status));
        assert_true(status.turned_ms >= turned);
        assert_int_equal(status.n_partitions, status.records_open);
        for (size_t i = 0; i < status.n_partitions; i++)
            assert_int_equal(status.partitions[i].lag, status.n_partitions);
        turned = status.turned_ms;
        reads++;
    }
    pthread_join(writer, NULL);
    print_message("%zu reads\n", reads);
    kb_worker_status_deinit(&status);
    kb_board_deinit(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_its_first_turn_it_is_starting),
        cmocka_unit_test(partitions_come_and_go),
        cmocka_unit_test(readers_see_whole_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
