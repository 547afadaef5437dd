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
        "ably.key, ably.endpoint, publish.linger_ms, limits.memory, limits.drain_ms, log.level", "",
        "limits.workers, admin.listen");
}

/* The clients are blind to the topic that they were made with, and to no other. */
static void another_dead_letter_topic(void **state)
{
    (void)state;
#define LETTERS(topic) "dead_letter { topic = \"" topic "\" }\n"
#define ALL "topic \"^d[0-9]\" { channel = \"o\" }\n"
    check(KAFKA ABLY ORDERS LETTERS("d1"), KAFKA ABLY ORDERS LETTERS("d2"), "dead_letter.topic", "",
        "");
    check(KAFKA ABLY ORDERS, KAFKA ABLY ORDERS LETTERS("d2"), "dead_letter.topic", "", "");
    check(KAFKA ABLY ORDERS LETTERS("d1"), KAFKA ABLY ORDERS, "dead_letter.topic", "", "");
    check(KAFKA ABLY ALL LETTERS("d1"), KAFKA ABLY ALL LETTERS("d2"), "", "dead_letter.topic", "");
    check(KAFKA ABLY ALL LETTERS("d1"), KAFKA ABLY ALL LETTERS("x"), "", "dead_letter.topic", "");
    check(KAFKA ABLY ALL, KAFKA ABLY ALL LETTERS("d1"), "", "dead_letter.topic", "");
}

static struct kb_config *go_over(struct kb_config *from, const char *text, bool rejoins)
{
    struct kb_config *to = load(text);
    struct kb_changes changes;
    assert_true(kb_changes_find(&changes, from, to));
    assert_int_equal(changes.rejoin.len > 0, rejoins);
    assert_true(kb_changes_keep(&changes, from, to));
    kb_changes_deinit(&changes);
    kb_config_unref(from);
    return to;
}

/* What the clients fetch ahead is by the memory that they were made with, however often that has
 * been halved since. */
static void less_memory_than_the_clients_were_made_for(void **state)
{
    (void)state;
#define MEMORY(n) KAFKA ABLY ORDERS "limits { memory = \"" n "\" }\n"
    struct kb_config *config = load(MEMORY("1GiB"));
    config = go_over(config, MEMORY("2GiB"), false);
    config = go_over(config, MEMORY("600MiB"), false);
    config = go_over(config, MEMORY("400MiB"), true);
    config = go_over(config, MEMORY("300MiB"), false);
    config = go_over(config, MEMORY("190MiB"), true);
    kb_config_unref(config);
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

static void which_sides_are_reached_otherwise(void **state)
{
    static const struct {
        const char *more;
        bool ably, registry;
    } cases[] = {
        {"publish { concurrency = 3 }", false, false},
        {"ably { key = \"a.b:secret\", http_open_timeout_ms = 500 }", false, false},
        {"ably { key = \"a.b:secret\", max_message_size = 2000 }", false, false},
        {"ably { key = \"a.b:secret\", endpoint = \"x.com\" }", true, false},
        {"ably { key = \"a.b:secret\", client_id = \"me\" }", true, false},
        {"ably { key = \"a.b:secret\", proxy = \"http://p:1\" }", true, false},
        {"registry { url = \"http://r\" }", false, true},
    };
    (void)state;
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        char text[1000];
        bool own = strstr(cases[i].more, "ably {") != NULL;
        snprintf(text, sizeof(text), "%s%s%s%s", KAFKA, own ? "" : ABLY, ORDERS, cases[i].more);
        struct kb_config *from = load(KAFKA ABLY ORDERS), *to = load(text);
        struct kb_changes changes;
        assert_true(kb_changes_find(&changes, from, to));
        if (changes.ably != cases[i].ably || changes.registry != cases[i].registry)
            fail_msg("%s: ably %d, registry %d", cases[i].more, changes.ably, changes.registry);
        assert_false(changes.kafka);
        kb_changes_deinit(&changes);
        kb_config_unref(from);
        kb_config_unref(to);
    }
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
    struct kb_changes changes;
    assert_true(kb_changes_find(&changes, from, to));
    assert_true(kb_changes_keep(&changes, from, to));
    kb_changes_deinit(&changes);
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
        cmocka_unit_test(another_dead_letter_topic),
        cmocka_unit_test(less_memory_than_the_clients_were_made_for),
        cmocka_unit_test(topics_by_their_names),
        cmocka_unit_test(which_sides_are_reached_otherwise),
        cmocka_unit_test(secrets_are_compared_and_not_shown),
        cmocka_unit_test(what_needs_a_restart_stays_as_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
