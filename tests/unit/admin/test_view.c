/* What makes a process live and ready, and what is said where it is not. */
#include "admin/view.h"

#include "boards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1000000)

struct fixture {
    struct kb_board boards[2];
    struct kb_view view;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct kb_worker_status well = boards_well();
    for (size_t i = 0; i < 2; i++) {
        kb_board_init(&f.boards[i], NOW - 50);
        boards_show(&f.boards[i], &well);
    }
    assert_true(kb_view_init(&f.view, f.boards, 2, "a.lua"));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kb_view_deinit(&f->view);
    for (size_t i = 0; i < 2; i++)
        kb_board_deinit(&f->boards[i]);
    return 0;
}

static void all_is_well(void **state)
{
    struct fixture *f = *state;
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_true(f->view.live);
    assert_true(f->view.ready);
    assert_int_equal(f->view.n_reasons, 0);
}

/* One thing changed of the second worker; exactly that is the reason. */
static void expect(struct fixture *f, const struct kb_worker_status *status,
    enum kb_reason_kind kind, const char *detail)
{
    boards_show(&f->boards[1], status);
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_false(f->view.ready);
    assert_true(f->view.live);
    assert_int_equal(f->view.n_reasons, 1);
    assert_int_equal(f->view.reasons[0].kind, kind);
    assert_int_equal(f->view.reasons[0].worker, 1);
    assert_string_equal(f->view.reasons[0].detail, detail);
}

static void each_reason(void **state)
{
    struct fixture *f = *state;
    struct kb_worker_status status = {0};
    expect(f, &status, KB_REASON_STARTING, "");
    status = boards_well();
    status.state = KB_WORKER_DRAINING;
    expect(f, &status, KB_REASON_STOPPING, "");
    status.state = KB_WORKER_ENDED;
    expect(f, &status, KB_REASON_STOPPING, "");
    status = boards_well();
    status.assigned = false;
    status.n_partitions = 0;
    expect(f, &status, KB_REASON_NOT_ASSIGNED, "");
    status = boards_well();
    status.letters_failing = 3;
    expect(f, &status, KB_REASON_DEAD_LETTERS, "3 dead letters wait");
    status = boards_well();
    status.registry = (struct kb_registry_status){.outage = true,
        .since_ms = NOW - 20900,
        .tries = 9,
        .partitions = 2,
        .text = "http://r: schema 7: HTTP 503"};
    expect(f, &status, KB_REASON_REGISTRY,
        "http://r: schema 7: HTTP 503; for 20 s, 9 tries, 2 partitions wait");
}

static void an_outage_and_credentials_are_told_apart(void **state)
{
    static const struct {
        enum kb_ably_class class;
        enum kb_reason_kind kind;
    } rows[] = {
        {KB_ABLY_TRANSIENT, KB_REASON_ABLY},
        {KB_ABLY_RATE, KB_REASON_ABLY},
        {KB_ABLY_FOREIGN, KB_REASON_ABLY},
        {KB_ABLY_CREDENTIALS, KB_REASON_CREDENTIALS},
        {KB_ABLY_TOKEN, KB_REASON_CREDENTIALS},
        {KB_ABLY_DENIED, KB_REASON_CREDENTIALS},
    };
    struct fixture *f = *state;
    struct kb_worker_status status = boards_well();
    status.outage = true;
    status.outage_since_ms = NOW - 12500;
    status.outage_tries = 7;
    snprintf(status.outage_text, sizeof(status.outage_text), "HTTP 503");
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        status.outage_class = rows[i].class;
        expect(f, &status, rows[i].kind, "HTTP 503; for 12 s, 7 tries");
    }
}

/* librdkafka says that all brokers are gone and never that they are back. */
static void kafka_is_down_until_its_group_would_have_noticed(void **state)
{
    struct fixture *f = *state;
    struct kb_worker_status status = boards_well();
    status.kafka_down_ms = NOW - 1;
    expect(f, &status, KB_REASON_KAFKA, "");
    status.kafka_down_ms = NOW - KB_KAFKA_DOWN_MS;
    boards_show(&f->boards[1], &status);
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_true(f->view.ready);

    status.assigned = false;
    boards_show(&f->boards[1], &status);
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_int_equal(f->view.n_reasons, 2);
    assert_int_equal(f->view.reasons[0].kind, KB_REASON_NOT_ASSIGNED);
    assert_int_equal(f->view.reasons[1].kind, KB_REASON_KAFKA);
}

static void a_loop_that_stands_still_is_not_alive(void **state)
{
    struct fixture *f = *state;
    kb_board_turned(&f->boards[0], NOW - KB_LIVE_MS);
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_true(f->view.live);
    kb_board_turned(&f->boards[0], NOW - KB_LIVE_MS - 1);
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_false(f->view.live);
    assert_false(f->view.ready);
    assert_int_equal(f->view.n_reasons, 1);
    assert_int_equal(f->view.reasons[0].kind, KB_REASON_STUCK);
    assert_string_equal(f->view.reasons[0].detail, "its last turn was 60 s ago");
}

static void a_worker_that_has_ended_need_not_turn(void **state)
{
    struct fixture *f = *state;
    struct kb_worker_status status = boards_well();
    status.state = KB_WORKER_ENDED;
    boards_show(&f->boards[0], &status);
    kb_board_turned(&f->boards[0], 0);
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_true(f->view.live);
    assert_false(f->view.ready);
}

static void the_worst_of_all_workers_has_room(void **state)
{
    struct fixture *f = *state;
    struct kb_worker_status status = boards_well();
    status.assigned = false;
    status.kafka_down_ms = NOW;
    status.outage = true;
    status.letters_failing = 1;
    memset(status.outage_text, 'x', sizeof(status.outage_text) - 1);
    status.registry.outage = true;
    memset(status.registry.text, 'x', sizeof(status.registry.text) - 1);
    for (size_t i = 0; i < 2; i++) {
        boards_show(&f->boards[i], &status);
        kb_board_turned(&f->boards[i], 0);
    }
    assert_true(kb_view_take(&f->view, NOW, 0));
    assert_int_equal(f->view.n_reasons, 12);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_is_well),
        CASE(each_reason),
        CASE(an_outage_and_credentials_are_told_apart),
        CASE(kafka_is_down_until_its_group_would_have_noticed),
        CASE(a_loop_that_stands_still_is_not_alive),
        CASE(a_worker_that_has_ended_need_not_turn),
        CASE(the_worst_of_all_workers_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
