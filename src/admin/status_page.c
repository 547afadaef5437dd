/* GET /status: everything at a glance, as JSON for programs and as a table for people. Called by
 * pages.c. */
#include "admin/pages.h"
#include "admin/process.h"
#include "base/utf8.h"
#include "metrics/metrics.h"
#include "value/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_PARTITIONS_MAX 50 /* those with the largest lag; JSON has all */

static const char *const states[] = {[KB_WORKER_STARTING] = "starting",
    [KB_WORKER_RUNNING] = "running",
    [KB_WORKER_DRAINING] = "stopping",
    [KB_WORKER_ENDED] = "ended"};

/* What was counted since the start, as both forms show it. */
#define TOTALS(X)                                                    \
    X("taken", kb_metric_get(KB_METRIC_RECORDS_CONSUMED))            \
    X("published", kb_metric_get(KB_METRIC_RECORDS_PUBLISHED))       \
    X("skipped", kb_metric_get(KB_METRIC_RECORDS_SKIPPED))           \
    X("dropped", kb_metric_get(KB_METRIC_RECORDS_DROPPED))           \
    X("dead_lettered", dead_lettered())                              \
    X("messages_retried", kb_metric_get(KB_METRIC_MESSAGES_RETRIED)) \
    X("messages_refused", kb_metric_get(KB_METRIC_MESSAGES_REFUSED)) \
    X("order_inversions", kb_metric_get(KB_METRIC_ORDER_INVERSIONS)) \
    X("requests", requests())                                        \
    X("request_bytes", kb_metric_get(KB_METRIC_REQUEST_BYTES))

static uint64_t dead_lettered(void)
{
    uint64_t n = 0;
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        n += kb_metric_get((enum kb_metric)(KB_METRIC_DEAD_LETTERS_DECODE + i));
    return n;
}

static uint64_t requests(void)
{
    return kb_metric_get(KB_METRIC_REQUESTS_OK) + kb_metric_get(KB_METRIC_REQUESTS_PARTIAL) +
           kb_metric_get(KB_METRIC_REQUESTS_OUTAGE) + kb_metric_get(KB_METRIC_REQUESTS_REFUSED);
}

static int64_t uptime_seconds(const struct kb_view *view)
{
    struct kb_process process;
    kb_process_read(&process);
    int64_t up = view->wall_ms / 1000 - (int64_t)process.started;
    return up > 0 ? up : 0;
}

/* ---- JSON ---- */

/* Foreign bytes may be in a text; what is no UTF-8 must not make the answer no JSON. */
static void add_text(struct kb_buf *out, const char *name, const char *text)
{
    kb_buf_printf(out, "\"%s\":", name);
    kb_json_string(out, (struct kb_slice){text, kb_utf8_prefix(kb_slice_of(text))});
}

void kb_page_reasons(struct kb_page *page, const struct kb_view *view, bool details)
{
    struct kb_buf *out = &page->body;
    kb_buf_byte(out, '[');
    for (size_t i = 0; i < view->n_reasons; i++) {
        const struct kb_reason *reason = &view->reasons[i];
        kb_buf_printf(out, "%s{\"reason\":\"%s\",\"worker\":%zu,", i ? "," : "",
            kb_reason_name(reason->kind), reason->worker);
        add_text(out, "text", kb_reason_help(reason->kind));
        if (details && *reason->detail) {
            kb_buf_byte(out, ',');
            add_text(out, "detail", reason->detail);
        }
        kb_buf_byte(out, '}');
    }
    kb_buf_byte(out, ']');
}

static void add_outage(
    struct kb_buf *out, const struct kb_view *view, const struct kb_worker_status *status)
{
    if (!status->outage) {
        kb_buf_add(out, KB_S("\"outage\":null"));
        return;
    }
    kb_buf_printf(out, "\"outage\":{\"seconds\":%" PRId64 ",\"tries\":%d,\"class\":\"%s\",",
        (view->now_ms - status->outage_since_ms) / 1000, status->outage_tries,
        kb_ably_class_name(status->outage_class));
    add_text(out, "text", status->outage_text);
    kb_buf_byte(out, '}');
}

static void add_registry(
    struct kb_buf *out, const struct kb_view *view, const struct kb_registry_status *registry)
{
    if (!registry->outage) {
        kb_buf_add(out, KB_S(",\"registry_outage\":null"));
        return;
    }
    kb_buf_printf(out,
        ",\"registry_outage\":{\"seconds\":%" PRId64 ",\"tries\":%u,\"partitions\":%zu,",
        (view->now_ms - registry->since_ms) / 1000, registry->tries, registry->partitions);
    add_text(out, "text", registry->text);
    kb_buf_byte(out, '}');
}

