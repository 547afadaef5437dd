/* The gate that keeps fetchers near the worker: who waits, for how long, and what ends it. */
#include "kafka/fetch_gate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_little_queued_passes(void **state)
{
    (void)state;
    struct kb_fetch_gate gate = {.limit = 1000};
    assert_int_equal(kb_fetch_gate_wait(&gate), 0);
    kb_fetch_gate_note(&gate, 1000);
    assert_int_equal(kb_fetch_gate_wait(&gate), 0);
}

static void test_the_wait_is_bounded(void **state)
{
    (void)state;
    struct kb_fetch_gate gate = {.limit = 1000};
    kb_fetch_gate_note(&gate, 1001);
    assert_int_equal(kb_fetch_gate_wait(&gate), KB_FETCH_GATE_STEPS);
    kb_fetch_gate_note(&gate, 0);
    assert_int_equal(kb_fetch_gate_wait(&gate), 0);
}

static void test_the_end_lets_everybody_through(void **state)
{
    (void)state;
    struct kb_fetch_gate gate = {.limit = 1000};
    kb_fetch_gate_note(&gate, SIZE_MAX);
    kb_fetch_gate_open(&gate);
    assert_int_equal(kb_fetch_gate_wait(&gate), 0);
}

/* Shuts and opens the gate for ever, as a worker does that takes. */
static void *worker(void *arg)
{
    struct kb_fetch_gate *gate = arg;
    while (!atomic_load(&gate->open)) {
        kb_fetch_gate_note(gate, 2000);
        kb_fetch_gate_note(gate, 0);
    }
    return NULL;
}

static void test_fetchers_and_worker_meet(void **state)
{
    (void)state;
    struct kb_fetch_gate gate = {.limit = 1000};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, worker, &gate), 0);
    for (int i = 0; i < 100; i++)
        assert_in_range(kb_fetch_gate_wait(&gate), 0, KB_FETCH_GATE_STEPS);
    kb_fetch_gate_open(&gate);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_queued_passes),
        cmocka_unit_test(test_the_wait_is_bounded),
        cmocka_unit_test(test_the_end_lets_everybody_through),
        cmocka_unit_test(test_fetchers_and_worker_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
