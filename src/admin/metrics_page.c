/* GET /metrics: the counters and timings as they stand, and the gauges read off a view. Called by
 * pages.c. */
#include "admin/pages.h"
#include "admin/process.h"
#include "metrics/prometheus.h"

#include <curl/curl.h>
#include <librdkafka/rdkafka.h>

static void add_one(struct kb_buf *out, enum kb_view_row row, double value)
{
    kb_prometheus_head(out, row);
    kb_prometheus_sample(out, row, NULL, value);
}

static void add_build_info(struct kb_buf *out)
{
    const char *const labels[] = {
        KABLY_VERSION, rd_kafka_version_str(), curl_version_info(CURLVERSION_NOW)->version};
    kb_prometheus_head(out, KB_VIEW_BUILD_INFO);
    kb_prometheus_sample(out, KB_VIEW_BUILD_INFO, labels, 1);
}

/* ---- one sample a worker ---- */

static double last_turn(const struct kb_view *view, const struct kb_worker_status *status)
{
    return (double)(view->wall_ms - (view->now_ms - status->turned_ms)) / 1000;
}

/* Each row is a gauge with the label worker. */
#define WORKER_GAUGES(X)                             \
    X(LAST_TURN, last_turn(view, status))            \
    X(ASSIGNED, status->n_partitions)                \
    X(RECORDS_OPEN, status->records_open)            \
    X(MESSAGES_FLYING, status->messages_in_flight)   \
    X(MESSAGES_QUEUED, status->messages_waiting)     \
    X(REQUESTS_FLYING, status->requests_in_flight)   \
    X(DEAD_LETTERS_FAILING, status->letters_failing) \
    X(HELD_BYTES, status->bytes)                     \
    X(HELD_BYTES_MAX, status->bytes_max)             \
    X(OUTAGE, status->outage)                        \
    X(REGISTRY, status->registry.outage)

static double value_of(
    const struct kb_view *view, const struct kb_worker_status *status, enum kb_view_row row)
{
    switch (row) {
#define X(id, value)   \
    case KB_VIEW_##id: \
        return (double)(value);
        WORKER_GAUGES(X)
#undef X
    default:
        return 0;
    }
}

static void add_worker_gauges(struct kb_buf *out, const struct kb_view *view)
{
    static const enum kb_view_row rows[] = {
#define X(id, value) KB_VIEW_##id,
        WORKER_GAUGES(X)
#undef X
    };
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        kb_prometheus_head(out, rows[i]);
        for (size_t worker = 0; worker < view->n_workers; worker++) {
            char number[24];
            const char *const labels[] = {number};
            snprintf(number, sizeof(number), "%zu", worker);
            kb_prometheus_sample(
                out, rows[i], labels, value_of(view, &view->workers[worker], rows[i]));
        }
    }
}

/* All reasons, also those that hold of nothing: a series that comes and goes can't be alerted on.
 */
static void add_paused(struct kb_buf *out, const struct kb_view *view)
{
    kb_prometheus_head(out, KB_VIEW_PAUSED);
    for (size_t worker = 0; worker < view->n_workers; worker++) {
        const struct kb_worker_status *status = &view->workers[worker];
        for (unsigned bit = 0; bit < KB_PAUSE_REASON_COUNT; bit++) {
            char number[24];
            const char *const labels[] = {number, kb_pause_reason_name(1u << bit)};
            unsigned n = 0;
            for (size_t i = 0; i < status->n_partitions; i++)
                n += status->partitions[i].paused >> bit & 1;
            snprintf(number, sizeof(number), "%zu", worker);
            kb_prometheus_sample(out, KB_VIEW_PAUSED, labels, n);
        }
    }
}

/* ---- one sample a partition, where its value is known ---- */

static int64_t lag_of(const struct kb_partition_status *part)
{
    return part->lag;
}

static int64_t committed_of(const struct kb_partition_status *part)
{
    return part->committed;
}

static void add_partitions(struct kb_buf *out, const struct kb_view *view, enum kb_view_row row,
    int64_t (*value)(const struct kb_partition_status *part))
{
    kb_prometheus_head(out, row);
    for (size_t worker = 0; worker < view->n_workers; worker++) {
        const struct kb_worker_status *status = &view->workers[worker];
        for (size_t i = 0; i < status->n_partitions; i++) {
            const struct kb_partition_status *part = &status->partitions[i];
            char number[24];
            const char *const labels[] = {part->topic, number};
            snprintf(number, sizeof(number), "%d", part->id);
            if (value(part) >= 0)
                kb_prometheus_sample(out, row, labels, (double)value(part));
        }
    }
}

/* ---- the process ---- */

static void add_process(struct kb_buf *out)
{
    struct kb_process process;
    kb_process_read(&process);
    add_one(out, KB_VIEW_CPU, process.cpu_seconds);
    add_one(out, KB_VIEW_RSS, (double)process.resident_bytes);
    add_one(out, KB_VIEW_VIRTUAL, (double)process.virtual_bytes);
    add_one(out, KB_VIEW_START, process.started);
    add_one(out, KB_VIEW_OPEN_FDS, process.open_fds);
    add_one(out, KB_VIEW_MAX_FDS, (double)process.max_fds);
    add_one(out, KB_VIEW_THREADS, process.threads);
}

void kb_page_metrics(struct kb_page *page, const struct kb_view *view)
{
    struct kb_buf *out = &page->body;
    page->content_type = KB_PROMETHEUS_TYPE;
    add_build_info(out);
    add_one(out, KB_VIEW_READY, view->ready);
    kb_prometheus_counters(out);
    kb_prometheus_timings(out);
    add_worker_gauges(out, view);
    add_paused(out, view);
    add_partitions(out, view, KB_VIEW_LAG, lag_of);
    add_partitions(out, view, KB_VIEW_COMMITTED, committed_of);
    add_process(out);
    kb_prometheus_named(out);
}
