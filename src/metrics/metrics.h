/* Every number kably shows, declared once: name, labels and help as Prometheus has them. Three
 * tables: what is counted, what is measured, and what is read off when somebody asks.
 *
 *     kb_metric_add(KB_METRIC_RECORDS_PUBLISHED, 12);
 *     kb_metric_get(KB_METRIC_RECORDS_PUBLISHED);
 *
 *     struct kb_histogram waits = {0};                  // a worker's own: no atomics
 *     kb_histogram_add(&waits, 17);                     // once a record
 *     kb_histogram_publish(&waits, KB_TIMING_RECORD);   // once a turn; empties it
 *
 * Counters and timings are process-wide relaxed atomics: workers add once a batch or request, never
 * once a record. Thread: any; a struct kb_histogram is its owner's. metrics/prometheus.h writes
 * them out. */
#ifndef KB_METRICS_METRICS_H
#define KB_METRICS_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, kind, name, labels, help); rows of one name stand together. */
#define KB_METRICS(X)                                                                              \
    X(RECORDS_CONSUMED, "counter", "kably_records_consumed_total", "", "Records taken from Kafka") \
    X(RECORD_BYTES, "counter", "kably_record_bytes_total", "",                                     \
        "Bytes of keys and values of the records taken from Kafka")                                \
    X(RECORDS_REPEATED, "counter", "kably_records_repeated_total", "",                             \
        "Records Kafka's client handed out a second time, dropped")                                \
    X(RECORDS_PUBLISHED, "counter", "kably_records_published_total", "",                           \
        "Records whose every message Ably has accepted")                                           \
    X(RECORDS_SKIPPED, "counter", "kably_records_skipped_total", "",                               \
        "Records left out by a skip policy")                                                       \
    X(RECORDS_DROPPED, "counter", "kably_records_dropped_total", "",                               \
        "Records dropped by a hook or by null_value = \"skip\"")                                   \
    X(DEAD_LETTERS_DECODE, "counter", "kably_records_dead_lettered_total", "class=\"decode\"",     \
        "Records acknowledged in the dead-letter topic")                                           \
    X(DEAD_LETTERS_MAPPING, "counter", "kably_records_dead_lettered_total", "class=\"mapping\"",   \
        "Records acknowledged in the dead-letter topic")                                           \
    X(DEAD_LETTERS_HOOK, "counter", "kably_records_dead_lettered_total", "class=\"hook\"",         \
        "Records acknowledged in the dead-letter topic")                                           \
    X(DEAD_LETTERS_MESSAGE, "counter", "kably_records_dead_lettered_total", "class=\"message\"",   \
        "Records acknowledged in the dead-letter topic")                                           \
    X(DEAD_LETTERS_PUBLISH, "counter", "kably_records_dead_lettered_total", "class=\"publish\"",   \
        "Records acknowledged in the dead-letter topic")                                           \
    X(DEAD_LETTER_RETRIES, "counter", "kably_dead_letter_retries_total", "",                       \
        "Dead letters written again because the topic did not take them")                          \
    X(MESSAGES_RETRIED, "counter", "kably_messages_retried_total", "",                             \
        "Messages put back to be sent again")                                                      \
    X(MESSAGES_REFUSED, "counter", "kably_messages_refused_total", "",                             \
        "Messages that Ably refused for their own sake")                                           \
    X(CHANNEL_RATE_LIMITS, "counter", "kably_channel_rate_limits_total", "",                       \
        "Messages held back because their channel was over its rate")                              \
    X(MESSAGES_GROUPED, "counter", "kably_messages_grouped_total", "",                             \
        "Messages that Ably's limit of a channel did not count, as they shared a BatchSpec")       \
    X(RATE_LIMITS, "counter", "kably_rate_limits_total", "",                                       \
        "Answers that said the account is over one of its rates")                                  \
    X(ORDER_INVERSIONS, "counter", "kably_order_inversions_total", "",                             \
        "Times Ably refused a message and accepted a later one of its channel")                    \
    X(REQUESTS_OK, "counter", "kably_requests_total", "result=\"ok\"", "Requests sent to Ably")    \
    X(REQUESTS_PARTIAL, "counter", "kably_requests_total", "result=\"partial\"",                   \
        "Requests sent to Ably")                                                                   \
    X(REQUESTS_OUTAGE, "counter", "kably_requests_total", "result=\"outage\"",                     \
        "Requests sent to Ably")                                                                   \
    X(REQUESTS_REFUSED, "counter", "kably_requests_total", "result=\"refused\"",                   \
        "Requests sent to Ably")                                                                   \
    X(REQUESTS_MOVED, "counter", "kably_requests_moved_total", "",                                 \
        "Requests sent once more, to another of Ably's hosts")                                     \
    X(RESPONSES_2XX, "counter", "kably_responses_total", "status=\"2xx\"",                         \
        "Answers to requests sent to Ably, by HTTP status")                                        \
    X(RESPONSES_3XX, "counter", "kably_responses_total", "status=\"3xx\"",                         \
        "Answers to requests sent to Ably, by HTTP status")                                        \
    X(RESPONSES_4XX, "counter", "kably_responses_total", "status=\"4xx\"",                         \
        "Answers to requests sent to Ably, by HTTP status")                                        \
    X(RESPONSES_5XX, "counter", "kably_responses_total", "status=\"5xx\"",                         \
        "Answers to requests sent to Ably, by HTTP status")                                        \
    X(RESPONSES_NONE, "counter", "kably_responses_total", "status=\"none\"",                       \
        "Answers to requests sent to Ably, by HTTP status")                                        \
    X(REQUEST_BYTES, "counter", "kably_request_bytes_total", "",                                   \
        "Bytes of request bodies sent to Ably")                                                    \
    X(HOOK_CUTS, "counter", "kably_hook_cuts_total", "",                                           \
        "Calls of the file's functions ended because their time or memory was over")               \
    X(REGISTRY_OK, "counter", "kably_registry_requests_total", "result=\"ok\"",                    \
        "Requests to the schema registry")                                                         \
    X(REGISTRY_UNKNOWN, "counter", "kably_registry_requests_total", "result=\"unknown\"",          \
        "Requests to the schema registry")                                                         \
    X(REGISTRY_OUTAGE, "counter", "kably_registry_requests_total", "result=\"outage\"",            \
        "Requests to the schema registry")                                                         \
    X(COMMITS, "counter", "kably_commits_total", "", "Offset commits acknowledged")                \
    X(COMMIT_FAILURES, "counter", "kably_commit_failures_total", "", "Offset commits refused")     \
    X(REBALANCES, "counter", "kably_rebalances_total", "", "Rebalances of the consumer group")     \
    X(PAUSES, "counter", "kably_pauses_total", "", "Partitions paused to hold a limit")            \
    X(LATE_ANSWERS, "counter", "kably_late_answers_total", "",                                     \
        "Answers for records of an older assignment, ignored")                                     \
    X(CONFIG_GENERATION, "gauge", "kably_config_generation", "",                                   \
        "The configuration in force: 1 from the start, one more with each reload")                 \
    X(RELOADS, "counter", "kably_config_reloads_total", "", "Reloads of the configuration")        \
    X(RELOAD_FAILURES, "counter", "kably_config_reload_failures_total", "",                        \
        "Reloads that failed and changed nothing")