static void add_worker(struct kb_buf *out, const struct kb_view *view, size_t worker)
{
    const struct kb_worker_status *status = &view->workers[worker];
    kb_buf_printf(out,
        "{\"worker\":%zu,\"state\":\"%s\",\"last_turn_ms\":%" PRId64
        ",\"assigned\":%s,\"partitions\":%zu,\"records_in_flight\":%zu,"
        "\"messages_in_flight\":%zu,\"messages_queued\":%zu,\"requests_in_flight\":%zu,"
        "\"held_bytes\":%zu,\"held_bytes_max\":%zu,\"dead_letters_failing\":%zu,",
        worker, states[status->state], view->now_ms - status->turned_ms,
        status->assigned ? "true" : "false", status->n_partitions, status->records_open,
        status->messages_in_flight, status->messages_waiting, status->requests_in_flight,
        status->bytes, status->bytes_max, status->letters_failing);
    add_outage(out, view, status);
    add_registry(out, view, &status->registry);
    kb_buf_byte(out, '}');
}

/* null where it isn't known. */
static void add_known(struct kb_buf *out, const char *name, int64_t value)
{
    if (value >= 0)
        kb_buf_printf(out, ",\"%s\":%" PRId64, name, value);
    else
        kb_buf_printf(out, ",\"%s\":null", name);
}

static void add_partition(struct kb_buf *out, size_t worker, const struct kb_partition_status *part)
{
    kb_buf_byte(out, '{');
    add_text(out, "topic", part->topic);
    kb_buf_printf(out, ",\"partition\":%d,\"worker\":%zu,\"records_in_flight\":%zu", part->id,
        worker, part->open);
    add_known(out, "next", part->next);
    add_known(out, "committed", part->committed);
    add_known(out, "log_end", part->log_end);
    add_known(out, "lag", part->lag);
    kb_buf_add(out, KB_S(",\"paused\":["));
    bool first = true;
    for (unsigned bit = 0; bit < KB_PAUSE_REASON_COUNT; bit++) {
        if (!(part->paused >> bit & 1))
            continue;
        kb_buf_printf(out, "%s\"%s\"", first ? "" : ",", kb_pause_reason_name(1u << bit));
        first = false;
    }
    kb_buf_add(out, KB_S("]}"));
}

static void add_reload(struct kb_buf *out, const struct kb_view *view)
{
    const struct kb_reload_report *reload = &view->reload;
    if (!view->reloads)
        return;
    kb_buf_printf(out,
        ",\"generation\":%" PRIu64 ",\"reloads\":%" PRIu64 ",\"reload_failures\":%" PRIu64
        ",\"last_reload\":",
        reload->generation, reload->reloads, reload->failures);
    if (reload->at_wall_ms == 0) {
        kb_buf_add(out, KB_S("null"));
        return;
    }
    kb_buf_printf(out, "{\"at_ms\":%" PRId64 ",\"ok\":%s,", reload->at_wall_ms,
        reload->failed ? "false" : "true");
    add_text(out, "text", reload->text);
    kb_buf_byte(out, '}');
}

void kb_page_status_json(struct kb_page *page, const struct kb_view *view)
{
    struct kb_buf *out = &page->body;
    const char *comma = "";
    kb_buf_printf(out, "{\"version\":\"%s\",\"pid\":%d,\"uptime_seconds\":%" PRId64 ",",
        KABLY_VERSION, (int)getpid(), uptime_seconds(view));
    add_text(out, "config", view->config_path);
    add_reload(out, view);
    kb_buf_printf(out, ",\"live\":%s,\"ready\":%s,\"reasons\":", view->live ? "true" : "false",
        view->ready ? "true" : "false");
    kb_page_reasons(page, view, true);
    kb_buf_add(out, KB_S(",\"totals\":{"));
#define X(name, value)                                             \
    kb_buf_printf(out, "%s\"%s\":%" PRIu64, comma, name, (value)); \
    comma = ",";
    TOTALS(X)
#undef X
    kb_buf_add(out, KB_S("},\"workers\":["));
    for (size_t i = 0; i < view->n_workers; i++) {
        kb_buf_add(out, i ? KB_S(",") : KB_S(""));
        add_worker(out, view, i);
    }
    kb_buf_add(out, KB_S("],\"partitions\":["));
    comma = "";
    for (size_t worker = 0; worker < view->n_workers; worker++) {
        for (size_t i = 0; i < view->workers[worker].n_partitions; i++, comma = ",") {
            kb_buf_add(out, kb_slice_of(comma));
            add_partition(out, worker, &view->workers[worker].partitions[i]);
        }
    }
    kb_buf_add(out, KB_S("]}\n"));
}

/* ---- a table for people ---- */

