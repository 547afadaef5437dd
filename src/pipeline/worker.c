/* The worker's loop, as a list of verbs; each verb is a file of this room. Called by the daemon's
 * threads and by the simulation; owns everything of struct kb_worker, borrows the doors. */
#include "metrics/metrics.h"
#include "pipeline/settings.h"
#include "pipeline/worker_state.h"

#include <inttypes.h>
#include <stdlib.h>

#define MEMORY_HIGH_MIN (1u << 20)
#define SPEC_MAX (64u << 20) /* far above any message; a declared maximum all the same */

static bool open_publisher(struct kb_worker *w, struct kb_err *err)
{
    const struct kb_publisher_callbacks callbacks = {
        .settled = kb_worker_settled, .wanted = kb_worker_wanted, .context = w};
    struct kb_host_list hosts;
    struct kb_publisher_options options;
    if (!kb_settings_publisher(
            w->config, w->number, w->n_workers, w->doors.clock, &hosts, &options, err))
        return false;
    w->publisher = kb_publisher_new(&options, w->doors.transport, w->doors.random, &callbacks, err);
    return w->publisher != NULL;
}

bool kb_worker_schemas_new(const struct kb_worker *w, const struct kb_config *config,
    struct kb_schemas **out, struct kb_err *err)
{
    const struct kb_registry_options options = kb_settings_registry(config);
    *out = NULL;
    if (options.urls)
        *out = kb_schemas_new(&options, w->doors.registry, w->doors.random, err);
    return *out || !options.urls;
}

static bool open_schemas(struct kb_worker *w, struct kb_err *err)
{
    bool ok = kb_worker_schemas_new(w, w->config, &w->schemas, err);
    w->router.schemas = w->schemas;
    return ok;
}

/* What may wait and fly: a quarter of the memory, and no more than keeps every request full while
 * others are away. A longer queue would only make the worker stream through cold memory. Memory is
 * counted in slabs of 256 KiB: with room for fewer than a few, one refused message that is kept
 * would fill it, and the good one behind it that vouches for the key would never be taken. */
static size_t memory_high(const struct kb_config *config, int n_workers)
{
    size_t share = (size_t)config->limits.memory / 4;
    size_t enough = 3 * (size_t)config->publish.concurrency * (size_t)config->publish.max_bytes;
    size_t least = MEMORY_HIGH_MIN * (size_t)n_workers;
    enough = enough > least ? enough : least;
    return (share < enough ? share : enough) / (size_t)n_workers;
}

void kb_worker_set_ceilings(struct kb_worker *w)
{
    w->memory_high = memory_high(w->config, w->n_workers);
    w->memory_low = w->memory_high / 4 * 3;
}

struct kb_worker *kb_worker_new(struct kb_config *config, struct kb_hooks *hooks, int worker,
    int n_workers, const struct kb_doors *doors, struct kb_err *err)
{
    struct kb_worker *w = calloc(1, sizeof(*w));
    if (!w) {
        kb_hooks_free(hooks);
        kb_err_fatal(err, "out of memory for worker %d", worker);
        return NULL;
    }
    w->config = config;
    w->hooks = hooks;
    w->doors = *doors;
    w->number = worker;
    w->n_workers = n_workers;
    w->now_ms = doors->clock->now_ms(doors->clock);
    kb_worker_set_ceilings(w);
    w->channel_seed = doors->random->next(doors->random);
    kb_assignments_init(&w->assignments);
    kb_pendings_init(&w->pendings);
    kb_letters_init(&w->letters);
    kb_waiting_init(&w->waiting);
    kb_topics_init(&w->topics, config);
    kb_buf_init(&w->spec, SPEC_MAX);
    kb_buf_init(&w->extras, SPEC_MAX);
    w->msgpack = config->publish.protocol == KB_PROTOCOL_MSGPACK;

    bool ok =
        (kb_editions_init(&w->editions, config) &&
            kb_router_init(&w->router, (struct kb_slice){NULL, 0}) && kb_sealer_init(&w->sealer)) ||
        kb_err_fatal(err, "out of memory for worker %d", worker);
    ok = ok && (w->hooks || kb_config_hooks(config, &w->hooks, err));
    if (ok)
        kb_router_set_hooks(&w->router, w->hooks);
    if (!ok || !open_publisher(w, err) || !open_schemas(w, err)) {
        kb_worker_free(w);
        return NULL;
    }
    return w;
}

void kb_worker_free(struct kb_worker *w)
{
    if (!w)
        return;
    kb_worker_forget(w);
    kb_publisher_free(w->publisher);
    kb_schemas_free(w->schemas);
    kb_router_deinit(&w->router);
    kb_hooks_free(w->hooks);
    kb_pendings_deinit(&w->pendings);
    kb_assignments_deinit(&w->assignments);
    kb_buf_deinit(&w->spec);
    kb_buf_deinit(&w->extras);
    kb_sealer_deinit(&w->sealer);
    free(w->commit.commits);
    free(w->commit.generations);
    kb_topics_deinit(&w->topics);
    kb_editions_deinit(&w->editions);
    free(w);
}

void kb_worker_show(struct kb_worker *w, struct kb_board *board)
{
    w->board = board;
}

void kb_worker_stop(struct kb_worker *w)
{
    atomic_store(&w->stop_asked, true);
}

void kb_worker_drain(struct kb_worker *w)
{
    if (w->phase != KB_PHASE_RUNNING)
        return;
    w->phase = KB_PHASE_DRAINING;
    w->drain_begun_ms = w->now_ms;
    w->drain_deadline_ms = w->now_ms + w->config->limits.drain_ms;
    kb_log_info("worker", "worker %d: finishing %zu records, %" PRId64 " ms at most", w->number,
        w->pendings.open, w->config->limits.drain_ms);
}

