/* The table of metrics as Prometheus reads it: heads once a name, buckets that add up, labels that
 * can hold anything. */
#include "metrics/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *text_of(struct kb_buf *out)
{
    kb_buf_byte(out, '\0');
    assert_false(out->failed);
    return out->ptr;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

/* Letters, digits and underscores; counters end in _total, nothing else does. */
static void check_row(const struct kb_metric_row *row)
{
    size_t len = strlen(row->name);
    assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), len);
    bool total = len > 6 && strcmp(row->name + len - 6, "_total") == 0;
    assert_int_equal(total, strcmp(row->kind, "counter") == 0);
    assert_true(strlen(row->help) > 5);
    assert_null(strpbrk(row->help, "\n\\"));
    assert_true(row->help[strlen(row->help) - 1] != '.');
}

static void the_tables_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_METRIC_COUNT; i++) {
        const struct kb_metric_row *row = &kb_metric_rows[i];
        check_row(row);
        for (size_t k = 0; k < i; k++) { /* the same name: the rows between are, too */
            const struct kb_metric_row *other = &kb_metric_rows[k];
            if (strcmp(other->name, row->name) != 0)
                continue;
            assert_string_equal(kb_metric_rows[i - 1].name, row->name);
            assert_string_equal(other->help, row->help);
            assert_string_not_equal(other->labels, row->labels);
        }
    }
    for (size_t i = 0; i < KB_VIEW_COUNT; i++) {
        check_row(&kb_view_rows[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(kb_view_rows[i].name, kb_view_rows[k].name);
        for (size_t k = 0; k < KB_METRIC_COUNT; k++)
            assert_string_not_equal(kb_view_rows[i].name, kb_metric_rows[k].name);
    }
    for (size_t i = 0; i < KB_TIMING_COUNT; i++)
        check_row(&kb_timing_rows[i]);
}

static void a_counter_is_shown(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 1 << 20);
    kb_metric_add(KB_METRIC_RECORDS_PUBLISHED, 41);
    kb_metric_add(KB_METRIC_RECORDS_PUBLISHED, 1);
    kb_metric_add(KB_METRIC_DEAD_LETTERS_HOOK, 7);
    kb_prometheus_counters(&out);
    const char *text = text_of(&out);
    assert_non_null(strstr(text, "\nkably_records_published_total 42\n"));
    assert_non_null(strstr(text, "\nkably_records_dead_lettered_total{class=\"hook\"} 7\n"));
    assert_non_null(strstr(text, "\nkably_records_dead_lettered_total{class=\"decode\"} 0\n"));
    assert_int_equal(count(text, "# TYPE kably_records_dead_lettered_total counter\n"), 1);
    assert_int_equal(count(text, "# HELP kably_records_dead_lettered_total "), 1);
    kb_buf_deinit(&out);
}

static void buckets_add_up(void **state)
{
    (void)state;
    struct kb_histogram mine = {0}, seen;
    struct kb_buf out;
    static const int64_t waits[] = {-5, 0, 1, 2, 3, 10, 11, 250, 999, 120000, 120001, 9000000};
    for (size_t i = 0; i < KB_COUNT(waits); i++)
        kb_histogram_add(&mine, waits[i]);
    kb_histogram_publish(&mine, KB_TIMING_RECORD);
    for (size_t i = 0; i < KB_BUCKETS; i++)
        assert_int_equal(mine.n[i], 0);
    kb_histogram_publish(&mine, KB_TIMING_RECORD); /* empty: nothing happens */
    kb_timing_read(KB_TIMING_RECORD, &seen);
    assert_int_equal(seen.n[0], 3); /* up to 1 ms, the bound itself included */
    assert_int_equal(seen.n[1], 1); /* 2 */
    assert_int_equal(seen.n[2], 1); /* 3 */
    assert_int_equal(seen.n[KB_BUCKETS - 2], 1);
    assert_int_equal(seen.n[KB_BUCKETS - 1], 2);

    kb_buf_init(&out, 1 << 20);
    kb_prometheus_timings(&out);
    const char *text = text_of(&out);
    assert_non_null(strstr(text, "\nkably_record_latency_seconds_bucket{le=\"0.001\"} 3\n"));
    assert_non_null(strstr(text, "\nkably_record_latency_seconds_bucket{le=\"0.01\"} 6\n"));
    assert_non_null(strstr(text, "\nkably_record_latency_seconds_bucket{le=\"120\"} 10\n"));
    assert_non_null(strstr(text, "\nkably_record_latency_seconds_bucket{le=\"+Inf\"} 12\n"));
    assert_non_null(strstr(text, "\nkably_record_latency_seconds_count 12\n"));
    assert_non_null(strstr(text, "\nkably_record_latency_seconds_sum 9241.277\n"));
    assert_non_null(strstr(text, "\nkably_request_duration_seconds_count 0\n"));
    assert_int_equal(count(text, " histogram\n"), KB_TIMING_COUNT);
    kb_buf_deinit(&out);
}

static void labels_can_hold_anything(void **state)
{
    (void)state;
    static const char *const labels[] = {"a\"b\\c\nd", "3"};
    struct kb_buf out;
    kb_buf_init(&out, 1 << 20);
    kb_prometheus_head(&out, KB_VIEW_LAG);
    kb_prometheus_sample(&out, KB_VIEW_LAG, labels, 9007199254740991.0);
    kb_prometheus_sample(&out, KB_VIEW_READY, NULL, 1);
    kb_prometheus_sample(&out, KB_VIEW_CPU, NULL, 0.25);
    assert_string_equal(strstr(text_of(&out), "\nkably_lag"),
        "\nkably_lag_records{topic=\"a\\\"b\\\\c\\nd\",partition=\"3\"} 9007199254740991\n"
        "kably_ready 1\nprocess_cpu_seconds_total 0.250\n");
    kb_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test(a_counter_is_shown),
        cmocka_unit_test(buckets_add_up),
        cmocka_unit_test(labels_can_hold_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
