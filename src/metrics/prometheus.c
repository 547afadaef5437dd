/* Writes the tables of metrics.h in Prometheus's text format; see prometheus.h. Called by the admin
 * server once a scrape. */
#include "metrics/prometheus.h"

#include "metrics/named.h"

#include <inttypes.h>
#include <math.h>

static void head(struct kb_buf *out, const struct kb_metric_row *row)
{
    kb_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, row->kind);
}

void kb_prometheus_counters(struct kb_buf *out)
{
    const char *name = "";
    for (size_t i = 0; i < KB_METRIC_COUNT; i++) {
        const struct kb_metric_row *row = &kb_metric_rows[i];
        if (strcmp(row->name, name) != 0)
            head(out, row);
        name = row->name;
        kb_buf_printf(out, *row->labels ? "%s{%s} " : "%s%s ", row->name, row->labels);
        kb_buf_printf(out, "%" PRIu64 "\n", kb_metric_get((enum kb_metric)i));
    }
}

/* Milliseconds as seconds: exact up to 31,000 years. */
static void add_seconds(struct kb_buf *out, uint64_t ms)
{
    kb_buf_printf(out, "%.15g", (double)ms / 1000);
}

static void timing(struct kb_buf *out, enum kb_timing which)
{
    const struct kb_metric_row *row = &kb_timing_rows[which];
    struct kb_histogram seen;
    uint64_t so_far = 0;
    kb_timing_read(which, &seen);
    head(out, row);
    for (size_t i = 0; i < KB_BUCKETS; i++) {
        so_far += seen.n[i];
        kb_buf_printf(out, "%s_bucket{le=\"", row->name);
        if (i < KB_BUCKETS - 1)
            add_seconds(out, (uint64_t)kb_bounds_ms[i]);
        else
            kb_buf_add(out, KB_S("+Inf"));
        kb_buf_printf(out, "\"} %" PRIu64 "\n", so_far);
    }
    kb_buf_printf(out, "%s_sum ", row->name);
    add_seconds(out, seen.sum_ms);
    kb_buf_printf(out, "\n%s_count %" PRIu64 "\n", row->name, so_far);
}

void kb_prometheus_timings(struct kb_buf *out)
{
    for (int i = 0; i < KB_TIMING_COUNT; i++)
        timing(out, (enum kb_timing)i);
}

static void add_named(void *context, const char *name, uint64_t n)
{
    static const struct kb_metric_row row = {"counter", "kably_hook_counter_total", "name",
        "What the file's functions counted, by kably.counter(name):add()"};
    struct kb_buf *out = context;
    if (!memmem(out->ptr ? out->ptr : "", out->len, row.help, strlen(row.help)))
        head(out, &row);
    kb_buf_printf(out, "%s{name=\"%s\"} %" PRIu64 "\n", row.name, name, n);
}

void kb_prometheus_named(struct kb_buf *out)
{
    kb_named_each(add_named, out);
}

void kb_prometheus_head(struct kb_buf *out, enum kb_view_row view)
{
    head(out, &kb_view_rows[view]);
}

static void add_label_value(struct kb_buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n') {
            kb_buf_add(out, KB_S("\\n"));
        } else {
            if (*value == '"' || *value == '\\')
                kb_buf_byte(out, '\\');
            kb_buf_byte(out, *value);
        }
    }
}

/* NAME{a="1",b="2"} from the row's "a,b". */
static void add_labels(struct kb_buf *out, const char *names, const char *const *values)
{
    kb_buf_byte(out, '{');
    for (; *names; values++) {
        size_t len = strcspn(names, ",");
        kb_buf_printf(out, KB_FMT "=\"", (int)len, names);
        add_label_value(out, *values);
        kb_buf_byte(out, '"');
        names += len;
        if (*names) {
            kb_buf_byte(out, ',');
            names++;
        }
    }
    kb_buf_byte(out, '}');
}

void kb_prometheus_sample(
    struct kb_buf *out, enum kb_view_row view, const char *const *labels, double value)
{
    const struct kb_metric_row *row = &kb_view_rows[view];
    kb_buf_add(out, kb_slice_of(row->name));
    if (*row->labels)
        add_labels(out, row->labels, labels);
    bool whole = value == floor(value) && fabs(value) < 0x1p53;
    kb_buf_printf(out, whole ? " %.0f\n" : " %.3f\n", value);
}
