/* Records come in: from the source's door through decoding and routing to the publisher. A record
 * that fails on the way meets its policy at once, in its place of the order; its batch-mates don't
 * notice.
 *
 * What the source hands out lives until the next take, so everything that must outlive it is copied
 * here: the encoded message always, the original only where the dead-letter topic may still ask for
 * it. */
#include "ably/spec_msgpack.h"
#include "base/hash.h"
#include "pipeline/worker_state.h"

#include <inttypes.h>

/* Ids carry a tag of the cluster, which is known once records come. */
static void learn_cluster(struct kb_worker *w)
{
    struct kb_source *src = w->doors.source;
    struct kb_slice id = src->ops->cluster_id(src);
    kb_router_set_cluster(&w->router, id);
    w->cluster_known = true;
    if (id.len)
        kb_log_info("kafka", "worker %d: cluster id " KB_FMT, w->number, KB_ARG(id));
    else
        kb_log_warn("kafka",
            "worker %d: this cluster has no id; message ids carry the timestamp alone", w->number);
}

/* Data is encrypted here, on every way to the publisher, or the record fails: none goes in clear.
 */
static bool seal(struct kb_worker *w, struct kb_err *err)
{
    for (size_t i = 0; i < w->router.n_messages; i++) {
        struct kb_message *msg = &w->router.messages[i];
        if (!msg->cipher_key.ptr)
            continue;
        if (i == 0)
            kb_sealer_begin(&w->sealer);
        if (!kb_seal(&w->sealer, w->doors.random, msg, err))
            return false;
    }
    return true;
}

/* Too large for Ably is known before anything is sent. All of a record's messages are looked at
 * first: a record is published whole or not at all as far as we can see. */
bool kb_worker_check_sizes(struct kb_worker *w, struct kb_err *err)
{
    if (!seal(w, err)) /* what is encrypted is larger */
        return false;
    size_t max = (size_t)w->config->ably.max_message_size;
    for (size_t i = 0; i < w->router.n_messages; i++) {
        const struct kb_message *msg = &w->router.messages[i];
        if (!kb_message_within(msg, max))
            return kb_err_record(err, KB_FAILURE_MESSAGE,
                "the message has %zu bytes, Ably takes %zu (ably { max_message_size }); "
                "name, data, clientId and extras count",
                kb_message_size(msg), max);
    }
    return true;
}

static bool may_be_dead_lettered(const struct kb_policy *policy)
{
    return policy->action[KB_FAILURE_PUBLISH] == KB_ACTION_DLQ ||
           policy->action[KB_FAILURE_MESSAGE] == KB_ACTION_DLQ;
}

/* As Ably counts it, where it may share a BatchSpec with others: only kably's own ids may be made
 * anew. */
static size_t size_for_groups(const struct kb_worker *w, const struct kb_pending *p, size_t i)
{
    if (w->config->publish.group == KB_GROUP_NEVER || p->rules->id)
        return 0;
    size_t size = kb_message_size(&w->router.messages[i]);
    return size > 0 ? size : 1;
}

bool kb_worker_add_messages(struct kb_worker *w, struct kb_pending *p)
{
    struct kb_router *router = &w->router;
    p->messages = (uint32_t)router->n_messages;
    for (size_t i = 0; i < router->n_messages; i++) {
        const struct kb_message *msg = &router->messages[i];
        kb_buf_reset(&w->spec);
        if (w->msgpack)
            kb_spec_encode_msgpack(&w->spec, msg, &w->extras);
        else
            kb_spec_encode(&w->spec, msg);
        if (w->spec.failed ||
            !kb_publisher_add(w->publisher, kb_buf_slice(&w->spec), size_for_groups(w, p, i),
                kb_hash64(msg->channel, w->channel_seed), p, w->now_ms))
            return false;
    }
    return true;
}

static void publish(struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec)
{
    struct kb_err err;
    if (!kb_worker_check_sizes(w, &err)) {
        kb_worker_record_failed(w, part, rec, &err, kb_failure_decide(&err, &part->rules->policy));
        return;
    }
    struct kb_pending *p = kb_worker_pending_new(w, part, rec);
    if (!p ||
        (may_be_dead_lettered(&part->rules->policy) && !kb_pending_keep(&w->pendings, p, rec)) ||
        !kb_worker_add_messages(w, p)) {
        kb_err_fatal(
            &err, "%s[%d]@%lld: out of memory", part->topic, part->id, (long long)rec->offset);
        kb_worker_fatal(w, &err);
    }
}