enum kb_metric {
#define X(id, kind, name, labels, help) KB_METRIC_##id,
    KB_METRICS(X)
#undef X
        KB_METRIC_COUNT
};

/* X(id, name, help): seconds, in buckets. */
#define KB_TIMINGS(X)                                                                        \
    X(RECORD, "kably_record_latency_seconds",                                                \
        "Time from taking a record to its being published or acknowledged as a dead letter") \
    X(REQUEST, "kably_request_duration_seconds", "Time from sending a request to Ably's answer")

enum kb_timing {
#define X(id, name, help) KB_TIMING_##id,
    KB_TIMINGS(X)
#undef X
        KB_TIMING_COUNT
};

/* X(id, kind, name, label names, help): each may have several samples, one for each set of labels;
 * rows of one name do not exist. */
#define KB_VIEWS(X)                                                                    \
    X(BUILD_INFO, "gauge", "kably_build_info", "version,librdkafka,libcurl",           \
        "Always 1; what is running")                                                   \
    X(READY, "gauge", "kably_ready", "", "1 where /readyz says so, else 0")            \
    X(LAST_TURN, "gauge", "kably_worker_last_turn_timestamp_seconds", "worker",        \
        "When the worker's loop last turned; one that stands still is not alive")      \
    X(ASSIGNED, "gauge", "kably_assigned_partitions", "worker",                        \
        "Partitions that the group has given to the worker")                           \
    X(PAUSED, "gauge", "kably_paused_partitions", "worker,reason",                     \
        "Partitions not read now, by reason; one may have several")                    \
    X(LAG, "gauge", "kably_lag_records", "topic,partition",                            \
        "Records from the first without an outcome to the end of the partition")       \
    X(COMMITTED, "gauge", "kably_committed_offset", "topic,partition",                 \
        "The offset this process last committed")                                      \
    X(RECORDS_OPEN, "gauge", "kably_records_in_flight", "worker",                      \
        "Records taken that have no outcome yet")                                      \
    X(MESSAGES_FLYING, "gauge", "kably_messages_in_flight", "worker",                  \
        "Messages in requests that Ably has not answered yet")                         \
    X(MESSAGES_QUEUED, "gauge", "kably_messages_queued", "worker",                     \
        "Messages that wait for their request")                                        \
    X(REQUESTS_FLYING, "gauge", "kably_requests_in_flight", "worker",                  \
        "Requests that Ably has not answered yet")                                     \
    X(DEAD_LETTERS_FAILING, "gauge", "kably_dead_letters_failing", "worker",           \
        "Dead letters that their topic has refused and that are tried again")          \
    X(HELD_BYTES, "gauge", "kably_held_bytes", "worker",                               \
        "Bytes held for records in flight and queued")                                 \
    X(HELD_BYTES_MAX, "gauge", "kably_held_bytes_max", "worker",                       \
        "Above so many held bytes the worker takes nothing more")                      \
    X(OUTAGE, "gauge", "kably_ably_outage", "worker",                                  \
        "1 while Ably takes nothing and is only probed, else 0")                       \
    X(REGISTRY, "gauge", "kably_registry_outage", "worker",                            \
        "1 while records wait for a schema that the registry does not give, else 0")   \
    X(CPU, "counter", "process_cpu_seconds_total", "", "CPU time used, in seconds")    \
    X(RSS, "gauge", "process_resident_memory_bytes", "", "Resident memory in bytes")   \
    X(VIRTUAL, "gauge", "process_virtual_memory_bytes", "", "Virtual memory in bytes") \
    X(START, "gauge", "process_start_time_seconds", "",                                \
        "When the process started, in seconds since 1970")                             \
    X(OPEN_FDS, "gauge", "process_open_fds", "", "Open file descriptors")              \
    X(MAX_FDS, "gauge", "process_max_fds", "", "File descriptors allowed")             \
    X(THREADS, "gauge", "process_threads", "", "Threads")

