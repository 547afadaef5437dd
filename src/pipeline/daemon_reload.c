/* How the workers go over to another configuration, as main has it done; called by daemon.c.
 *
 * It goes to the running workers (adopt.c) where it can, in two steps: each makes ready all that
 * can fail of it, and only where all could do they go over. So every worker has the new one, or
 * every worker has the old one.
 *
 * What belongs to their Kafka clients can't be changed in them: then new workers are made first,
 * all but their joining the group; if that works, the running ones drain, commit and leave, and the
 * new ones join in their place. */
#include "pipeline/daemon_inside.h"

#include "base/log.h"

static void end_reload(struct kb_daemon *d, const char *why)
{
    if (!why) {
        kb_config_unref(d->config);
        d->config = kb_config_ref(d->applying->config);
        kb_log_setup(d->config->log.level, d->config->log.format);
        if (d->on_reload)
            d->on_reload(d->on_reload_context, d->config);
    }
    d->applying = NULL;
    d->step = KB_DAEMON_STEADY;
    kb_reloads_end(d->reloads, why);
}

/* ---- by other workers ---- */

static void begin_renewal(struct kb_daemon *d)
{
    struct kb_err err;
    d->successors = kb_daemon_open_threads(d, d->applying->config, d->applying, &err);
    if (!d->successors) {
        end_reload(d, err.text);
        return;
    }
    kb_log_info("worker", "reload: the workers leave the group for new ones");
    d->step = KB_DAEMON_RENEWING;
    for (size_t i = 0; i < d->n_threads; i++)
        kb_worker_thread_stop(&d->threads[i]);
}

static void end_renewal(struct kb_daemon *d)
{
    struct kb_err err;
    struct kb_worker_thread *successors = d->successors;
    kb_daemon_join_threads(d);
    d->successors = NULL;
    if (d->stopping || d->failed) {
        kb_daemon_close_threads(successors, d->n_boards);
        end_reload(d, "the process ended before it was applied");
    } else if (kb_daemon_begin_threads(d, successors, &err)) {
        end_reload(d, NULL);
    } else {
        d->failed = true;
        end_reload(d, err.text);
        kb_daemon_stop_all(d);
    }
}

/* ---- by the running ones ---- */

/* Does one still work on that? One that has ended never answers. */
static bool any_at(const struct kb_daemon *d, enum kb_thread_reload state)
{
    for (size_t i = 0; i < d->n_threads; i++)
        if (!atomic_load(&d->threads[i].ended) && atomic_load(&d->threads[i].reload) == (int)state)
            return true;
    return false;
}

static void prepare(struct kb_daemon *d)
{
    d->step = KB_DAEMON_PREPARING;
    for (size_t i = 0; i < d->n_threads; i++)
        kb_worker_thread_prepare(
            &d->threads[i], d->applying->config, kb_generation_hooks(d->applying, i));
}

/* True, and `refusal` says why, where one could not. */
static bool any_failed(struct kb_daemon *d)
{
    for (size_t i = 0; i < d->n_threads; i++) {
        const struct kb_worker_thread *t = &d->threads[i];
        if (atomic_load(&t->reload) != KB_RELOAD_FAILED)
            continue;
        snprintf(d->refusal, sizeof(d->refusal), "worker %zu: %s", i, t->reload_err.text);
        return true;
    }
    return false;
}

static void decide(struct kb_daemon *d)
{
    bool all_stay = any_failed(d);
    d->step = all_stay ? KB_DAEMON_FORGETTING : KB_DAEMON_ADOPTING;
    for (size_t i = 0; i < d->n_threads; i++) {
        struct kb_worker_thread *t = &d->threads[i];
        if (atomic_load(&t->ended))
            continue;
        if (all_stay)
            kb_worker_thread_forget(t);
        else
            kb_worker_thread_adopt(t);
    }
}

/* ---- step by step ---- */

static void begin(struct kb_daemon *d)
{
    d->applying = kb_reloads_next(d->reloads);
    if (!d->applying)
        return;
    if (d->stopping)
        end_reload(d, "the process is stopping");
    else if (d->applying->changes.rejoin.len > 0)
        begin_renewal(d);
    else
        prepare(d);
}

/* They have gone over to other topics, and finished what they had taken. */
static void perhaps_subscribe(struct kb_daemon *d)
{
    for (size_t i = 0; i < d->n_threads; i++)
        if (!atomic_load(&d->threads[i].may_subscribe))
            return;
    for (size_t i = 0; i < d->n_threads; i++)
        kb_worker_thread_subscribe(&d->threads[i]);
}

void kb_daemon_turn_reload(struct kb_daemon *d)
{
    perhaps_subscribe(d);
    if (d->step == KB_DAEMON_STEADY)
        begin(d);
    if (d->step == KB_DAEMON_PREPARING && !any_at(d, KB_RELOAD_PREPARE))
        decide(d);
    if (d->step == KB_DAEMON_ADOPTING && !any_at(d, KB_RELOAD_ADOPT))
        end_reload(d, NULL);
    if (d->step == KB_DAEMON_FORGETTING && !any_at(d, KB_RELOAD_FORGET))
        end_reload(d, d->refusal);
    if (d->step == KB_DAEMON_RENEWING && kb_daemon_all_ended(d))
        end_renewal(d);
}

void kb_daemon_give_up_reload(struct kb_daemon *d)
{
    if (d->applying)
        end_reload(d, "the process ended before it was applied");
}