/* What a function keeps has filled its memory: begun anew, it has lost that and goes on. */
static void renew_hooks(struct kb_worker *w)
{
    struct kb_hooks *hooks;
    struct kb_err err;
    kb_log_warn("hook",
        "worker %d: what the functions keep between records has filled limits { hook_memory }; "
        "their state is begun anew, without it (kably.cache has a size)",
        w->number);
    if (!kb_config_hooks(w->config, &hooks, &err)) {
        kb_worker_fatal(w, &err);
        return;
    }
    kb_router_set_hooks(&w->router, hooks);
    kb_hooks_free(w->hooks);
    w->hooks = hooks;
}

enum kb_route_result kb_worker_route(struct kb_worker *w, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    if (w->hooks && KB_UNLIKELY(kb_hooks_worn(w->hooks)))
        renew_hooks(w);
    return kb_route(&w->router, rules, rec, err);
}

static void route(struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec)
{
    struct kb_err err;
    if (KB_UNLIKELY(part->waiting > 0)) { /* in its place of the order */
        kb_worker_hold(w, part, rec);
        return;
    }
    switch (kb_worker_route(w, part->rules, rec, &err)) {
    case KB_ROUTED:
        publish(w, part, rec);
        break;
    case KB_DROPPED:
        w->counts.dropped++;
        kb_worker_record_done(w, part, rec->offset);
        break;
    case KB_DEAD_LETTER:
        kb_worker_record_failed(w, part, rec, &err, KB_VERDICT_DLQ);
        break;
    case KB_WAITS:
        kb_worker_hold(w, part, rec);
        break;
    case KB_FAILED:
        kb_worker_record_failed(w, part, rec, &err, kb_failure_decide(&err, &part->rules->policy));
        break;
    }
}

/* What was committed before is an offset of a log that is no more: where this one begins is
 * committed at once, for a restart would begin behind its records as soon as there are that many.
 */
static void begin_new_log(
    struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec)
{
    kb_log_warn("kafka",
        "%s[%d]: the log was cut back from offset %" PRId64 " to %" PRId64
        ": was the topic deleted and made again, or has a broker become leader that lacked the "
        "end? Reading goes on from there and takes what comes for new",
        part->topic, part->id, kb_offsets_next(&part->offsets), rec->offset);
    kb_assignments_new_log(&w->assignments, part, rec->offset);
    w->commit_dirty = true;
}

static void take_in(struct kb_worker *w, const struct kb_record *rec)
{
    struct kb_assignment *part = kb_assignments_at(&w->assignments, rec->slot);
    if (part && rec->new_log)
        begin_new_log(w, part, rec);
    /* Of a partition that is going, or read no more: it comes again to whoever reads on, since
     * neither the position nor the window moves. */
    if (!part || part->state != KB_ASSIGNMENT_ACTIVE || !part->rules ||
        w->phase != KB_PHASE_RUNNING)
        return;

    switch (kb_offsets_add(&part->offsets, rec->offset)) {
    case KB_OFFSET_REPEAT:
        w->counts.repeated++;
        return;
    case KB_OFFSET_NO_MEMORY: {
        struct kb_err err;
        kb_err_fatal(&err, "%s[%d]@%lld: out of memory for the offsets window", part->topic,
            part->id, (long long)rec->offset);
        kb_worker_fatal(w, &err);
        return;
    }
    case KB_OFFSET_TAKEN:
        w->counts.consumed++;
        w->counts.bytes += rec->key.len + rec->value.len;
        route(w, part, rec);
    }
}

static void take(struct kb_worker *w)
{
    struct kb_source *src = w->doors.source;
    w->n_records = src->ops->take(src, w->records, KB_TAKE_MAX, &w->more);
    w->at_record = 0;
    if (w->n_records > 0 && !w->cluster_known)
        learn_cluster(w);
}

/* At most one take a turn: `more` brings the next turn at once, and in between requests are fed and
 * answers read. Functions may take their time: what they don't get through soon is left for the
 * next turns, so that signals, answers and rebalances wait for one record at most. */
void kb_worker_intake(struct kb_worker *w)
{
    if (w->at_record == w->n_records)
        take(w);
    while (w->at_record < w->n_records) {
        take_in(w, &w->records[w->at_record++]);
        if (w->hooks && w->doors.clock->now_ms(w->doors.clock) - w->now_ms >= KB_INTAKE_MS)
            break;
    }
}
