/* One look at everything the admin server shows, taken once a request so that all of an answer
 * speaks of the same moment; and the judgement whether that is healthy.
 *
 *     struct kb_view view;
 *     kb_view_init(&view, boards, n_boards, "kably.lua")         // false = no memory
 *     kb_view_take(&view, now_ms, wall_ms)                       // again for each request
 *     view.ready, view.live, view.reasons[0 .. view.n_reasons)
 *     kb_view_deinit(&view);
 *
 * Judging is pure: statuses and a time in, reasons out. Thread: its owner's. */
#ifndef KB_ADMIN_VIEW_H
#define KB_ADMIN_VIEW_H

#include "pipeline/reload.h"
#include "pipeline/status.h"

/* A loop that has not turned for so long hangs. A turn takes up to 512 records, each of which may
 * cost a hook its whole time; leaving the group takes seconds. */
#define KB_LIVE_MS 60000
/* librdkafka tells that all brokers are gone, but not that they are back: a member that is still in
 * its group after that long has them back. */
#define KB_KAFKA_DOWN_MS 60000

/* X(id, name, help): why it is not ready. */
#define KB_REASONS(X)                                                                  \
    X(STARTING, "starting", "the worker has not begun yet")                            \
    X(STOPPING, "stopping", "the worker takes no more records")                        \
    X(STUCK, "stuck", "the worker's loop stands still")                                \
    X(NOT_ASSIGNED, "not_assigned", "the consumer group has not told it what to read") \
    X(KAFKA, "kafka_unreachable", "no Kafka broker can be reached")                    \
    X(ABLY, "ably_outage", "Ably takes nothing")                                       \
    X(CREDENTIALS, "ably_credentials", "Ably does not accept the credentials")         \
    X(REGISTRY, "registry_outage", "records wait for a schema")                        \
    X(DEAD_LETTERS, "dead_letter_topic", "the dead-letter topic does not take records")

enum kb_reason_kind {
#define X(id, name, help) KB_REASON_##id,
    KB_REASONS(X)
#undef X
        KB_REASON_COUNT
};

struct kb_reason {
    enum kb_reason_kind kind;
    size_t worker;
    /* Empty, or more than the help tells: no secret, but hosts and Ably's words. */
    char detail[600];
};

struct kb_view {
    struct kb_board *boards;
    const char *config_path;
    struct kb_reloads *reloads; /* borrowed; set it after init; NULL = it can't be reloaded */
    struct kb_reload_report reload;
    size_t n_workers;
    int64_t now_ms, wall_ms;
    struct kb_worker_status *workers;
    bool live, ready;
    struct kb_reason *reasons;
    size_t n_reasons;
};

bool kb_view_init(struct kb_view *view, struct kb_board *boards, size_t n_boards,
    const char *config_path) KB_MUST_CHECK;
void kb_view_deinit(struct kb_view *view);
bool kb_view_take(struct kb_view *view, int64_t now_ms, int64_t wall_ms) KB_MUST_CHECK;

const char *kb_reason_name(enum kb_reason_kind kind);
const char *kb_reason_help(enum kb_reason_kind kind);

#endif
