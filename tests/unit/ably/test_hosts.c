/* Which host a request goes to, and where next: RSC15a, f, l and their limits. */
#include "ably/hosts.h"

#include "base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct kb_hosts make(const char *endpoint, int retries)
{
    struct kb_host_list list;
    struct kb_hosts hosts;
    struct kb_err err;
    assert_true(kb_endpoint_hosts(endpoint, NULL, true, 0, &list, &err));
    kb_hosts_init(&hosts, &list, retries, 15000, 600000);
    return hosts;
}

static void the_primary_comes_first_then_each_fallback_once(void **state)
{
    (void)state;
    struct kb_hosts hosts = make(NULL, 10);
    for (uint64_t random = 0; random < 200; random++) {
        struct kb_host_tries tries;
        bool seen[KB_HOSTS_MAX] = {false};
        int n = 0;
        kb_hosts_begin(&hosts, &tries, 1000);
        assert_int_equal(tries.host, 0);
        do {
            assert_false(seen[tries.host]);
            seen[tries.host] = true;
            n++;
        } while (kb_hosts_next(&hosts, &tries, 1000, random * 7919));
        assert_int_equal(n, 6);
    }
}

static void the_order_is_by_chance(void **state)
{
    (void)state;
    struct kb_hosts hosts = make(NULL, 3);
    int second[KB_HOSTS_MAX] = {0};
    for (uint64_t random = 0; random < 500; random++) {
        struct kb_host_tries tries;
        kb_hosts_begin(&hosts, &tries, 1000);
        assert_true(kb_hosts_next(&hosts, &tries, 1000, random));
        second[tries.host]++;
    }
    for (size_t host = 1; host <= 5; host++)
        assert_int_equal(second[host], 100);
}

static void three_other_hosts_are_tried_at_most(void **state)
{
    (void)state;
    struct kb_hosts hosts = make(NULL, 3);
    struct kb_host_tries tries;
    kb_hosts_begin(&hosts, &tries, 1000);
    for (int i = 0; i < 3; i++)
        assert_true(kb_hosts_next(&hosts, &tries, 1000, 1));
    assert_false(kb_hosts_next(&hosts, &tries, 1000, 1));
    hosts = make(NULL, 0);
    kb_hosts_begin(&hosts, &tries, 1000);
    assert_false(kb_hosts_next(&hosts, &tries, 1000, 1));
}

static void no_try_begins_after_fifteen_seconds(void **state)
{
    (void)state;
    struct kb_hosts hosts = make(NULL, 3);
    struct kb_host_tries tries;
    kb_hosts_begin(&hosts, &tries, 1000);
    assert_true(kb_hosts_next(&hosts, &tries, 15999, 1));
    assert_false(kb_hosts_next(&hosts, &tries, 16000, 1));
}

static void a_host_without_fallbacks_is_tried_alone(void **state)
{
    (void)state;
    struct kb_hosts hosts = make("ably.example.org", 3);
    struct kb_host_tries tries;
    kb_hosts_begin(&hosts, &tries, 1000);
    assert_false(kb_hosts_next(&hosts, &tries, 1000, 1));
    assert_false(kb_hosts_worked(&hosts, &tries, 1000));
}

static void a_fallback_that_worked_is_kept_ten_minutes(void **state)
{
    (void)state;
    struct kb_hosts hosts = make(NULL, 3);
    struct kb_host_tries tries, other;
    kb_hosts_begin(&hosts, &tries, 1000);
    assert_true(kb_hosts_next(&hosts, &tries, 1000, 2));
    size_t found = tries.host;
    assert_true(kb_hosts_worked(&hosts, &tries, 2000));
    assert_false(kb_hosts_worked(&hosts, &tries, 500000)); /* its time is not made longer */
    kb_hosts_begin(&hosts, &other, 601999);
    assert_int_equal(other.host, found);
    kb_hosts_begin(&hosts, &other, 602000);
    assert_int_equal(other.host, 0);
}

static void a_kept_fallback_that_fails_gives_way_to_the_primary(void **state)
{
    (void)state;
    struct kb_hosts hosts = make(NULL, 3);
    struct kb_host_tries tries;
    kb_hosts_begin(&hosts, &tries, 1000);
    assert_true(kb_hosts_next(&hosts, &tries, 1000, 2));
    size_t found = tries.host;
    assert_true(kb_hosts_worked(&hosts, &tries, 1000));
    kb_hosts_begin(&hosts, &tries, 5000);
    assert_int_equal(tries.host, found);
    assert_true(kb_hosts_next(&hosts, &tries, 5000, 2));
    assert_int_equal(tries.host, 0);
    assert_true(kb_hosts_next(&hosts, &tries, 5000, 2));
    assert_true(tries.host != 0 && tries.host != found);
    kb_hosts_begin(&hosts, &tries, 5000); /* and no other request begins at it */
    assert_int_equal(tries.host, 0);
}

static void answers_for_which_another_host_is_asked(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool local, other;
        const char *server;
    } cases[] = {
        {0, false, true, NULL},
        {0, true, false, NULL},
        {500, false, true, NULL},
        {501, false, true, NULL},
        {503, false, true, NULL},
        {504, false, true, NULL},
        {505, false, false, NULL},
        {599, false, false, NULL},
        {499, false, false, NULL},
        {200, false, false, "CloudFront"},
        {400, false, true, "CloudFront"},
        {403, false, true, "cloudfront"},
        {429, false, true, "CloudFront"},
        {505, false, true, "CloudFront"},
        {403, false, false, "CloudFrontier"},
        {400, false, false, "nginx"},
        {401, false, false, NULL},
        {404, false, false, NULL},
        {429, false, false, NULL},
        {301, false, false, NULL},
    };
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        struct kb_http_reply reply = {.status = cases[i].status, .local = cases[i].local};
        reply.headers.server = kb_slice_of(cases[i].server);
        if (kb_hosts_unserviceable(&reply) != cases[i].other)
            fail_msg("row %zu: status %d", i, cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_primary_comes_first_then_each_fallback_once),
        cmocka_unit_test(the_order_is_by_chance),
        cmocka_unit_test(three_other_hosts_are_tried_at_most),
        cmocka_unit_test(no_try_begins_after_fifteen_seconds),
        cmocka_unit_test(a_host_without_fallbacks_is_tried_alone),
        cmocka_unit_test(a_fallback_that_worked_is_kept_ten_minutes),
        cmocka_unit_test(a_kept_fallback_that_fails_gives_way_to_the_primary),
        cmocka_unit_test(answers_for_which_another_host_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
