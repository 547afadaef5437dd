/* A reload, as one worker meets it: between two turns it goes over to another edition of the
 * configuration. What it takes from then on goes by the new rules, limits and policies; what it has
 * taken keeps its own (edition.h), and has its functions behind it; where and with which
 * credentials to send holds at once for both (ably/publisher.h). The group is asked for other
 * topics only where their names have changed.
 *
 * Not changed here, because they belong to doors that are made once: the properties of the Kafka
 * client and the dead-letter topic. Whoever asks for that starts another worker. */
#include "pipeline/settings.h"
#include "pipeline/worker_state.h"

#include <stdlib.h>

size_t kb_worker_topics(const struct kb_config *config, const char **out)
{
    size_t n = 0;
    for (size_t i = 0; i < config->n_topics; i++)
        for (size_t j = 0; j < config->topics[i].n_patterns; j++, n++)
            if (out)
                out[n] = config->topics[i].patterns[j].text;
    return n;
}

static bool has_topic(const char *const *topics, size_t n, const char *topic)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(topics[i], topic) == 0)
            return true;
    return false;
}

static bool same_topics(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
    for (size_t i = 0; i < n_a; i++)
        if (!has_topic(b, n_b, a[i]))
            return false;
    return n_a == n_b; /* no name stands twice */
}

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

/* The patterns were compiled when the file was loaded, by the very rules of the client: what is
 * left is a client that is past all use, and then so is its worker. */
static void subscribe(struct kb_worker *w, const struct kb_config *before)
{
    struct kb_source *src = w->doors.source;
    struct kb_err err;
    size_t n_old = kb_worker_topics(before, NULL), n_new = kb_worker_topics(w->config, NULL);
    const char **topics = calloc(n_old + n_new + 1, sizeof(*topics)), **new = topics + n_old;
    if (!topics) {
        kb_worker_fatal(w, (kb_err_fatal(&err, "out of memory for the list of topics"), &err));
        return;
    }
    kb_worker_topics(before, topics);
    kb_worker_topics(w->config, new);
    if (!same_topics(topics, n_old, new, n_new) && !src->ops->subscribe(src, new, n_new, &err))
        kb_worker_fatal(w, &err);
    free(topics);
}

static void adopt_hooks(struct kb_worker *w)
{
    kb_router_set_hooks(&w->router, w->prepared.hooks);
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

void kb_worker_adopt(struct kb_worker *w)
{
    struct kb_prepared *prepared = &w->prepared;
    if (w->phase != KB_PHASE_RUNNING || !prepared->edition) {
        kb_worker_forget(w);
        return;
    }
    struct kb_config *before = kb_config_ref(w->editions.now->config);
    kb_editions_push(&w->editions, prepared->edition);
    w->config = prepared->edition->config;
    prepared->edition = NULL;
    adopt_hooks(w);
    adopt_schemas(w);
    kb_publisher_adopt(w->publisher, prepared->publisher, w->now_ms);
    prepared->publisher = NULL;
    kb_worker_set_ceilings(w);
    apply_rules(w);
    subscribe(w, before);
    kb_config_unref(before);
}
