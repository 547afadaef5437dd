/* Requests to the admin server and their answers, without a socket: who may ask for what. */
#include "admin/pages.h"
#include "boards.h"
#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOKEN "correct-horse-battery"

struct fixture {
    struct kb_board board;
    struct kb_view view;
    struct kb_page page;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct kb_worker_status well = boards_well();
    kb_board_init(&f.board, kb_clock_system()->now_ms(kb_clock_system()));
    boards_show(&f.board, &well);
    assert_true(kb_view_init(&f.view, &f.board, 1, "dir/a.lua"));
    kb_page_init(&f.page);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kb_page_deinit(&f->page);
    kb_view_deinit(&f->view);
    kb_board_deinit(&f->board);
    return 0;
}

/* The status; the body ends with a NUL. */
static int ask(struct fixture *f, const char *method, const char *path, const char *token,
    const char *authorization, const char *accept)
{
    kb_page_begin(&f->page, kb_slice_of(method), kb_slice_of(path));
    f->page.authorization = kb_slice_of(authorization);
    f->page.accept = kb_slice_of(accept);
    kb_page_serve(&f->page, &f->view, token, kb_clock_system());
    kb_buf_byte(&f->page.body, '\0');
    f->page.body.len--;
    return f->page.status;
}

static int get(struct fixture *f, const char *path)
{
    return ask(f, "GET", path, NULL, NULL, NULL);
}

static void assert_json(const struct fixture *f)
{
    struct kb_err err;
    assert_string_equal(f->page.content_type, "application/json");
    if (!kb_json_read(kb_buf_slice(&f->page.body), NULL, &err))
        fail_msg("%s: %s", err.text, f->page.body.ptr);
}

static void health_of_a_worker_that_is_well(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, "/livez"), 200);
    assert_string_equal(f->page.body.ptr, "{\"live\":true,\"reasons\":[]}\n");
    assert_int_equal(get(f, "/readyz"), 200);
    assert_string_equal(f->page.body.ptr, "{\"ready\":true,\"reasons\":[]}\n");
}

static void an_outage(struct fixture *f)
{
    struct kb_worker_status status = boards_well();
    status.outage = true;
    status.outage_class = KB_ABLY_TRANSIENT;
    status.outage_since_ms = kb_clock_system()->now_ms(kb_clock_system());
    snprintf(status.outage_text, sizeof(status.outage_text), "HTTP 503 from \"host\"\xff");
    boards_show(&f->board, &status);
}

static void what_is_wrong_is_said_to_whoever_may_know(void **state)
{
    struct fixture *f = *state;
    an_outage(f);
    assert_int_equal(get(f, "/livez"), 200);
    assert_int_equal(get(f, "/readyz"), 503);
    assert_json(f);
    assert_non_null(strstr(f->page.body.ptr, "\"reason\":\"ably_outage\""));
    assert_non_null(strstr(f->page.body.ptr, "HTTP 503 from \\\"host\\\""));

    assert_int_equal(ask(f, "GET", "/readyz", TOKEN, NULL, NULL), 503);
    assert_json(f);
    assert_non_null(strstr(f->page.body.ptr, "\"reason\":\"ably_outage\""));
    assert_null(strstr(f->page.body.ptr, "host"));
    assert_int_equal(ask(f, "GET", "/readyz", TOKEN, "Bearer " TOKEN, NULL), 503);
    assert_non_null(strstr(f->page.body.ptr, "host"));
}

static void the_status_in_both_forms(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, "/status"), 200);
    assert_json(f);
    assert_string_equal(f->page.ready, "yes");
    assert_non_null(strstr(f->page.body.ptr, "\"config\":\"dir/a.lua\""));
    assert_non_null(strstr(f->page.body.ptr, "{\"topic\":\"orders\",\"partition\":1,"));
    an_outage(f);
    assert_int_equal(get(f, "/status"), 200);
    assert_json(f);
    assert_string_equal(f->page.ready, "no");
    assert_non_null(strstr(f->page.body.ptr, "\"class\":\"transient\""));

    assert_int_equal(ask(f, "GET", "/status", NULL, NULL, "text/html, text/plain;q=0.9"), 200);
    assert_string_equal(f->page.ready, "no");
    assert_int_equal(strncmp(f->page.content_type, "text/plain", 10), 0);
    assert_non_null(strstr(f->page.body.ptr, "\nnot ready\n  worker 0: ably_outage: "));
    /* the partition that is behind comes first */
    assert_non_null(
        strstr(f->page.body.ptr, "PAUSED\norders                                    1"));
}

