/* What librdkafka says, in kably's log: no secret gets through, repeats are summed up. */
#include "kafka/client_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define PROPERTY(n, v)                                                        \
    {                                                                         \
        .name = (char *)(n), .value = (char *)(v), .secret = false, .line = 1 \
    }

static const struct kb_property properties[] = {
    PROPERTY("sasl.password", "hush-hush"),
    PROPERTY("ssl.key.password", ""), /* nothing to hide */
    PROPERTY("sasl.username", "alice"),
    {.name = (char *)"odd.thing", .value = (char *)"private", .secret = true, .line = 1},
};

/* Standard error goes to a file meanwhile; returns what was written. */
static const char *capture(void (*write_lines)(struct kb_client_log *log))
{
    static char text[65536];
    char name[] = "/tmp/kably-log-XXXXXX";
    int file = mkstemp(name), saved = dup(STDERR_FILENO);
    assert_true(file >= 0 && saved >= 0);
    unlink(name);
    dup2(file, STDERR_FILENO);
    struct kb_client_log log;
    bool ok = kb_client_log_init(&log, properties, KB_COUNT(properties));
    if (ok)
        write_lines(&log);
    kb_client_log_deinit(&log);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t len = pread(file, text, sizeof(text) - 1, 0);
    close(file);
    assert_true(ok && len >= 0);
    text[len] = '\0';
    return text;
}

static void write_secrets(struct kb_client_log *log)
{
    kb_client_log_error(log, "one", "login of alice with hush-hush and hush-hush failed: private");
}

static void test_secrets_are_blotted_out(void **state)
{
    (void)state;
    const char *text = capture(write_secrets);
    assert_non_null(strstr(text, "login of alice with ********* and ********* failed: *******"));
    assert_null(strstr(text, "hush"));
}

static void write_repeats(struct kb_client_log *log)
{
    for (int i = 0; i < 1000; i++)
        kb_client_log_error(log, i % 2 ? "odd" : "even", "number %d", i);
    for (int i = 0; i < 2 * KB_CLIENT_LOG_KINDS; i++) { /* more kinds than the table holds */
        char kind[16];
        snprintf(kind, sizeof(kind), "kind-%d", i);
        kb_client_log_error(log, kind, "once");
    }
}

static void test_repeats_are_summed_up(void **state)
{
    (void)state;
    const char *text = capture(write_repeats);
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 2 + 2 * KB_CLIENT_LOG_KINDS);
    assert_non_null(strstr(text, "WARN kafka: even: number 0\n"));
    assert_non_null(strstr(text, "WARN kafka: odd: number 1\n"));
    assert_null(strstr(text, "number 2"));
    assert_non_null(strstr(text, "kind-63: once\n"));
}

/* The library's own lines pass through the same filter, whatever thread they come from. */
static void write_from_the_library(struct kb_client_log *log)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "client.id", "hush-hush", why, sizeof(why)); /* shows in every line */
    rd_kafka_conf_set(conf, "debug", "generic,conf", why, sizeof(why));
    kb_client_log_attach(conf, log);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    rd_kafka_destroy(rk);
}

static void test_the_librarys_lines(void **state)
{
    (void)state;
    kb_log_setup(KB_LOG_DEBUG, KB_LOG_TEXT);
    const char *text = capture(write_from_the_library);
    assert_non_null(strstr(text, "DEBUG kafka: "));
    assert_non_null(strstr(text, "*********"));
    assert_null(strstr(text, "hush"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_are_blotted_out),
        cmocka_unit_test(test_repeats_are_summed_up),
        cmocka_unit_test(test_the_librarys_lines),
    };
    kb_log_setup(KB_LOG_INFO, KB_LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
