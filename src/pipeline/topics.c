/* Which topics a worker asks the group for, and when a reload has it ask for others.
 *
 * Other topics mean that the group shares out anew: every worker gives up its partitions. What it
 * has taken of them and not finished would come again, under the templates of after the reload: on
 * another channel, where Ably can't tell a repeat, or behind what was sent since. So nothing more
 * is taken until all that was taken has its outcome and is committed, and only when all workers of
 * the process have come so far does each ask (daemon_reload.c). That is a round trip.
 *
 * In an outage of Ably or of Kafka nothing that was taken would get on anyway, so it is waited for
 * the end of that; what only one partition waits for (its dead letters, a channel over its rate)
 * holds the others up for KB_FINISH_MS at most once nothing else is left. A record that waits for
 * its schema has not begun. */
#include "pipeline/worker_state.h"

#include <stdlib.h>

/* The names and patterns of all topic blocks, in their order; returns how many. `out` has room for
 * them, NULL = only count. */
static size_t list_topics(const struct kb_config *config, const char **out)
{
    size_t n = 0;
    for (size_t i = 0; i < config->n_topics; i++)
        for (size_t j = 0; j < config->topics[i].n_patterns; j++, n++)
            if (out)
                out[n] = config->topics[i].patterns[j].text;
    return n;
}

static bool names_it(const struct kb_config *config, const char *topic)
{
    for (size_t i = 0; i < config->n_topics; i++)
        for (size_t j = 0; j < config->topics[i].n_patterns; j++)
            if (strcmp(config->topics[i].patterns[j].text, topic) == 0)
                return true;
    return false;
}

/* No name stands twice in a configuration. */
static bool same_topics(const struct kb_config *a, const struct kb_config *b)
{
    for (size_t i = 0; i < a->n_topics; i++)
        for (size_t j = 0; j < a->topics[i].n_patterns; j++)
            if (!names_it(b, a->topics[i].patterns[j].text))
                return false;
    return list_topics(a, NULL) == list_topics(b, NULL);
}

void kb_topics_init(struct kb_topics *topics, struct kb_config *config)
{
    *topics = (struct kb_topics){.asked_for = kb_config_ref(config), .asked_ms = INT64_MIN};
}

void kb_topics_deinit(struct kb_topics *topics)
{
    kb_config_unref(topics->asked_for);
}

/* One of Ably ends by what is sent: where nothing is there to send, it would be waited for in vain.
 */
static bool is_outage(const struct kb_worker *w)
{
    const struct kb_publisher_status *status = kb_publisher_status(w->publisher);
    bool probed = status->specs_waiting + status->specs_in_flight > 0;
    return (status->outage && probed) || w->doors.source->down_ms != 0;
}

static size_t begun(const struct kb_worker *w)
{
    size_t n = w->pendings.open;
    for (size_t i = 0; i < w->assignments.n; i++)
        if (w->assignments.slots[i].state != KB_ASSIGNMENT_FREE)
            n -= w->assignments.slots[i].waiting;
    return n;
}

void kb_topics_changed(struct kb_worker *w)
{
    struct kb_topics *topics = &w->topics;
    bool before = topics->due;
    topics->due = !same_topics(topics->asked_for, w->config);
    if (!topics->due || before)
        return;
    topics->due_since_ms = w->now_ms;
    topics->deadline_ms = w->now_ms + KB_FINISH_MS;
    topics->left = begun(w);
    if (topics->left > 0)
        kb_log_info("worker",
            "worker %d: finishing %zu records before the group is asked for other topics%s",
            w->number, topics->left, is_outage(w) ? ", once the outage is over" : "");
}

/* There is all the time in the world as long as it gets on, and in an outage. */
void kb_topics_look(struct kb_worker *w)
{
    struct kb_topics *topics = &w->topics;
    if (!topics->due)
        return;
    size_t left = begun(w);
    if (left < topics->left || is_outage(w))
        topics->deadline_ms = w->now_ms + KB_FINISH_MS;
    topics->left = left;
}

bool kb_topics_hold(const struct kb_worker *w)
{
    return w->topics.due && w->phase == KB_PHASE_RUNNING;
}

bool kb_topics_hold_long(const struct kb_worker *w)
{
    return kb_topics_hold(w) && w->now_ms - w->topics.due_since_ms >= KB_STALL_MS;
}

int64_t kb_topics_wake_ms(const struct kb_worker *w)
{
    if (!kb_topics_hold_long(w))
        return w->topics.due_since_ms + KB_STALL_MS;
    return w->now_ms < w->topics.deadline_ms ? w->topics.deadline_ms : INT64_MAX;
}

bool kb_worker_may_subscribe(const struct kb_worker *w)
{
    bool done = begun(w) == 0 && !kb_commit_left(w);
    bool too_long = !is_outage(w) && w->now_ms >= w->topics.deadline_ms;
    return kb_topics_hold(w) && !w->rebalance && (done || too_long);
}

/* The share-outs that follow: workers are not quite at once in asking. */
bool kb_topics_just_asked(const struct kb_worker *w)
{
    return w->topics.asked_ms != INT64_MIN && w->now_ms - w->topics.asked_ms < KB_FINISH_MS;
}

bool kb_worker_join(struct kb_worker *w, struct kb_err *err)
{
    struct kb_source *src = w->doors.source;
    const char **names = calloc(list_topics(w->config, NULL) + 1, sizeof(*names));
    if (!names)
        return kb_err_fatal(err, "out of memory for the list of topics");
    size_t n = list_topics(w->config, names);
    bool ok = src->ops->subscribe(src, names, n, err);
    free(names);
    return ok;
}

/* The patterns were compiled when the file was loaded, by the very rules of the client: where it
 * fails, the client is past all use, and then so is its worker. */
void kb_worker_subscribe(struct kb_worker *w)
{
    struct kb_topics *topics = &w->topics;
    struct kb_err err;
    if (!kb_topics_hold(w))
        return;
    if (!kb_worker_join(w, &err)) {
        kb_worker_fatal(w, &err);
        return;
    }
    kb_config_unref(topics->asked_for);
    topics->asked_for = kb_config_ref(w->editions.now->config);
    topics->due = false;
    topics->asked_ms = w->now_ms;
}
