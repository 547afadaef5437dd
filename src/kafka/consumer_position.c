/* Where reading goes on: pause, resume, commit.
 *
 * Lists given to pause, resume and seek keep references inside librdkafka: one that outlives the
 * handle hangs its end, so each is made fresh and destroyed at once. */
#include "kafka/consumer_inside.h"

#include <stdint.h>

void kb_consumer_pause(struct kb_source *src, const uint32_t *slots, size_t n)
{
    struct kb_consumer *c = kb_consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        struct kb_partition *part = kb_partitions_by_slot(&c->parts, slots[i]);
        if (!part || part->paused || part->leaving)
            continue;
        kb_partition_paused(part);
        rd_kafka_topic_partition_list_add(list, part->id.topic, part->id.partition);
    }
    if (list->cnt)
        rd_kafka_pause_partitions(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* The seek is for speed alone: nothing wakes the fetcher on a resume (it looks again after up to a
 * second), but a seek does. It is asynchronous (timeout 0) and needs no answer: what the library
 * fetched before it is dropped inside, and without it reading goes on from the same place. */
static void wake_fetcher(struct kb_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_error_t *error = rd_kafka_seek_partitions(c->rk, list, 0);
    if (!error)
        return;
    kb_log_debug("kafka", "seek after resume: %s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

/* Only what we paused ourselves: resuming a running partition rewinds it to where it last started.
 */
void kb_consumer_resume(struct kb_source *src, const uint32_t *slots, const int64_t *next, size_t n)
{
    struct kb_consumer *c = kb_consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    rd_kafka_topic_partition_list_t *seeks = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        struct kb_partition *part = kb_partitions_by_slot(&c->parts, slots[i]);
        if (!part || !part->paused || part->leaving)
            continue;
        part->paused = false;
        rd_kafka_topic_partition_list_add(list, part->id.topic, part->id.partition);
        if (next[i] < 0 || c->events)
            continue;
        kb_partition_sought(part, next[i]);
        rd_kafka_topic_partition_list_add(seeks, part->id.topic, part->id.partition)->offset =
            next[i];
    }
    if (list->cnt)
        rd_kafka_resume_partitions(c->rk, list);
    if (seeks->cnt)
        wake_fetcher(c, seeks);
    rd_kafka_topic_partition_list_destroy(seeks);
    rd_kafka_topic_partition_list_destroy(list);
}

/* The group moved on without us: the records come again, to us or to others. */
static bool is_fencing(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
        return true;
    default:
        return false;
    }
}

/* The overall code may be good while a partition's is not, and the other way round: both count. An
 * answer to a commit that the worker has given up, and made another since, is nobody's. */
static void commit_cb(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *token)
{
    struct kb_consumer *c = rd_kafka_opaque(rk);
    struct kb_commit_answer *answer = &c->answer;
    if ((uintptr_t)token != (uintptr_t)c->commit_token)
        return;
    *answer = (struct kb_commit_answer){
        .token = c->commit_token,
        .ok = code == RD_KAFKA_RESP_ERR_NO_ERROR,
        .fenced = is_fencing(code),
    };
    c->has_answer = true;
    if (code)
        snprintf(answer->text, sizeof(answer->text), "%s", rd_kafka_err2str(code));
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *elem = &list->elems[i];
        if (!elem->err)
            continue;
        if (answer->ok)
            snprintf(answer->text, sizeof(answer->text), "%.80s[%d]: %s", elem->topic,
                (int)elem->partition, rd_kafka_err2str(elem->err));
        answer->ok = false;
        answer->fenced |= is_fencing(elem->err);
    }
    if (answer->ok)
        c->source.down_ms = 0;
}

bool kb_consumer_commit(
    struct kb_source *src, const struct kb_commit *commits, size_t n, uint64_t token)
{
    struct kb_consumer *c = kb_consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        const struct kb_partition *part = kb_partitions_by_slot(&c->parts, commits[i].slot);
        KB_BUG_ON(!part); /* an older assignment's commit must not reach the new owner's offset */
        rd_kafka_topic_partition_list_add(list, part->id.topic, part->id.partition)->offset =
            commits[i].offset;
    }
    c->commit_token = token;
    rd_kafka_resp_err_t code = list->cnt ? rd_kafka_commit_queue(c->rk, list, c->queue, commit_cb,
                                               (void *)(uintptr_t)token)
                                         : RD_KAFKA_RESP_ERR__NO_OFFSET;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        kb_client_log_error(&c->log, "commit", "%s", rd_kafka_err2str(code));
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool kb_consumer_committed(struct kb_source *src, struct kb_commit_answer *out)
{
    struct kb_consumer *c = kb_consumer_of(src);
    if (!c->has_answer)
        return false;
    *out = c->answer;
    c->has_answer = false;
    return true;
}
