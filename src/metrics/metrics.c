/* The tables of metrics and the values behind two of them; see metrics.h. */
#include "metrics/metrics.h"

const struct kb_metric_row kb_metric_rows[KB_METRIC_COUNT] = {
#define X(id, kind, name, labels, help) [KB_METRIC_##id] = {kind, name, labels, help},
    KB_METRICS(X)
#undef X
};

const struct kb_metric_row kb_view_rows[KB_VIEW_COUNT] = {
#define X(id, kind, name, labels, help) [KB_VIEW_##id] = {kind, name, labels, help},
    KB_VIEWS(X)
#undef X
};

const struct kb_metric_row kb_timing_rows[KB_TIMING_COUNT] = {
#define X(id, name, help) [KB_TIMING_##id] = {"histogram", name, "", help},
    KB_TIMINGS(X)
#undef X
};

_Atomic uint64_t kb_metric_values[KB_METRIC_COUNT];

const int64_t kb_bounds_ms[KB_BUCKETS - 1] = {KB_BOUNDS_MS};

static struct {
    _Atomic uint64_t n[KB_BUCKETS], sum_ms;
} timings[KB_TIMING_COUNT];

void kb_histogram_publish(struct kb_histogram *histogram, enum kb_timing timing)
{
    if (!histogram->used)
        return;
    for (size_t i = 0; i < KB_BUCKETS; i++)
        if (histogram->n[i])
            atomic_fetch_add_explicit(&timings[timing].n[i], histogram->n[i], memory_order_relaxed);
    atomic_fetch_add_explicit(&timings[timing].sum_ms, histogram->sum_ms, memory_order_relaxed);
    *histogram = (struct kb_histogram){.used = false};
}

void kb_timing_read(enum kb_timing timing, struct kb_histogram *out)
{
    for (size_t i = 0; i < KB_BUCKETS; i++)
        out->n[i] = atomic_load_explicit(&timings[timing].n[i], memory_order_relaxed);
    out->sum_ms = atomic_load_explicit(&timings[timing].sum_ms, memory_order_relaxed);
    out->used = true;
}
