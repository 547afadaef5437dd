/* A reload, as one worker meets it: between two turns it goes over to another edition of the
 * configuration. What it takes from then on goes by the new rules, limits and policies; what it has
 * taken keeps its own (edition.h), and has its functions behind it; where and with which
 * credentials to send holds at once for both (ably/publisher.h). The group is asked for other
 * topics only where their names have changed, and when topics.c says so.
 *
 * Not changed here: the doors, which are their owner's (thread.c). */
#include "pipeline/settings.h"
#include "pipeline/worker_state.h"

#include <stdlib.h>

/* ---- what can fail ---- */

static bool prepare_publisher(struct kb_worker *w, const struct kb_config *next, struct kb_err *err)
{
    struct kb_host_list hosts;
    struct kb_publisher_options options;
    return kb_settings_publisher(
               next, w->number, w->n_workers, w->doors.clock, &hosts, &options, err) &&
           kb_publisher_prepare(w->publisher, &options, &w->prepared.publisher, err);
}

static bool prepare_schemas(struct kb_worker *w, const struct kb_config *next, struct kb_err *err)
{
    const struct kb_registry_options options = kb_settings_registry(next);
    if (w->schemas && options.urls)
        return kb_schemas_prepare(w->schemas, &options, err);
    return kb_worker_schemas_new(w, next, &w->prepared.schemas, err);
}

bool kb_worker_prepare(
    struct kb_worker *w, struct kb_config *next, struct kb_hooks *hooks, struct kb_err *err)
{
    kb_worker_forget(w);
    w->prepared.hooks = hooks;
    w->prepared.edition = kb_edition_new(next);
    bool ok = w->prepared.edition || kb_err_fatal(err, "out of memory for another configuration");
    if (ok && (hooks || kb_config_hooks(next, &w->prepared.hooks, err)) &&
        prepare_publisher(w, next, err) && prepare_schemas(w, next, err))
        return true;
    kb_worker_forget(w);
    return false;
}

void kb_worker_forget(struct kb_worker *w)
{
    kb_edition_free(w->prepared.edition);
    kb_hooks_free(w->prepared.hooks);
    kb_publisher_forget(w->prepared.publisher);
    kb_schemas_free(w->prepared.schemas);
    if (w->schemas)
        kb_schemas_forget(w->schemas);
    w->prepared = (struct kb_prepared){.edition = NULL};
}

/* ---- what can't ---- */

/* Before the next edition is pushed: who waits for a schema has still to go through the functions
 * of the one that took it. */
static void adopt_hooks(struct kb_worker *w)
{
    kb_router_set_hooks(&w->router, w->prepared.hooks);
    if (w->waiting.head)
        w->editions.now->hooks = w->hooks;
    else
        kb_hooks_free(w->hooks);
    w->hooks = w->prepared.hooks;
    w->prepared.hooks = NULL;
}

static void adopt_schemas(struct kb_worker *w)
{
    w->waiting.changes = UINT64_MAX; /* who waits looks again */
    if (!w->config->registry.url) {
        kb_schemas_free(w->schemas);
        w->schemas = NULL;
    } else if (w->schemas) {
        kb_schemas_adopt(w->schemas);
    } else {
        w->schemas = w->prepared.schemas;
        w->prepared.schemas = NULL;
    }
    w->router.schemas = w->schemas;
}

/* A partition that no block takes any more is paused until the group has taken it back; what is
 * open of it ends by its own edition. */
static void apply_rules(struct kb_worker *w)
{
    for (size_t i = 0; i < w->assignments.n; i++) {
        struct kb_assignment *part = &w->assignments.slots[i];
        if (part->state != KB_ASSIGNMENT_FREE)
            part->rules = kb_config_rules(w->config, kb_slice_of(part->topic));
    }
}

void kb_worker_set_dead_letters(struct kb_worker *w, struct kb_dead_letters *dead_letters)
{
    KB_BUG_ON(w->doors.dead_letters != NULL);
    w->doors.dead_letters = dead_letters;
}

void kb_worker_adopt(struct kb_worker *w)
{
    struct kb_prepared *prepared = &w->prepared;
    if (w->phase != KB_PHASE_RUNNING || !prepared->edition) {
        kb_worker_forget(w);
        return;
    }
    adopt_hooks(w);
    kb_editions_push(&w->editions, prepared->edition);
    w->config = prepared->edition->config;
    prepared->edition = NULL;
    adopt_schemas(w);
    kb_publisher_adopt(w->publisher, prepared->publisher, w->now_ms);
    prepared->publisher = NULL;
    kb_worker_set_ceilings(w);
    apply_rules(w);
    kb_topics_changed(w);
}
