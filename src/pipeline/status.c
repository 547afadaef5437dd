/* The board between a worker and its readers (see status.h), and what the worker writes on it. */
#include "pipeline/status.h"

#include "base/utf8.h"
#include "pipeline/worker_state.h"

#include <stdlib.h>

/* ---- the board ---- */

void kb_board_init(struct kb_board *board, int64_t now_ms)
{
    *board = (struct kb_board){.told.at_ms = INT64_MIN / 2};
    pthread_mutex_init(&board->lock, NULL);
    atomic_init(&board->turned_ms, now_ms);
}

void kb_worker_status_deinit(struct kb_worker_status *status)
{
    free(status->partitions);
    *status = (struct kb_worker_status){0};
}

void kb_board_deinit(struct kb_board *board)
{
    kb_worker_status_deinit(&board->shown);
    kb_worker_status_deinit(&board->next);
    pthread_mutex_destroy(&board->lock);
}

static bool make_room(struct kb_worker_status *status, size_t n)
{
    if (n <= status->cap)
        return true;
    struct kb_partition_status *more = realloc(status->partitions, n * sizeof(*more));
    if (!more)
        return false;
    status->partitions = more;
    status->cap = n;
    return true;
}

static void copy(struct kb_worker_status *to, const struct kb_worker_status *from)
{
    struct kb_partition_status *partitions = to->partitions;
    size_t cap = to->cap;
    *to = *from;
    to->partitions = partitions;
    to->cap = cap;
    if (from->n_partitions > 0)
        memcpy(partitions, from->partitions, from->n_partitions * sizeof(*partitions));
}

bool kb_board_read(struct kb_board *board, struct kb_worker_status *out)
{
    pthread_mutex_lock(&board->lock);
    bool fits = make_room(out, board->shown.n_partitions);
    if (fits)
        copy(out, &board->shown);
    pthread_mutex_unlock(&board->lock);
    out->turned_ms = atomic_load_explicit(&board->turned_ms, memory_order_relaxed);
    return fits;
}

struct kb_worker_status *kb_board_begin(struct kb_board *board, size_t n_partitions)
{
    if (!make_room(&board->next, n_partitions))
        return NULL;
    board->next.n_partitions = 0;
    return &board->next;
}

void kb_board_show(struct kb_board *board)
{
    pthread_mutex_lock(&board->lock);
    struct kb_worker_status shown = board->shown;
    board->shown = board->next;
    board->next = shown;
    pthread_mutex_unlock(&board->lock);
}

/* ---- what the worker writes ---- */

static enum kb_worker_state state_of(const struct kb_worker *w)
{
    return w->phase == KB_PHASE_RUNNING ? KB_WORKER_RUNNING
           : w->phase == KB_PHASE_ENDED ? KB_WORKER_ENDED
                                        : KB_WORKER_DRAINING;
}

static void describe_partition(
    struct kb_worker *w, const struct kb_assignment *part, struct kb_partition_status *out)
{
    struct kb_source *src = w->doors.source;
    int64_t lowest = kb_offsets_committable(&part->offsets);
    bool left = w->phase == KB_PHASE_ENDED; /* the source is closed */
    *out = (struct kb_partition_status){.id = part->id,
        .next = kb_offsets_next(&part->offsets),
        .committed = part->committed,
        .log_end = left ? -1 : src->ops->log_end(src, part->slot),
        .lag = -1,
        .open = part->open,
        .paused = part->paused ? part->reasons : 0};
    snprintf(out->topic, sizeof(out->topic), "%s", part->topic);
    if (lowest >= 0 && out->log_end >= 0)
        out->lag = out->log_end > lowest ? out->log_end - lowest : 0;
}

static void describe_outage(const struct kb_publisher_status *pub, struct kb_worker_status *out)
{
    out->outage = pub->outage;
    out->outage_class = pub->outage_class;
    out->outage_since_ms = pub->outage_since_ms;
    out->outage_tries = pub->outage_attempts;
    snprintf(out->outage_text, sizeof(out->outage_text), "%s", pub->outage_text);
    kb_utf8_one_line(out->outage_text, strlen(out->outage_text));
}

static bool registry_fails(const struct kb_worker *w)
{
    return w->waiting.head && w->schemas && kb_schemas_status(w->schemas).outage;
}

static void describe_registry(const struct kb_worker *w, struct kb_registry_status *out)
{
    *out = (struct kb_registry_status){.outage = registry_fails(w)};
    if (!out->outage)
        return;
    struct kb_schemas_status schemas = kb_schemas_status(w->schemas);
    out->since_ms = schemas.outage_since_ms;
    out->tries = schemas.outage_tries;
    for (size_t i = 0; i < w->assignments.n; i++)
        out->partitions += w->assignments.slots[i].waiting > 0;
    snprintf(out->text, sizeof(out->text), "%s", schemas.outage_text);
    kb_utf8_one_line(out->text, strlen(out->text));
}

static void describe(struct kb_worker *w, struct kb_worker_status *out)
{
    const struct kb_publisher_status *pub = kb_publisher_status(w->publisher);
    out->state = state_of(w);
    out->kafka_down_ms = w->doors.source->down_ms;
    out->assigned = w->assigned;
    out->records_open = w->pendings.open;
    out->messages_in_flight = pub->specs_in_flight;
    out->messages_waiting = pub->specs_waiting;
    out->requests_in_flight = pub->requests_in_flight;
    out->bytes = pub->bytes + w->pendings.bytes;
    out->bytes_max = w->memory_high;
    out->letters_failing = 0;
    describe_outage(pub, out);
    describe_registry(w, &out->registry);
    for (size_t i = 0; i < w->assignments.n; i++) {
        const struct kb_assignment *part = &w->assignments.slots[i];
        if (part->state == KB_ASSIGNMENT_FREE)
            continue;
        out->letters_failing += part->letters_failing;
        describe_partition(w, part, &out->partitions[out->n_partitions++]);
    }
}

/* Is it time, or has something changed that a reader should know at once? */
static bool is_due(const struct kb_worker *w, const struct kb_board_told *now)
{
    const struct kb_board_told *told = &w->board->told;
    return told->state != now->state || told->assigned != now->assigned ||
           told->outage != now->outage || told->registry != now->registry ||
           w->now_ms >= told->at_ms + KB_STATUS_INTERVAL_MS;
}

void kb_worker_write_status(struct kb_worker *w)
{
    if (!w->board)
        return;
    struct kb_board_told now = {.state = state_of(w),
        .assigned = w->assigned,
        .outage = kb_publisher_status(w->publisher)->outage,
        .registry = registry_fails(w),
        .at_ms = w->now_ms};
    if (!is_due(w, &now))
        return;
    struct kb_worker_status *status = kb_board_begin(w->board, w->assignments.active);
    if (!status)
        return;
    describe(w, status);
    kb_board_show(w->board);
    w->board->told = now;
}
