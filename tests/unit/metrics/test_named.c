/* Counters that hooks name: one a name, within bounds, and as Prometheus reads them. */
#include "base/compiler.h"
#include "metrics/named.h"
#include "metrics/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_name_is_one_counter(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 1 << 20);
    kb_prometheus_named(&out);
    assert_int_equal(out.len, 0);
    struct kb_named_counter *a = kb_named_counter(KB_S("orders.big")),
                            *b = kb_named_counter(KB_S("b"));
    assert_non_null(a);
    assert_true(b && b != a);
    assert_ptr_equal(kb_named_counter(KB_S("orders.big")), a);
    kb_named_add(a, 2);
    kb_named_add(kb_named_counter(KB_S("orders.big")), 3);
    kb_prometheus_named(&out);
    kb_buf_byte(&out, '\0');
    assert_string_equal(out.ptr,
        "# HELP kably_hook_counter_total What the file's functions counted, by "
        "kably.counter(name):add()\n"
        "# TYPE kably_hook_counter_total counter\n"
        "kably_hook_counter_total{name=\"orders.big\"} 5\n"
        "kably_hook_counter_total{name=\"b\"} 0\n");
    kb_buf_deinit(&out);
}

static void names_are_bounded(void **state)
{
    (void)state;
    char name[70];
    static const char *const bad[] = {"", "a b", "a\"b", "a\n", "\xc3\xa9"};
    for (size_t i = 0; i < KB_COUNT(bad); i++)
        assert_null(kb_named_counter(kb_slice_of(bad[i])));
    memset(name, 'x', sizeof(name));
    assert_non_null(kb_named_counter((struct kb_slice){name, 63}));
    assert_null(kb_named_counter((struct kb_slice){name, 64}));
    size_t there = 0;
    for (int i = 0; i < 2 * KB_NAMED_MAX; i++) {
        int len = snprintf(name, sizeof(name), "n%d", i);
        there += kb_named_counter((struct kb_slice){name, (size_t)len}) != NULL;
    }
    assert_int_equal(there, KB_NAMED_MAX - 3);
    assert_non_null(kb_named_counter(KB_S("orders.big")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_counter),
        cmocka_unit_test(names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
