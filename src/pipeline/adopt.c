/* A reload, as one worker meets it: between two turns it goes over to another edition of the
 * configuration. What it takes from then on goes by the new rules, limits and policies; what it has
 * taken keeps its own (edition.h), and has its functions behind it; where and with which
 * credentials to send holds at once for both (ably/publisher.h). The group is asked for other
 * topics only where their names have changed.
 *
 * Not changed here, because they belong to doors that are made once: the properties of the Kafka
 * client and the dead-letter topic. Whoever asks for that starts another worker. */
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

static bool subscribe(struct kb_worker *w, const struct kb_config *next, struct kb_err *err)
{
    struct kb_source *src = w->doors.source;
    size_t n_old = kb_worker_topics(w->config, NULL), n_new = kb_worker_topics(next, NULL);
    const char **topics = calloc(n_old + n_new + 1, sizeof(*topics)), **new = topics + n_old;
    if (!topics)
        return kb_err_fatal(err, "out of memory for the list of topics");
    kb_worker_topics(w->config, topics);
    kb_worker_topics(next, new);
    bool ok = same_topics(topics, n_old, new, n_new) || src->ops->subscribe(src, new, n_new, err);
    free(topics);
    return ok;
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

bool kb_worker_adopt(struct kb_worker *w, struct kb_config *next, struct kb_err *err)
{
    if (w->phase != KB_PHASE_RUNNING || next == w->config)
        return true;
    struct kb_hooks *hooks = NULL;
    bool ok = kb_config_hooks(next, &hooks, err) && subscribe(w, next, err) &&
              kb_worker_tune_publisher(w, next, err) && kb_worker_tune_schemas(w, next, err);
    if (ok && !kb_editions_replace(&w->editions, next))
        ok = kb_err_fatal(err, "out of memory for another configuration");
    if (!ok) {
        kb_hooks_free(hooks);
        return false;
    }
    kb_router_set_hooks(&w->router, hooks);
    kb_hooks_free(w->hooks);
    w->hooks = hooks;
    w->config = next;
    kb_worker_set_ceilings(w);
    apply_rules(w);
    return true;
}