static void records_that_wait_for_the_registry(void **state)
{
    struct fixture *f = *state;
    struct kb_worker_status status = boards_well();
    status.registry = (struct kb_registry_status){.outage = true,
        .since_ms = kb_clock_system()->now_ms(kb_clock_system()),
        .tries = 5,
        .partitions = 2,
        .text = "http://r: schema 7: \"no\"\xff"};
    assert_int_equal(get(f, "/status"), 200);
    assert_non_null(strstr(f->page.body.ptr, "\"registry_outage\":null"));
    boards_show(&f->board, &status);
    assert_int_equal(get(f, "/readyz"), 503);
    assert_json(f);
    assert_non_null(strstr(f->page.body.ptr, "\"reason\":\"registry_outage\""));
    assert_non_null(strstr(f->page.body.ptr, "http://r: schema 7: \\\"no\\\""));
    assert_int_equal(get(f, "/status"), 200);
    assert_json(f);
    assert_non_null(strstr(f->page.body.ptr, "\"registry_outage\":{\"seconds\":0,\"tries\":5,"
                                             "\"partitions\":2,\"text\":\"http://r: schema 7"));
    assert_int_equal(get(f, "/metrics"), 200);
    assert_non_null(strstr(f->page.body.ptr, "\nkably_registry_outage{worker=\"0\"} 1\n"));
    assert_non_null(
        strstr(f->page.body.ptr, "\nkably_registry_requests_total{result=\"unknown\"} 0\n"));
}

static void many_partitions_fit(void **state)
{
    struct fixture *f = *state;
    enum { N = 5000 };
    struct kb_worker_status status = boards_well();
    status.partitions = calloc(N, sizeof(*status.partitions));
    status.n_partitions = N;
    for (int i = 0; i < N; i++) {
        struct kb_partition_status *part = &status.partitions[i];
        *part = (struct kb_partition_status){.id = i, .lag = i % 7 ? i : -1, .paused = 31};
        memset(part->topic, 'a' + i % 26, 249);
    }
    boards_show(&f->board, &status);
    free(status.partitions);
    assert_int_equal(get(f, "/status"), 200);
    assert_json(f);
    assert_int_equal(get(f, "/metrics"), 200);
    assert_int_equal(ask(f, "GET", "/status", NULL, NULL, "text/plain"), 200);
    assert_non_null(strstr(f->page.body.ptr, "... and 4950 more"));
    assert_non_null(strstr(f->page.body.ptr, "       4999          4999  "));
}

static void metrics_of_all_workers(void **state)
{
    struct fixture *f = *state;
    an_outage(f);
    assert_int_equal(get(f, "/metrics"), 200);
    assert_string_equal(f->page.content_type, "text/plain; version=0.0.4; charset=utf-8");
    static const char *const lines[] = {"\nkably_ready 0\n",
        "\nkably_ably_outage{worker=\"0\"} 1\n",
        "\nkably_lag_records{topic=\"orders\",partition=\"1\"} 1\n",
        "\nkably_committed_offset{topic=\"orders\",partition=\"0\"} 10\n",
        "\nkably_paused_partitions{worker=\"0\",reason=\"memory\"} 0\n"};
    for (size_t i = 0; i < KB_COUNT(lines); i++)
        assert_non_null(strstr(f->page.body.ptr, lines[i]));
}

