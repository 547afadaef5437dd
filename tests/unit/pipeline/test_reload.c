/* Reloads without workers: who asks, what is loaded, what is told. */
#include "base/log.h"
#include "metrics/metrics.h"
#include "pipeline/reload.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_TEXT                                                         \
    "kafka { [\"bootstrap.servers\"] = \"b\", [\"group.id\"] = \"g\" }\n" \
    "ably { key = \"a.b:c\" }\n"
#define ORDERS "topic \"orders\" { channel = \"o\" }\n"

struct fixture {
    char path[40];
    int progress, watch;
    struct kb_reloads *reloads;
};

static void write_file(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct kb_err err;
    struct kb_problems problems;
    snprintf(f.path, sizeof(f.path), "/tmp/kably-reload-XXXXXX");
    close(mkstemp(f.path));
    write_file(&f, FILE_TEXT ORDERS);
    f.progress = eventfd(0, EFD_NONBLOCK);
    f.watch = eventfd(0, EFD_NONBLOCK);
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(f.path, &problems);
    kb_problems_deinit(&problems);
    f.reloads = kb_reloads_new(f.path, config, f.progress, &err);
    kb_config_unref(config);
    kb_reloads_watch(f.reloads, f.watch);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kb_reloads_free(f->reloads);
    close(f->progress);
    close(f->watch);
    unlink(f->path);
    return 0;
}

static bool readable(int fd, int ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    uint64_t n;
    return poll(&one, 1, ms) == 1 && read(fd, &n, sizeof(n)) > 0;
}

static struct kb_reload_report report_of(const struct fixture *f)
{
    static struct kb_reload_report report;
    kb_reloads_read(f->reloads, &report);
    return report;
}

static void a_good_file_is_lent_and_then_in_force(void **state)
{
    struct fixture *f = *state;
    uint64_t before = kb_metric_get(KB_METRIC_RELOADS);
    assert_null(kb_reloads_next(f->reloads));
    write_file(f, FILE_TEXT "topic \"orders\" { channel = \"p\" }\n");
    uint64_t number = kb_reloads_ask(f->reloads);
    assert_true(readable(f->progress, 10000));
    struct kb_generation *next = kb_reloads_next(f->reloads);
    assert_non_null(next);
    assert_true(next->changes.applied.len > 0);
    assert_null(kb_reloads_next(f->reloads)); /* once */
    assert_true(report_of(f).ended < number);
    assert_false(readable(f->watch, 0));
    kb_reloads_end(f->reloads, NULL);
    assert_true(readable(f->watch, 0));
    struct kb_reload_report report = report_of(f);
    assert_int_equal(report.ended, number);
    assert_int_equal(report.generation, 2);
    assert_false(report.failed);
    assert_non_null(strstr(report.text, "changed: topic \"orders\""));
    assert_int_equal(kb_metric_get(KB_METRIC_RELOADS), before + 1);
}

static void a_bad_file_reaches_nobody(void **state)
{
    struct fixture *f = *state;
    uint64_t before = kb_metric_get(KB_METRIC_RELOAD_FAILURES);
    write_file(f, FILE_TEXT "topic \"orders\" { chanel = \"p\" }\ntopic \"b\" { key = 7 }\n");
    uint64_t number = kb_reloads_ask(f->reloads);
    assert_true(readable(f->watch, 10000));
    assert_null(kb_reloads_next(f->reloads));
    struct kb_reload_report report = report_of(f);
    assert_int_equal(report.ended, number);
    assert_int_equal(report.generation, 1);
    assert_true(report.failed);
    assert_non_null(strstr(report.text, ":3: topic \"orders\": chanel: unknown key"));
    assert_non_null(strstr(report.text, "\n")); /* all of them */
    assert_int_equal(kb_metric_get(KB_METRIC_RELOAD_FAILURES), before + 1);
}

static void what_could_not_be_applied_is_compared_with_the_old_one_again(void **state)
{
    struct fixture *f = *state;
    write_file(f, FILE_TEXT ORDERS "publish { linger_ms = 3 }\n");
    for (int i = 0; i < 2; i++) {
        kb_reloads_ask(f->reloads);
        assert_true(readable(f->progress, 10000));
        struct kb_generation *next = kb_reloads_next(f->reloads);
        assert_non_null(next);
        assert_true(kb_slice_is(kb_buf_slice(&next->changes.applied), "publish.linger_ms"));
        kb_reloads_end(f->reloads, "worker 0: out of memory");
        struct kb_reload_report report = report_of(f);
        assert_int_equal(report.generation, 1);
        assert_string_equal(report.text, "worker 0: out of memory");
    }
}

static void many_that_ask_while_one_loads_are_one_more(void **state)
{
    struct fixture *f = *state;
    kb_reloads_ask(f->reloads);
    assert_true(
        readable(f->progress, 10000)); /* read: whoever asks from here on may mean another file */
    uint64_t number = 0;
    for (int i = 0; i < 200; i++)
        number = kb_reloads_ask(f->reloads);
    assert_non_null(kb_reloads_next(f->reloads));
    kb_reloads_end(f->reloads, NULL);
    assert_true(report_of(f).ended < number); /* they asked after it was read */
    assert_true(readable(f->progress, 10000));
    assert_non_null(kb_reloads_next(f->reloads));
    kb_reloads_end(f->reloads, NULL);
    assert_int_equal(report_of(f).ended, number);
    assert_int_equal(report_of(f).reloads, 2);
    assert_false(readable(f->progress, 200));
}

static void *ask_often(void *context)
{
    for (int i = 0; i < 1000; i++) {
        kb_reloads_ask(((struct fixture *)context)->reloads);
        report_of(context);
    }
    return NULL;
}

static void askers_on_many_threads(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, ask_often, f);
    for (int turns = 0; turns < 20; turns++)
        if (readable(f->progress, 200) && kb_reloads_next(f->reloads))
            kb_reloads_end(f->reloads, turns % 2 ? NULL : "no");
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void the_end_while_one_is_lent(void **state)
{
    struct fixture *f = *state;
    kb_reloads_ask(f->reloads);
    assert_true(readable(f->progress, 10000));
    assert_non_null(kb_reloads_next(f->reloads));
}

int main(void)
{
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        TEST(a_good_file_is_lent_and_then_in_force),
        TEST(a_bad_file_reaches_nobody),
        TEST(what_could_not_be_applied_is_compared_with_the_old_one_again),
        TEST(many_that_ask_while_one_loads_are_one_more),
        TEST(askers_on_many_threads),
        TEST(the_end_while_one_is_lent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
