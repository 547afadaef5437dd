/* Listening addresses: what is taken, what is refused, and who could reach it. */
#include "base/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
        bool loopback;
        int family;
    } rows[] = {
        {"127.0.0.1:8088", "127.0.0.1:8088", true, AF_INET},
        {"127.255.0.9:1", "127.255.0.9:1", true, AF_INET},
        {"localhost:0", "127.0.0.1:0", true, AF_INET},
        {"0.0.0.0:65535", "0.0.0.0:65535", false, AF_INET},
        {"10.1.2.3:80", "10.1.2.3:80", false, AF_INET},
        {"128.0.0.1:80", "128.0.0.1:80", false, AF_INET},
        {"[::1]:8088", "[::1]:8088", true, AF_INET6},
        {"[::]:8088", "[::]:8088", false, AF_INET6},
        {"[2001:db8::1]:9", "[2001:db8::1]:9", false, AF_INET6},
        {"[::ffff:127.0.0.1]:9", "[::ffff:127.0.0.1]:9", true, AF_INET6},
        {"[::ffff:10.0.0.1]:9", "[::ffff:10.0.0.1]:9", false, AF_INET6},
    };
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        struct kb_address address;
        struct kb_err err;
        char shown[100];
        if (!kb_address_parse(kb_slice_of(rows[i].text), &address, &err))
            fail_msg("%s: %s", rows[i].text, err.text);
        kb_address_format(&address, shown, sizeof(shown));
        assert_string_equal(shown, rows[i].shown);
        assert_int_equal(address.loopback, rows[i].loopback);
        assert_int_equal(address.storage.ss_family, rows[i].family);
        assert_int_equal(
            kb_address_port(&address), (int)strtol(strrchr(rows[i].text, ':') + 1, NULL, 10));
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ":", "8088", ":8088", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 80", "127.0.0.1:80 ",
        "127.0.0.1:0x50", "127.0.0.1:000080", "127.1:80", "::1:8088", "[::1]", "[::1]8088", "[]:80",
        "[127.0.0.1]:80", "[::1:80", "::1]:80", "example.com:80", "LOCALHOST:80", "127.0.0.1.:80",
        "[fe80::1%lo]:80",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111111:1"};
    for (size_t i = 0; i < KB_COUNT(texts); i++) {
        struct kb_address address;
        struct kb_err err;
        if (kb_address_parse(kb_slice_of(texts[i]), &address, &err))
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(err.class, KB_ERR_CONFIG);
        assert_non_null(strstr(err.text, "ADDRESS:PORT"));
    }
    struct kb_address address;
    struct kb_err err;
    assert_false(kb_address_parse((struct kb_slice){NULL, 0}, &address, &err));
    assert_false(kb_address_parse(KB_S("127.0.0.1\0:80"), &address, &err));
}

static void a_url_has_a_host(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority, *host;
    } cases[] = {{"https://ably.example:8443/messages", "ably.example:8443", "ably.example"},
        {"http://u:p@w@[::1]:80?x=@y", "[::1]:80", "[::1]"}, {"socks5h://h", "h", "h"},
        {"http://[::1]", "[::1]", "[::1]"}, {"h:1", "h:1", "h"}, {"", "", ""}};
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        assert_true(kb_slice_is(kb_url_authority(cases[i].url), cases[i].authority));
        assert_true(kb_slice_is(kb_url_host(cases[i].url), cases[i].host));
    }
}

static void this_machine_is_known(void **state)
{
    (void)state;
    static const char *const here[] = {
        "127.0.0.1", "127.8.9.10", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"};
    static const char *const elsewhere[] = {"", "main", "128.0.0.1", "127.example.com",
        "localhost.example.org", "[::2]", "[", "[]", "[127.0.0.1"};
    for (size_t i = 0; i < KB_COUNT(here); i++)
        assert_true(kb_host_is_loopback(kb_slice_of(here[i])));
    for (size_t i = 0; i < KB_COUNT(elsewhere); i++)
        assert_false(kb_host_is_loopback(kb_slice_of(elsewhere[i])));
    assert_false(kb_host_is_loopback((struct kb_slice){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_url_has_a_host),
        cmocka_unit_test(this_machine_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
