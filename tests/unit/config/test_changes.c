/* What a reload would change, by name, and by what it takes. */
#include "config/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct kb_config *load(const char *text)
{
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load_text("t.lua", kb_slice_of(text), &problems);
    if (!config)
        kb_problems_print(&problems, stderr);
    assert_non_null(config);
    kb_problems_deinit(&problems);
    return config;
}

#define KAFKA "kafka { [\"bootstrap.servers\"] = \"b\", [\"group.id\"] = \"g\" }\n"
#define ABLY "ably { key = \"a.b:secret\" }\n"
#define ORDERS "topic \"orders\" { channel = \"o\" }\n"

static void check_names(const struct kb_buf *names, const char *expected)
{
    char text[1000];
    snprintf(text, sizeof(text), KB_FMT, KB_ARG(kb_buf_slice(names)));
    assert_string_equal(text, expected);
}

static void check(const char *from_text, const char *to_text, const char *applied,
    const char *rejoin, const char *restart)
{
    struct kb_config *from = load(from_text), *to = load(to_text);
    struct kb_changes changes;
    assert_true(kb_changes_find(&changes, from, to));
    check_names(&changes.applied, applied);
    check_names(&changes.rejoin, rejoin);
    check_names(&changes.restart, restart);
    kb_changes_deinit(&changes);
    kb_config_unref(from);
    kb_config_unref(to);
}

static void the_same_text_changes_nothing(void **state)
{
    (void)state;
    static const char text[] = KAFKA ABLY ORDERS
        "dead_letter { topic = \"d\" }\nadmin {}\ndefaults { on_error = \"dlq\" }\n";
    check(text, text, "", "", "");
}

static void each_kind_of_change_is_named(void **state)
{
    (void)state;
    check(KAFKA ABLY ORDERS,
        KAFKA "ably { key = \"a.b:other\", endpoint = \"x.com\" }\n"
              "publish { linger_ms = 5 }\nlimits { workers = 2, drain_ms = 1, memory = \"1GiB\" }\n"
              "admin { listen = \"127.0.0.1:1\" }\nlog { level = \"warn\" }\n" ORDERS,
        "ably.key, ably.endpoint, publish.linger_ms, limits.drain_ms, log.level", "limits.memory",
        "limits.workers, admin.listen");
}

static void properties_of_the_client_join_anew(void **state)
{
    (void)state;
    static const char more[] = "kafka { [\"bootstrap.servers\"] = \"c\", [\"group.id\"] = \"g\", "
                               "[\"fetch.wait.max.ms\"] = 7 }\n" ABLY ORDERS;
    check(KAFKA ABLY ORDERS, more, "", "kafka.bootstrap.servers, kafka.fetch.wait.max.ms", "");
    check(more, KAFKA ABLY ORDERS, "", "kafka.bootstrap.servers, kafka.fetch.wait.max.ms", "");
}

static void topics_by_their_names(void **state)
{
    (void)state;
    check(KAFKA ABLY ORDERS "topic \"a\" { channel = \"x\" }\n",
        KAFKA ABLY "topic { \"b\", \"c\" } { channel = \"x\" }\n"
                   "topic \"orders\" { channel = \"o\", on_error = \"skip\" }\n",
        "topic \"b\"... (new), topic \"orders\", topic \"a\" (gone)", "", "");
    check(KAFKA ABLY ORDERS, KAFKA ABLY "defaults { name = \"n\" }\n" ORDERS, "topic \"orders\"",
        "", "");
}

static void secrets_are_compared_and_not_shown(void **state)
{
    (void)state;
    struct kb_config *from = load(KAFKA ABLY ORDERS),
                     *to = load(KAFKA "ably { key = \"a.b:terces\" }\n" ORDERS);
    struct kb_changes changes;
    assert_true(kb_changes_find(&changes, from, to));
    check_names(&changes.applied, "ably.key");
    assert_true(changes.ably);
    assert_false(changes.kafka);
    kb_changes_deinit(&changes);
    kb_config_unref(from);
    kb_config_unref(to);
}

static void what_needs_a_restart_stays_as_it_runs(void **state)
{
    (void)state;
    struct kb_config *from = load(KAFKA ABLY ORDERS "admin { listen = \"127.0.0.1:1\" }\n"),
                     *to = load(KAFKA ABLY ORDERS "limits { workers = 9, drain_ms = 3 }\n");
    assert_true(kb_changes_keep(from, to));
    assert_int_equal(to->limits.workers, 1);
    assert_int_equal(to->limits.drain_ms, 3);
    assert_string_equal(to->admin.listen, "127.0.0.1:1");
    assert_ptr_not_equal(to->admin.listen, from->admin.listen);
    kb_config_unref(from);
    kb_config_unref(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_changes_nothing),
        cmocka_unit_test(each_kind_of_change_is_named),
        cmocka_unit_test(properties_of_the_client_join_anew),
        cmocka_unit_test(topics_by_their_names),
        cmocka_unit_test(secrets_are_compared_and_not_shown),
        cmocka_unit_test(what_needs_a_restart_stays_as_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