static void unknown_addresses_and_methods(void **state)
{
    static const char *const paths[] = {"", "//", "/status/", "/Status", "/metrics2", "/livez/..",
        "/../status", "/%2e", "*", "http://x/status", "/reload/", "/livez\t"};
    static const char *const methods[] = {
        "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "get", "GETX", ""};
    struct fixture *f = *state;
    for (size_t i = 0; i < KB_COUNT(paths); i++) {
        assert_int_equal(get(f, paths[i]), 404);
        assert_json(f);
    }
    for (size_t i = 0; i < KB_COUNT(methods); i++) {
        assert_int_equal(ask(f, methods[i], "/status", NULL, NULL, NULL), 405);
        assert_string_equal(f->page.allow, "GET, HEAD");
        assert_json(f);
        assert_null(f->page.ready);
    }
    assert_int_equal(ask(f, "HEAD", "/status", NULL, NULL, NULL), 200);
    assert_null(f->page.allow);
    assert_int_equal(get(f, "/"), 200);
}

static void a_reload_is_posted_and_told_by_its_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(get(f, "/reload"), 405);
    assert_string_equal(f->page.allow, "POST");
    assert_false(f->page.wants_reload);
    assert_int_equal(ask(f, "POST", "/reload", TOKEN, NULL, NULL), 401);
    assert_false(f->page.wants_reload);
    ask(f, "POST", "/reload", TOKEN, "Bearer " TOKEN, NULL);
    assert_true(f->page.wants_reload);
    struct kb_reload_report report = {.generation = 7, .text = "generation 7 of \"a\xff"};
    kb_page_reloaded(&f->page, &report);
    kb_buf_byte(&f->page.body, '\0');
    assert_int_equal(f->page.status, 200);
    assert_string_equal(
        f->page.body.ptr, "{\"generation\":7,\"reloaded\":\"generation 7 of \\\"a\"}\n");
    report.failed = true;
    f->page.accept = KB_S("text/plain");
    kb_page_reloaded(&f->page, &report);
    assert_int_equal(f->page.status, 422);
    assert_true(kb_slice_starts(kb_buf_slice(&f->page.body), KB_S("generation 7 of")));
}

/* A form on somebody's page can post to any address; a browser then says whose page it is. */
static void a_browser_cannot_be_sent_to_reload(void **state)
{
    struct fixture *f = *state;
    kb_page_begin(&f->page, KB_S("POST"), KB_S("/reload"));
    f->page.authorization = f->page.accept = (struct kb_slice){NULL, 0};
    f->page.origin = KB_S("null");
    kb_page_serve(&f->page, &f->view, NULL, kb_clock_system());
    assert_int_equal(f->page.status, 403);
    assert_false(f->page.wants_reload);
}

static void only_the_token_opens(void **state)
{
    static const char *const wrong[] = {NULL, "", "Bearer", "Bearer ", "Bearer x", "Basic " TOKEN,
        TOKEN, "Bearer" TOKEN, "Bearer  " TOKEN, "Bearer " TOKEN " ", "Bearer " TOKEN TOKEN,
        "Bearer correct-horse-batter", "Bearer correct-horse-batterz",
        "Bearer Correct-horse-battery"};
    static const char *const paths[] = {"/", "/metrics", "/status", "/nothing", ""};
    struct fixture *f = *state;
    for (size_t i = 0; i < KB_COUNT(wrong); i++) {
        for (size_t k = 0; k < KB_COUNT(paths); k++) {
            assert_int_equal(ask(f, "GET", paths[k], TOKEN, wrong[i], NULL), 401);
            assert_non_null(f->page.challenge);
            assert_json(f);
            assert_null(strstr(f->page.body.ptr, "horse"));
        }
        assert_int_equal(ask(f, "GET", "/livez", TOKEN, wrong[i], NULL), 200);
        assert_int_equal(ask(f, "GET", "/readyz", TOKEN, wrong[i], NULL), 200);
        assert_int_equal(ask(f, "POST", "/status", TOKEN, wrong[i], NULL), 401);
    }
    assert_int_equal(ask(f, "GET", "/status", TOKEN, "Bearer " TOKEN, NULL), 200);
    assert_null(f->page.challenge);
    assert_int_equal(ask(f, "GET", "/status", TOKEN, "bearer " TOKEN, NULL), 200);
    assert_int_equal(ask(f, "GET", "/nothing", TOKEN, "Bearer " TOKEN, NULL), 404);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(health_of_a_worker_that_is_well),
        CASE(what_is_wrong_is_said_to_whoever_may_know),
        CASE(the_status_in_both_forms),
        CASE(records_that_wait_for_the_registry),
        CASE(many_partitions_fit),
        CASE(metrics_of_all_workers),
        CASE(unknown_addresses_and_methods),
        CASE(a_reload_is_posted_and_told_by_its_end),
        CASE(a_browser_cannot_be_sent_to_reload),
        CASE(only_the_token_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