enum kb_view_row {
#define X(id, kind, name, labels, help) KB_VIEW_##id,
    KB_VIEWS(X)
#undef X
        KB_VIEW_COUNT
};

struct kb_metric_row {
    const char *kind, *name, *labels, *help;
};

extern const struct kb_metric_row kb_metric_rows[KB_METRIC_COUNT];
extern const struct kb_metric_row kb_view_rows[KB_VIEW_COUNT];
extern const struct kb_metric_row kb_timing_rows[KB_TIMING_COUNT];
extern _Atomic uint64_t kb_metric_values[KB_METRIC_COUNT];

/* Upper bounds of a histogram's buckets in milliseconds; one more takes what is above. */
#define KB_BOUNDS_MS \
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000
#define KB_BUCKETS 17

extern const int64_t kb_bounds_ms[KB_BUCKETS - 1];

/* Zero-initialised = empty. */
struct kb_histogram {
    uint64_t n[KB_BUCKETS], sum_ms;
    bool used;
};

static inline void kb_histogram_add(struct kb_histogram *histogram, int64_t ms)
{
    size_t i = 0;
    while (i < KB_BUCKETS - 1 && ms > kb_bounds_ms[i])
        i++;
    histogram->n[i]++;
    histogram->sum_ms += ms > 0 ? (uint64_t)ms : 0;
    histogram->used = true;
}

void kb_histogram_publish(struct kb_histogram *histogram, enum kb_timing timing);
/* What all have published so far. */
void kb_timing_read(enum kb_timing timing, struct kb_histogram *out);

static inline void kb_metric_add(enum kb_metric metric, uint64_t n)
{
    atomic_fetch_add_explicit(&kb_metric_values[metric], n, memory_order_relaxed);
}

static inline uint64_t kb_metric_get(enum kb_metric metric)
{
    return atomic_load_explicit(&kb_metric_values[metric], memory_order_relaxed);
}

#endif