/* What is left of the time a stop may take; in the middle of a rebalance leaving takes a while. */
static void leave_group(struct kb_worker *w)
{
    int64_t left = w->drain_begun_ms + KB_STOP_MS - w->now_ms;
    w->doors.source->ops->close(
        w->doors.source, (int)(left > KB_LEAVE_MIN_MS ? left : KB_LEAVE_MIN_MS));
}

static void step_drain(struct kb_worker *w)
{
    if (w->phase == KB_PHASE_DRAINING &&
        (w->pendings.open == 0 || w->now_ms >= w->drain_deadline_ms)) {
        w->phase = KB_PHASE_COMMITTING;
        w->end.unfinished = w->pendings.open; /* what ends from here on may miss the last commit */
        kb_final_commit_begin(w, KB_LAST_COMMIT_MS);
    }
    if (w->phase == KB_PHASE_COMMITTING && kb_final_commit_ended(w)) {
        if (w->end.unfinished > 0)
            kb_log_warn("worker",
                "worker %d: %" PRIu64
                " records had no outcome in time; they come again at the next start",
                w->number, w->end.unfinished);
        if (kb_commit_left(w))
            kb_log_warn("worker",
                "worker %d: Kafka did not acknowledge the last commit; what was published since "
                "the one "
                "before comes again at the next start, with the same ids",
                w->number);
        leave_group(w);
        w->phase = KB_PHASE_ENDED;
    }
}

static void check_source(struct kb_worker *w)
{
    struct kb_err err;
    if (w->doors.source->ops->failed(w->doors.source, &err))
        kb_worker_fatal(w, &err);
}

static void sweep(struct kb_worker *w)
{
    if (!w->sweep)
        return;
    w->sweep = false;
    kb_publisher_sweep(w->publisher);
    kb_letters_sweep(w);
    kb_waiting_sweep(w);
}

static void count(struct kb_worker *w)
{
    kb_metric_add(KB_METRIC_RECORDS_CONSUMED, w->counts.consumed);
    kb_metric_add(KB_METRIC_RECORD_BYTES, w->counts.bytes);
    kb_metric_add(KB_METRIC_RECORDS_REPEATED, w->counts.repeated);
    kb_metric_add(KB_METRIC_RECORDS_PUBLISHED, w->counts.published);
    kb_metric_add(KB_METRIC_RECORDS_SKIPPED, w->counts.skipped);
    kb_metric_add(KB_METRIC_RECORDS_DROPPED, w->counts.dropped);
    kb_metric_add(KB_METRIC_LATE_ANSWERS, w->counts.late);
    kb_histogram_publish(&w->counts.latency, KB_TIMING_RECORD);
    w->counts = (struct kb_turn_counts){0};
}

void kb_worker_turn(struct kb_worker *w)
{
    if (w->phase == KB_PHASE_ENDED)
        return;
    w->now_ms = w->doors.clock->now_ms(w->doors.clock);
    if (w->board)
        kb_board_turned(w->board, w->now_ms);
    if (atomic_load(&w->stop_asked))
        kb_worker_drain(w);
    check_source(w);
    kb_topics_look(w);
    kb_publisher_step(w->publisher, w->now_ms); /* answers first: they make room */
    kb_worker_release_waiting(w);
    w->resumes = false;
    kb_worker_press(w);
    if (kb_worker_may_take(w)) {
        kb_worker_intake(w);
        kb_publisher_step(w->publisher, w->now_ms);
    }
    kb_worker_write_letters(w);
    sweep(w);
    if (w->phase <= KB_PHASE_DRAINING) /* later, leaving the group is the answer */
        kb_worker_rebalance(w);
    kb_worker_commit(w);
    step_drain(w);
    count(w);
    kb_worker_write_status(w);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t kb_worker_wake_ms(const struct kb_worker *w)
{
    if (((w->more || w->at_record < w->n_records) && kb_worker_may_take(w)) ||
        (w->waiting.unfinished && w->waiting.head) || w->resumes || kb_worker_relieved(w))
        return w->now_ms;
    int64_t wake = kb_publisher_wake_ms(w->publisher, w->now_ms);
    wake = sooner(wake, w->letters.failed_due_ms);
    if (w->schemas)
        wake = sooner(wake, kb_schemas_wake_ms(w->schemas));
    if (w->commit_dirty && !w->commit.outstanding)
        wake = sooner(wake, w->commit_due_ms);
    if (w->full && w->now_ms - w->full_since_ms < KB_STALL_MS)
        wake = sooner(wake, w->full_since_ms + KB_STALL_MS);
    if (kb_topics_hold(w))
        wake = sooner(wake, kb_topics_wake_ms(w));
    bool answers = w->phase <= KB_PHASE_DRAINING;
    if (answers && w->revoke == KB_REVOKE_FLIGHT)
        wake = sooner(wake, w->revoke_deadline_ms);
    if ((answers && w->revoke == KB_REVOKE_COMMIT) || w->phase == KB_PHASE_COMMITTING)
        wake = sooner(wake, w->final.deadline_ms);
    if (w->phase == KB_PHASE_DRAINING)
        wake = sooner(wake, w->pendings.open == 0 ? w->now_ms : w->drain_deadline_ms);
    return wake;
}

bool kb_worker_ended(const struct kb_worker *w, struct kb_worker_end *out)
{
    if (w->phase != KB_PHASE_ENDED)
        return false;
    *out = w->end;
    return true;
}

bool kb_worker_ending(const struct kb_worker *w)
{
    return w->phase != KB_PHASE_RUNNING;
}
