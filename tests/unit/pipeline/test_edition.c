/* Which configurations a worker keeps: the one in force, and those with open records. */
#include "pipeline/edition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct kb_config *load(void)
{
    static const char text[] = "kafka { [\"bootstrap.servers\"] = \"b\", [\"group.id\"] = \"g\" }\n"
                               "ably { key = \"a.b:c\" }\n"
                               "topic \"t\" { channel = \"c\" }\n";
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load_text("t.lua", kb_slice_of(text), &problems);
    assert_non_null(config);
    kb_problems_deinit(&problems);
    return config;
}

static unsigned references(struct kb_config *config)
{
    return atomic_load(&config->references);
}

static size_t count(const struct kb_editions *editions)
{
    size_t n = 0;
    for (const struct kb_edition *edition = editions->now; edition; edition = edition->next)
        n++;
    return n;
}

static void an_edition_stays_while_records_of_it_are_open(void **state)
{
    (void)state;
    struct kb_config *first = load(), *second = load();
    struct kb_editions editions;
    assert_true(kb_editions_init(&editions, first));
    struct kb_edition *old = kb_edition_use(editions.now);
    assert_ptr_equal(kb_edition_use(old), old);
    assert_true(kb_editions_replace(&editions, second));
    assert_ptr_equal(editions.now->config, second);
    assert_int_equal(count(&editions), 2);
    kb_edition_done(&editions, old);
    assert_int_equal(references(first), 2);
    kb_edition_done(&editions, old);
    assert_int_equal(references(first), 1);
    assert_int_equal(count(&editions), 1);
    kb_editions_deinit(&editions);
    assert_int_equal(references(second), 1);
    kb_config_unref(first);
    kb_config_unref(second);
}

static void the_one_in_force_stays_without_records(void **state)
{
    (void)state;
    struct kb_config *config = load();
    struct kb_editions editions;
    assert_true(kb_editions_init(&editions, config));
    kb_edition_done(&editions, kb_edition_use(editions.now));
    assert_ptr_equal(editions.now->config, config);
    kb_editions_deinit(&editions);
    kb_config_unref(config);
}

static void many_reloads_leave_nothing_behind(void **state)
{
    (void)state;
    struct kb_config *config = load();
    struct kb_editions editions;
    assert_true(kb_editions_init(&editions, config));
    struct kb_edition *held[10];
    for (int i = 0; i < 100; i++) {
        if (i % 10 == 0)
            held[i / 10] = kb_edition_use(editions.now);
        assert_true(kb_editions_replace(&editions, config));
    }
    assert_int_equal(count(&editions), 11);
    for (int i = 0; i < 10; i++)
        kb_edition_done(&editions, held[(i * 7) % 10]);
    assert_int_equal(count(&editions), 1);
    kb_editions_deinit(&editions);
    assert_int_equal(references(config), 1);
    kb_config_unref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edition_stays_while_records_of_it_are_open),
        cmocka_unit_test(the_one_in_force_stays_without_records),
        cmocka_unit_test(many_reloads_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
