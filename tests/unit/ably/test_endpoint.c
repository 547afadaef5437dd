/* Where Ably is: the endpoint grammar of the specification, REC1a to REC1b4. */
#include "ably/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
    static const char *const wrong[] = {
        "https://ably.example.org", "a b", "a/b", "user@host", "a?b"};
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

static void loopback_is_known(void **state)
{
    (void)state;
    assert_true(kb_endpoint_loopback("127.0.0.1"));
    assert_true(kb_endpoint_loopback("localhost"));
    assert_true(kb_endpoint_loopback("::1"));
    assert_false(kb_endpoint_loopback(NULL));
    assert_true(kb_endpoint_loopback("127.8.9.10"));
    assert_false(kb_endpoint_loopback("127.example.com"));
    assert_false(kb_endpoint_loopback("128.0.0.1"));
    assert_false(kb_endpoint_loopback("localhost.example.org"));
    assert_false(kb_endpoint_loopback("main"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_become_urls),
        cmocka_unit_test(what_is_no_host_is_refused),
        cmocka_unit_test(loopback_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
