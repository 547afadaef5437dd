/* Rebalances. The callback only notes what happened; the worker answers when it is ready (requests
 * in flight, commits), and until then the library holds the whole consumer still. Few records of
 * partitions being revoked may still come: they are dropped from the moment the event is noted.
 *
 * While closing nobody will come to answer: there a revocation is answered at once and an
 * assignment ignored, on the closing thread, for which the worker waits. */
#include "kafka/consumer_inside.h"

static void free_event(struct kb_consumer_event *event)
{
    if (event->list)
        rd_kafka_topic_partition_list_destroy(event->list);
    free(event->described.partitions);
    free(event);
}

void kb_consumer_drop_events(struct kb_consumer *c)
{
    while (c->events) {
        struct kb_consumer_event *event = c->events;
        c->events = event->next;
        free_event(event);
    }
}

static rd_kafka_topic_partition_list_t *list_of_assigned(struct kb_consumer *c)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)c->parts.n_assigned);
    for (size_t i = 0; i < c->parts.n_slots; i++) {
        const struct kb_partition *part = &c->parts.slots[i];
        if (part->assigned)
            rd_kafka_topic_partition_list_add(list, part->id.topic, part->id.partition);
    }
    return list;
}

static void mark_leaving(struct kb_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct kb_partition *part =
            kb_partitions_by_name(&c->parts, list->elems[i].topic, list->elems[i].partition);
        if (part)
            part->leaving = true;
    }
}

/* Lets go of `list`, the way the protocol wants it. NULL = everything. */
static void unassign(struct kb_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    if (c->cooperative && list) {
        rd_kafka_error_t *error = rd_kafka_incremental_unassign(c->rk, list);
        if (error && !c->closing)
            kb_consumer_note_error(c, rd_kafka_error_code(error), rd_kafka_error_string(error));
        if (error)
            rd_kafka_error_destroy(error);
    } else {
        rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, NULL);
        if (code && !c->closing)
            kb_consumer_note_error(c, code, rd_kafka_err2str(code));
    }
}

void kb_consumer_rebalance_cb(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kb_consumer *c = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        c->seen_assignment = true;
        c->source.down_ms = 0;
    }
    if (c->closing) {
        if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
            unassign(c, list);
        return;
    }
    struct kb_consumer_event *event = calloc(1, sizeof(*event));
    if (!event) {
        kb_consumer_fail(c, "no memory for a rebalance");
        return;
    }
    event->described.kind = KB_REBALANCE_REVOKE;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        event->described.kind = KB_REBALANCE_ASSIGN;
        event->list = rd_kafka_topic_partition_list_copy(list);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        event->list = rd_kafka_topic_partition_list_copy(list);
        event->described.lost = rd_kafka_assignment_lost(rk);
    } else { /* the group failed: everything goes, and nothing can be committed */
        kb_client_log_error(
            &c->log, rd_kafka_err2name(code), "rebalance: %s", rd_kafka_err2str(code));
        event->list = list_of_assigned(c);
        event->described.lost = true;
    }
    if (event->described.kind == KB_REBALANCE_REVOKE)
        mark_leaving(c, event->list);
    struct kb_consumer_event **end = &c->events;
    while (*end)
        end = &(*end)->next;
    *end = event;
}

/* Lists the partitions for the worker. A revoked partition that was never taken up is left out. */
static bool describe(struct kb_consumer *c, struct kb_consumer_event *event)
{
    struct kb_rebalance *out = &event->described;
    const rd_kafka_topic_partition_list_t *list = event->list;
    out->partitions = calloc(list->cnt ? (size_t)list->cnt : 1, sizeof(*out->partitions));
    if (!out->partitions)
        return false;
    for (int i = 0; i < list->cnt; i++) {
        const char *topic = list->elems[i].topic;
        const int32_t partition = list->elems[i].partition;
        const struct kb_partition *known = kb_partitions_by_name(&c->parts, topic, partition);
        if (out->kind == KB_REBALANCE_REVOKE && !known)
            continue;
        struct kb_partition_id *id = &out->partitions[out->n++];
        id->partition = partition;
        id->slot = out->kind == KB_REBALANCE_REVOKE ? known->id.slot : 0;
        snprintf(id->topic, sizeof(id->topic), "%s", topic);
    }
    return event->is_described = true;
}

bool kb_consumer_rebalance(struct kb_source *src, struct kb_rebalance **out)
{
    struct kb_consumer *c = kb_consumer_of(src);
    struct kb_consumer_event *event = c->events;
    if (!event || c->has_failed)
        return false;
    if (!event->is_described && !describe(c, event)) {
        kb_consumer_fail(c, "no memory for a rebalance");
        return false;
    }
    *out = &event->described;
    return true;
}

/* Reading starts at the committed offset, else where auto.offset.reset says. An empty assignment
 * must be answered as well.
 *
 * A committed offset behind the log's end is refused by the broker, and auto.offset.reset says
 * where to read: with kably's default a topic that was made again while nobody read it is read from
 * its start, and the commits of this assignment begin lower than what is committed. (Kafka drops
 * what a group has committed to a topic it deletes, so that is rare.) Where the new log has already
 * grown past the committed offset nothing tells, to us or to any other client: the records before
 * it are not read. */
static void apply_assign(struct kb_consumer *c, struct kb_consumer_event *event)
{
    const struct kb_rebalance *change = &event->described;
    for (size_t i = 0; i < change->n; i++) {
        const struct kb_partition_id *id = &change->partitions[i];
        if (!kb_partitions_add(&c->parts, id->topic, id->partition, id->slot))
            kb_consumer_fail(c, "no memory for the assigned partitions");
    }
    for (int i = 0; i < event->list->cnt; i++)
        event->list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    if (c->cooperative) {
        rd_kafka_error_t *error = rd_kafka_incremental_assign(c->rk, event->list);
        if (error) {
            kb_consumer_fail(c, rd_kafka_error_string(error));
            rd_kafka_error_destroy(error);
        }
    } else {
        rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, event->list);
        if (code)
            kb_consumer_fail(c, rd_kafka_err2str(code));
    }
}

/* A pause outlives the assignment inside librdkafka: who gets the partition back would read
 * nothing. So what we paused is resumed before it goes. */
static void apply_revoke(struct kb_consumer *c, struct kb_consumer_event *event)
{
    const struct kb_rebalance *change = &event->described;
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_new((int)change->n);
    for (size_t i = 0; i < change->n; i++) {
        struct kb_partition *part = kb_partitions_by_slot(&c->parts, change->partitions[i].slot);
        KB_BUG_ON(!part);
        if (part->paused)
            rd_kafka_topic_partition_list_add(paused, part->id.topic, part->id.partition);
        kb_partitions_remove(&c->parts, part);
    }
    if (paused->cnt)
        rd_kafka_resume_partitions(c->rk, paused);
    rd_kafka_topic_partition_list_destroy(paused);
    unassign(c, event->list);
}

void kb_consumer_rebalanced(struct kb_source *src)
{
    struct kb_consumer *c = kb_consumer_of(src);
    struct kb_consumer_event *event = c->events;
    KB_BUG_ON(!event || !event->is_described);
    c->events = event->next;
    if (event->described.kind == KB_REBALANCE_ASSIGN)
        apply_assign(c, event);
    else
        apply_revoke(c, event);
    free_event(event);
}
