/* Every number kably counts, declared once: name, labels and help as Prometheus shows them.
 *
 *     kb_metric_add(KB_METRIC_RECORDS_PUBLISHED, 12);
 *     kb_metric_get(KB_METRIC_RECORDS_PUBLISHED);
 *
 * Process-wide relaxed atomics: workers add once a batch or request, never once a record. Thread:
 * any. */
#ifndef KB_METRICS_METRICS_H
#define KB_METRICS_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* X(id, kind, name, labels, help); rows of one name stand together. */
#define KB_METRICS(X)                                                                              \
    X(RECORDS_CONSUMED, "counter", "kably_records_consumed_total", "", "Records taken from Kafka") \
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
    X(ORDER_INVERSIONS, "counter", "kably_order_inversions_total", "",                             \
        "Times Ably refused a message and accepted a later one of its channel")                    \
    X(REQUESTS_OK, "counter", "kably_requests_total", "result=\"ok\"", "Requests sent to Ably")    \
    X(REQUESTS_PARTIAL, "counter", "kably_requests_total", "result=\"partial\"",                   \
        "Requests sent to Ably")                                                                   \
    X(REQUESTS_OUTAGE, "counter", "kably_requests_total", "result=\"outage\"",                     \
        "Requests sent to Ably")                                                                   \
    X(REQUESTS_REFUSED, "counter", "kably_requests_total", "result=\"refused\"",                   \
        "Requests sent to Ably")                                                                   \
    X(REQUEST_BYTES, "counter", "kably_request_bytes_total", "",                                   \
        "Bytes of request bodies sent to Ably")                                                    \
    X(COMMITS, "counter", "kably_commits_total", "", "Offset commits acknowledged")                \
    X(COMMIT_FAILURES, "counter", "kably_commit_failures_total", "", "Offset commits refused")     \
    X(REBALANCES, "counter", "kably_rebalances_total", "", "Rebalances of the consumer group")     \
    X(PAUSES, "counter", "kably_pauses_total", "", "Partitions paused to hold a limit")            \
    X(LATE_ANSWERS, "counter", "kably_late_answers_total", "",                                     \
        "Answers for records of an older assignment, ignored")

enum kb_metric {
#define X(id, kind, name, labels, help) KB_METRIC_##id,
    KB_METRICS(X)
#undef X
        KB_METRIC_COUNT
};

struct kb_metric_row {
    const char *kind, *name, *labels, *help;
};

extern const struct kb_metric_row kb_metric_rows[KB_METRIC_COUNT];
extern _Atomic uint64_t kb_metric_values[KB_METRIC_COUNT];

static inline void kb_metric_add(enum kb_metric metric, uint64_t n)
{
    atomic_fetch_add_explicit(&kb_metric_values[metric], n, memory_order_relaxed);
}

static inline uint64_t kb_metric_get(enum kb_metric metric)
{
    return atomic_load_explicit(&kb_metric_values[metric], memory_order_relaxed);
}

#endif
