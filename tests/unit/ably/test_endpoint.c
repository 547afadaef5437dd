/* Where Ably is: the endpoint grammar of the specification, REC1 and REC2. */
#include "ably/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LIST(...) ((char *const *)(const char *const[]){__VA_ARGS__})

static void endpoints_become_urls(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        bool tls;
        int port;
        const char *url;
    } cases[] = {
        {NULL, true, 0, "https://main.realtime.ably.net"},
        {"main", true, 0, "https://main.realtime.ably.net"},
        {"acme", true, 0, "https://acme.realtime.ably.net"},
        {"nonprod:sandbox", true, 0, "https://sandbox.realtime.ably-nonprod.net"},
        {"ably.example.org", true, 8443, "https://ably.example.org:8443"},
        {"localhost", false, 8080, "http://localhost:8080"},
        {"127.0.0.1", false, 1, "http://127.0.0.1:1"},
        {"::1", false, 80, "http://[::1]:80"},
        {"[::1]", false, 80, "http://[::1]:80"},
        {"2001:db8:0:1:2:3:4:5", true, 0, "https://[2001:db8:0:1:2:3:4:5]"},
        {"nonprod:a-b_1", true, 0, "https://a-b_1.realtime.ably-nonprod.net"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char url[512];
        struct kb_err err;
        assert_true(kb_endpoint_url(
            cases[i].endpoint, cases[i].tls, cases[i].port, url, sizeof(url), &err));
        assert_string_equal(url, cases[i].url);
    }
}

static void what_is_no_host_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"https://ably.example.org", "a b", "a/b", "user@host",
        "a?b", "ably.example.org:8443", "[::1", "::1]", "::zz", "[ably.example.org]",
        "nonprod:", "nonprod:a.b", "a:b", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char url[512];
        struct kb_err err;
        assert_false(kb_endpoint_url(wrong[i], true, 0, url, sizeof(url), &err));
        assert_int_equal(err.class, KB_ERR_CONFIG);
        assert_non_null(strstr(err.text, wrong[i]));
    }
    char longest[400], url[512];
    struct kb_err err;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(kb_endpoint_url(longest, true, 0, url, sizeof(url), &err));
}

static void hosts_are(const char *endpoint, char *const *fallbacks, const char *const *expected)
{
    struct kb_host_list hosts;
    struct kb_err err;
    assert_true(kb_endpoint_hosts(endpoint, fallbacks, true, 0, &hosts, &err));
    size_t n = 0;
    for (; expected[n]; n++) {
        assert_true(n < hosts.n);
        assert_string_equal(hosts.url[n], expected[n]);
    }
    assert_int_equal(hosts.n, n);
}

static void fallback_hosts_follow_from_the_endpoint(void **state)
{
    (void)state;
    hosts_are(NULL, NULL,
        (const char *const[]){"https://main.realtime.ably.net",
            "https://main.a.fallback.ably-realtime.com",
            "https://main.b.fallback.ably-realtime.com",
            "https://main.c.fallback.ably-realtime.com",
            "https://main.d.fallback.ably-realtime.com",
            "https://main.e.fallback.ably-realtime.com", NULL}); /* REC2c1 */
    hosts_are("nonprod:sandbox", NULL,
        (const char *const[]){"https://sandbox.realtime.ably-nonprod.net",
            "https://sandbox.a.fallback.ably-realtime-nonprod.com",
            "https://sandbox.b.fallback.ably-realtime-nonprod.com",
            "https://sandbox.c.fallback.ably-realtime-nonprod.com",
            "https://sandbox.d.fallback.ably-realtime-nonprod.com",
            "https://sandbox.e.fallback.ably-realtime-nonprod.com", NULL}); /* REC2c3 */
    hosts_are("acme", NULL,
        (const char *const[]){"https://acme.realtime.ably.net",
            "https://acme.a.fallback.ably-realtime.com",
            "https://acme.b.fallback.ably-realtime.com",
            "https://acme.c.fallback.ably-realtime.com",
            "https://acme.d.fallback.ably-realtime.com",
            "https://acme.e.fallback.ably-realtime.com", NULL}); /* REC2c4 */
    static const char *const alone[] = {
        "ably.example.org", "127.0.0.1", "localhost", "::1", "2001:db8:0:1:2:3:4:5"};
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) { /* REC2c2 */
        struct kb_host_list hosts;
        struct kb_err err;
        assert_true(kb_endpoint_hosts(alone[i], NULL, true, 0, &hosts, &err));
        assert_int_equal(hosts.n, 1);
    }
}

static void fallback_hosts_can_be_given(void **state)
{
    (void)state;
    hosts_are(NULL, (char *const[]){NULL},
        (const char *const[]){"https://main.realtime.ably.net", NULL}); /* TO3k6 */
    hosts_are("ably.example.org", LIST("b.example.org", "::1", "10.0.0.1", NULL),
        (const char *const[]){"https://ably.example.org", "https://b.example.org", "https://[::1]",
            "https://10.0.0.1", NULL}); /* REC2a2 */
    hosts_are("main", LIST("relay", NULL),
        (const char *const[]){"https://main.realtime.ably.net", "https://relay", NULL});
}

static void wrong_or_too_many_fallback_hosts_are_refused(void **state)
{
    (void)state;
    struct kb_host_list hosts;
    struct kb_err err;
    assert_false(kb_endpoint_hosts(
        NULL, LIST("b.example.org", "c.example.org:8443", NULL), true, 0, &hosts, &err));
    assert_non_null(strstr(err.text, "c.example.org:8443"));
    char b[] = "b.example.org", *many[KB_HOSTS_MAX + 1];
    for (size_t i = 0; i < KB_HOSTS_MAX; i++)
        many[i] = b;
    many[KB_HOSTS_MAX] = NULL;
    assert_false(kb_endpoint_hosts(NULL, many, true, 0, &hosts, &err));
    many[KB_HOSTS_MAX - 1] = NULL;
    assert_true(kb_endpoint_hosts(NULL, many, true, 0, &hosts, &err));
    assert_int_equal(hosts.n, KB_HOSTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_become_urls),
        cmocka_unit_test(what_is_no_host_is_refused),
        cmocka_unit_test(fallback_hosts_follow_from_the_endpoint),
        cmocka_unit_test(fallback_hosts_can_be_given),
        cmocka_unit_test(wrong_or_too_many_fallback_hosts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
