/* See view.h. Called by pages.c once a request. */
#include "admin/view.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct {
    const char *name, *help;
} kinds[KB_REASON_COUNT] = {
#define X(id, name, help) [KB_REASON_##id] = {name, help},
    KB_REASONS(X)
#undef X
};

const char *kb_reason_name(enum kb_reason_kind kind)
{
    return kinds[kind].name;
}

const char *kb_reason_help(enum kb_reason_kind kind)
{
    return kinds[kind].help;
}

bool kb_view_init(
    struct kb_view *view, struct kb_board *boards, size_t n_boards, const char *config_path)
{
    *view = (struct kb_view){.boards = boards, .config_path = config_path, .n_workers = n_boards};
    view->workers = calloc(n_boards + 1, sizeof(*view->workers));
    view->reasons = calloc(n_boards * KB_REASON_COUNT + 1, sizeof(*view->reasons));
    return view->workers && view->reasons;
}

void kb_view_deinit(struct kb_view *view)
{
    for (size_t i = 0; view->workers && i < view->n_workers; i++)
        kb_worker_status_deinit(&view->workers[i]);
    free(view->workers);
    free(view->reasons);
    *view = (struct kb_view){.n_workers = 0};
}

static struct kb_reason *add_reason(struct kb_view *view, size_t worker, enum kb_reason_kind kind)
{
    struct kb_reason *reason = &view->reasons[view->n_reasons++];
    reason->kind = kind;
    reason->worker = worker;
    reason->detail[0] = '\0';
    return reason;
}

/* Down as last told, and nothing since that would say otherwise. */
static bool kafka_is_down(const struct kb_worker_status *status, int64_t now_ms)
{
    return status->kafka_down_ms > 0 &&
           (!status->assigned || now_ms - status->kafka_down_ms < KB_KAFKA_DOWN_MS);
}

static void judge_outage(struct kb_view *view, size_t worker)
{
    const struct kb_worker_status *status = &view->workers[worker];
    bool credentials = status->outage_class == KB_ABLY_CREDENTIALS ||
                       status->outage_class == KB_ABLY_TOKEN ||
                       status->outage_class == KB_ABLY_DENIED;
    struct kb_reason *reason =
        add_reason(view, worker, credentials ? KB_REASON_CREDENTIALS : KB_REASON_ABLY);
    snprintf(reason->detail, sizeof(reason->detail), "%s; for %" PRId64 " s, %d tries",
        status->outage_text, (view->now_ms - status->outage_since_ms) / 1000, status->outage_tries);
}

static void judge_registry(struct kb_view *view, size_t worker)
{
    const struct kb_registry_status *registry = &view->workers[worker].registry;
    struct kb_reason *reason = add_reason(view, worker, KB_REASON_REGISTRY);
    snprintf(reason->detail, sizeof(reason->detail),
        "%s; for %" PRId64 " s, %u tries, %zu partitions wait", registry->text,
        (view->now_ms - registry->since_ms) / 1000, registry->tries, registry->partitions);
}

static void judge_running(struct kb_view *view, size_t worker)
{
    const struct kb_worker_status *status = &view->workers[worker];
    if (!status->assigned)
        add_reason(view, worker, KB_REASON_NOT_ASSIGNED);
    if (kafka_is_down(status, view->now_ms))
        add_reason(view, worker, KB_REASON_KAFKA);
    if (status->outage)
        judge_outage(view, worker);
    if (status->registry.outage)
        judge_registry(view, worker);
    if (status->letters_failing > 0)
        snprintf(add_reason(view, worker, KB_REASON_DEAD_LETTERS)->detail,
            sizeof(view->reasons->detail), "%zu dead letters wait", status->letters_failing);
}

static void judge_worker(struct kb_view *view, size_t worker)
{
    const struct kb_worker_status *status = &view->workers[worker];
    int64_t still_ms = view->now_ms - status->turned_ms;
    if (still_ms > KB_LIVE_MS && status->state != KB_WORKER_ENDED) {
        view->live = false;
        snprintf(add_reason(view, worker, KB_REASON_STUCK)->detail, sizeof(view->reasons->detail),
            "its last turn was %" PRId64 " s ago", still_ms / 1000);
    }
    if (status->state == KB_WORKER_STARTING)
        add_reason(view, worker, KB_REASON_STARTING);
    else if (status->state == KB_WORKER_RUNNING)
        judge_running(view, worker);
    else
        add_reason(view, worker, KB_REASON_STOPPING);
}

/* From view->workers and now_ms to live, ready and reasons. */
static void judge(struct kb_view *view)
{
    view->live = true;
    view->n_reasons = 0;
    for (size_t i = 0; i < view->n_workers; i++)
        judge_worker(view, i);
    view->ready = view->n_reasons == 0;
}

bool kb_view_take(struct kb_view *view, int64_t now_ms, int64_t wall_ms)
{
    view->now_ms = now_ms;
    view->wall_ms = wall_ms;
    for (size_t i = 0; i < view->n_workers; i++)
        if (!kb_board_read(&view->boards[i], &view->workers[i]))
            return false;
    if (view->reloads)
        kb_reloads_read(view->reloads, &view->reload);
    judge(view);
    return true;
}