static void add_duration(struct kb_buf *out, int64_t seconds)
{
    if (seconds < 60)
        kb_buf_printf(out, "%" PRId64 " s", seconds);
    else if (seconds < 3600)
        kb_buf_printf(out, "%" PRId64 " min", seconds / 60);
    else if (seconds < 86400)
        kb_buf_printf(out, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
    else
        kb_buf_printf(out, "%" PRId64 " d %" PRId64 " h", seconds / 86400, seconds / 3600 % 24);
}

static void add_last_reload(struct kb_buf *out, const struct kb_view *view)
{
    const struct kb_reload_report *reload = &view->reload;
    if (reload->at_wall_ms == 0)
        return;
    kb_buf_printf(out, "  last reload %s, ", reload->failed ? "FAILED" : "went well");
    add_duration(out, (view->wall_ms - reload->at_wall_ms) / 1000);
    kb_buf_printf(out, " ago: %s\n", reload->text);
}

static void add_head(struct kb_buf *out, const struct kb_view *view)
{
    kb_buf_printf(out, "kably %s, process %d, up ", KABLY_VERSION, (int)getpid());
    add_duration(out, uptime_seconds(view));
    kb_buf_printf(out, ", %s\n%s\n", view->config_path, view->ready ? "ready" : "not ready");
    for (size_t i = 0; i < view->n_reasons; i++) {
        const struct kb_reason *reason = &view->reasons[i];
        kb_buf_printf(out, "  worker %zu: %s: %s%s%s\n", reason->worker,
            kb_reason_name(reason->kind), kb_reason_help(reason->kind), *reason->detail ? ": " : "",
            reason->detail);
    }
    add_last_reload(out, view);
    kb_buf_byte(out, '\n');
#define X(name, value) kb_buf_printf(out, "%-16s %12" PRIu64 "\n", name, (value));
    TOTALS(X)
#undef X
}

static void add_workers(struct kb_buf *out, const struct kb_view *view)
{
    kb_buf_printf(out, "\n%6s  %-8s  %10s  %9s  %8s  %8s  %s\n", "WORKER", "STATE", "PARTITIONS",
        "IN FLIGHT", "QUEUED", "REQUESTS", "HELD MiB");
    for (size_t i = 0; i < view->n_workers; i++) {
        const struct kb_worker_status *status = &view->workers[i];
        kb_buf_printf(out, "%6zu  %-8s  %10zu  %9zu  %8zu  %8zu  %.1f of %.0f\n", i,
            states[status->state], status->n_partitions, status->records_open,
            status->messages_waiting, status->requests_in_flight, (double)status->bytes / 0x1p20,
            (double)status->bytes_max / 0x1p20);
    }
}

/* The largest lag first, an unknown one last. */
static int by_lag(const void *a, const void *b)
{
    const struct kb_partition_status *one = *(const struct kb_partition_status *const *)a;
    const struct kb_partition_status *other = *(const struct kb_partition_status *const *)b;
    if (one->lag != other->lag)
        return one->lag < other->lag ? 1 : -1;
    int order = strcmp(one->topic, other->topic);
    return order ? order : one->id - other->id;
}

static void add_number(struct kb_buf *out, int64_t value)
{
    if (value >= 0)
        kb_buf_printf(out, "  %12" PRId64, value);
    else
        kb_buf_printf(out, "  %12s", "-");
}

static void add_line(struct kb_buf *out, const struct kb_partition_status *part)
{
    kb_buf_printf(out, "%-32s  %9d", part->topic, part->id);
    add_number(out, part->lag);
    add_number(out, (int64_t)part->open);
    add_number(out, part->committed);
    for (unsigned bit = 0; bit < KB_PAUSE_REASON_COUNT; bit++)
        if (part->paused >> bit & 1)
            kb_buf_printf(out, "  %s", kb_pause_reason_name(1u << bit));
    kb_buf_byte(out, '\n');
}

static void add_partitions(struct kb_buf *out, const struct kb_view *view)
{
    size_t n = 0;
    for (size_t worker = 0; worker < view->n_workers; worker++)
        n += view->workers[worker].n_partitions;
    const struct kb_partition_status **all = calloc(n + 1, sizeof(*all));
    if (!all || n == 0) {
        free(all);
        return;
    }
    n = 0;
    for (size_t worker = 0; worker < view->n_workers; worker++)
        for (size_t i = 0; i < view->workers[worker].n_partitions; i++)
            all[n++] = &view->workers[worker].partitions[i];
    qsort(all, n, sizeof(*all), by_lag);
    kb_buf_printf(out, "\n%-32s  %9s  %12s  %12s  %12s  %s\n", "TOPIC", "PARTITION", "LAG",
        "IN FLIGHT", "COMMITTED", "PAUSED");
    for (size_t i = 0; i < n && i < TEXT_PARTITIONS_MAX; i++)
        add_line(out, all[i]);
    if (n > TEXT_PARTITIONS_MAX)
        kb_buf_printf(out, "... and %zu more with no larger lag; the JSON has them\n",
            n - TEXT_PARTITIONS_MAX);
    free(all);
}

void kb_page_status_text(struct kb_page *page, const struct kb_view *view)
{
    add_head(&page->body, view);
    add_workers(&page->body, view);
    add_partitions(&page->body, view);
}
