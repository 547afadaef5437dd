/* The consumer: librdkafka behind the door of record/source.h, one per worker and used on its
 * thread alone.
 *
 * What the library forces on us (2.0.2 and newer, eager and cooperative; each rule cost a
 * measurement):
 * - Records come by rd_kafka_consumer_poll(0), one at a time. The batch call skips records
 * before 2.1, the callback call aborts on a rebalance.
 * - The rebalance callback only notes what happened; the worker answers when it is ready, and
 * meanwhile the library holds the whole consumer still. A few records of partitions being revoked
 * still come: dropped here.
 * - The eventfd fires only when the queue goes from empty to non-empty: read it first, then poll
 * until nothing comes, or tell the worker to come back (`more`).
 * - Lists given to pause, resume and seek keep references: one that outlives the handle hangs its
 * end, so each is made fresh and destroyed at once. The same goes for messages.
 *
 * Ownership: messages of the last take are held here until the next one; their bytes are what the
 * records point at. */
#include "kafka/consumer.h"

#include "kafka/client_log.h"
#include "kafka/partitions.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    CLOSE_WAIT_S = 10, /* leaving the group takes milliseconds, seconds when brokers are away */
    CLUSTER_ID_WAIT_MS = 50, /* only before the first record; afterwards the library knows */
    TEXT_MAX = 512,
};

/* One rebalance event, noted by the callback and answered by rebalanced(). */
struct event {
    struct event *next;
    rd_kafka_topic_partition_list_t *list;
    struct kb_rebalance described;
    bool is_described;
};

struct kb_consumer {
    struct kb_client_log log; /* first: librdkafka's opaque points here */
    struct kb_source source;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    bool cooperative;
    bool seen_assignment; /* see may_destroy */
    bool closing;
    bool stuck; /* librdkafka did not end in time and its thread may still use this struct */

    struct kb_partitions parts;
    struct event *events; /* oldest first: the one the worker sees */

    rd_kafka_message_t **held;
    size_t n_held, held_cap;
    struct kb_header *headers; /* of all held messages, one after the other */
    size_t n_headers, headers_cap;

    uint64_t commit_token;
    bool has_answer;
    struct kb_commit_answer answer;

    bool took_records;
    bool asked_cluster_id; /* and the answer is final */
    char *cluster_id;

    bool has_failed, told_failure;
    struct kb_err failure;
};

static struct kb_consumer *consumer_of(struct kb_source *src)
{
    return (struct kb_consumer *)((char *)src - offsetof(struct kb_consumer, source));
}

/* ------------------------------------------------------------------ failures and errors */

/* The first failure ends the source: from here on it hands out nothing. */
static void fail(struct kb_consumer *c, const char *text)
{
    if (c->has_failed)
        return;
    c->has_failed = true;
    kb_err_fatal(&c->failure, "Kafka consumer: %s", text);
}

static void fail_if_fatal(struct kb_consumer *c)
{
    char why[TEXT_MAX];
    if (rd_kafka_fatal_error(c->rk, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(c, why);
}

/* An error is never the end, unless librdkafka says so: brokers come back, topics appear, rights
 * are granted. */
static void note_error(struct kb_consumer *c, rd_kafka_resp_err_t code, const char *text)
{
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    kb_client_log_error(&c->log, rd_kafka_err2name(code), "%s", text);
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        fail_if_fatal(c);
    if (code ==
        RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) /* auto.offset.reset = error: the user asked */
        fail(c, text);
}

static void error_cb(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    (void)rk;
    note_error(opaque, (rd_kafka_resp_err_t)code, text);
}

static bool failed(struct kb_source *src, struct kb_err *err)
{
    struct kb_consumer *c = consumer_of(src);
    if (!c->has_failed || c->told_failure)
        return false;
    *err = c->failure;
    return c->told_failure = true;
}

/* ------------------------------------------------------------------ taking records */

static void drain_wake_fd(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof(count)) > 0) {}
}

static void release_held(struct kb_consumer *c)
{
    for (size_t i = 0; i < c->n_held; i++)
        rd_kafka_message_destroy(c->held[i]);
    c->n_held = 0;
    c->n_headers = 0;
}

static bool room_for_held(struct kb_consumer *c, size_t max)
{
    if (max <= c->held_cap)
        return true;
    rd_kafka_message_t **held = realloc(c->held, max * sizeof(rd_kafka_message_t *));
    if (!held)
        return false;
    c->held = held;
    c->held_cap = max;
    return true;
}

static bool room_for_headers(struct kb_consumer *c, size_t n)
{
    size_t cap = c->headers_cap ? c->headers_cap : 64;
    while (cap < c->n_headers + n)
        cap *= 2;
    if (cap == c->headers_cap)
        return true;
    struct kb_header *headers = realloc(c->headers, cap * sizeof(*headers));
    if (!headers)
        return false;
    c->headers = headers;
    c->headers_cap = cap;
    return true;
}

/* Appends the message's headers to the array, which may still move: the records are pointed at it
 * later. */
static bool add_headers(struct kb_consumer *c, const rd_kafka_message_t *message, size_t *n)
{
    rd_kafka_headers_t *list;
    *n = 0;
    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    size_t count = rd_kafka_header_cnt(list);
    if (!room_for_headers(c, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(list, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        c->headers[c->n_headers++] =
            (struct kb_header){.name = kb_slice_of(name), .value = {value, size}};
        ++*n;
    }
    return true;
}

static void point_at_headers(const struct kb_consumer *c, struct kb_record *records, size_t n)
{
    const struct kb_header *next = c->headers;
    for (size_t i = 0; i < n; i++) {
        records[i].headers = records[i].n_headers ? next : NULL;
        next += records[i].n_headers;
    }
}

/* Fills *rec from a message; false: the message is no record for the worker. */
static bool to_record(
    struct kb_consumer *c, const rd_kafka_message_t *message, struct kb_record *rec)
{
    rd_kafka_timestamp_type_t type;
    if (message->err) {
        note_error(c, message->err, rd_kafka_message_errstr(message));
        return false;
    }
    const struct kb_partition *part = kb_partitions_of(&c->parts, message);
    if (!part || part->leaving)
        return false;
    *rec = (struct kb_record){
        .topic = part->topic,
        .partition = message->partition,
        .slot = part->id.slot,
        .offset = message->offset,
        .timestamp = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    if (add_headers(c, message, &rec->n_headers))
        return true;
    fail(c, "no memory for the headers of a record");
    return false;
}

static size_t take(struct kb_source *src, struct kb_record *out, size_t max, bool *more)
{
    struct kb_consumer *c = consumer_of(src);
    size_t n = 0;
    bool empty = false;

    drain_wake_fd(src->wake_fd);
    release_held(c);
    if (!room_for_held(c, max))
        fail(c, "no memory");
    while (n < max && !empty && !c->has_failed) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(c->rk, 0);
        if (!message)
            empty = true;
        else if (to_record(c, message, &out[n]))
            c->held[n++] = message;
        else
            rd_kafka_message_destroy(message);
    }
    c->n_held = n;
    c->took_records |= n > 0;
    point_at_headers(c, out, n);
    *more = n == max && !c->has_failed;
    return n;
}

/* ------------------------------------------------------------------ rebalances */

static void free_event(struct event *event)
{
    if (event->list)
        rd_kafka_topic_partition_list_destroy(event->list);
    free(event->described.partitions);
    free(event);
}

static void drop_events(struct kb_consumer *c)
{
    while (c->events) {
        struct event *event = c->events;
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
            note_error(c, rd_kafka_error_code(error), rd_kafka_error_string(error));
        if (error)
            rd_kafka_error_destroy(error);
    } else {
        rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, NULL);
        if (code && !c->closing)
            note_error(c, code, rd_kafka_err2str(code));
    }
}

/* Called inside take() on the worker's thread, or inside close on the closing thread, where the
 * worker waits and nobody will come to answer: a revocation is answered at once there, an
 * assignment is ignored. */
static void rebalance_cb(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kb_consumer *c = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        c->seen_assignment = true;
    if (c->closing) {
        if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
            unassign(c, list);
        return;
    }
    struct event *event = calloc(1, sizeof(*event));
    if (!event) {
        fail(c, "no memory for a rebalance");
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
    struct event **end = &c->events;
    while (*end)
        end = &(*end)->next;
    *end = event;
}

/* Lists the partitions for the worker. A revoked partition that was never taken up is left out. */
static bool describe(struct kb_consumer *c, struct event *event)
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

static bool rebalance(struct kb_source *src, struct kb_rebalance **out)
{
    struct kb_consumer *c = consumer_of(src);
    struct event *event = c->events;
    if (!event || c->has_failed)
        return false;
    if (!event->is_described && !describe(c, event)) {
        fail(c, "no memory for a rebalance");
        return false;
    }
    *out = &event->described;
    return true;
}

/* Reading starts at the committed offset, else where auto.offset.reset says. An empty assignment
 * must be answered as well. */
static void apply_assign(struct kb_consumer *c, struct event *event)
{
    const struct kb_rebalance *change = &event->described;
    for (size_t i = 0; i < change->n; i++) {
        const struct kb_partition_id *id = &change->partitions[i];
        if (!kb_partitions_add(&c->parts, id->topic, id->partition, id->slot))
            fail(c, "no memory for the assigned partitions");
    }
    for (int i = 0; i < event->list->cnt; i++)
        event->list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    if (c->cooperative) {
        rd_kafka_error_t *error = rd_kafka_incremental_assign(c->rk, event->list);
        if (error) {
            fail(c, rd_kafka_error_string(error));
            rd_kafka_error_destroy(error);
        }
    } else {
        rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, event->list);
        if (code)
            fail(c, rd_kafka_err2str(code));
    }
}

/* A pause outlives the assignment inside librdkafka: who gets the partition back would read
 * nothing. So what we paused is resumed before it goes. */
static void apply_revoke(struct kb_consumer *c, struct event *event)
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

static void rebalanced(struct kb_source *src)
{
    struct kb_consumer *c = consumer_of(src);
    struct event *event = c->events;
    KB_BUG_ON(!event || !event->is_described);
    c->events = event->next;
    if (event->described.kind == KB_REBALANCE_ASSIGN)
        apply_assign(c, event);
    else
        apply_revoke(c, event);
    free_event(event);
}

/* ------------------------------------------------------------------ pause and resume */

static void pause_slots(struct kb_source *src, const uint32_t *slots, size_t n)
{
    struct kb_consumer *c = consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        struct kb_partition *part = kb_partitions_by_slot(&c->parts, slots[i]);
        if (!part || part->paused || part->leaving)
            continue;
        part->paused = true;
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
static void resume_slots(
    struct kb_source *src, const uint32_t *slots, const int64_t *next, size_t n)
{
    struct kb_consumer *c = consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    rd_kafka_topic_partition_list_t *seeks = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        struct kb_partition *part = kb_partitions_by_slot(&c->parts, slots[i]);
        if (!part || !part->paused || part->leaving)
            continue;
        part->paused = false;
        rd_kafka_topic_partition_list_add(list, part->id.topic, part->id.partition);
        if (next[i] >= 0)
            rd_kafka_topic_partition_list_add(seeks, part->id.topic, part->id.partition)->offset =
                next[i];
    }
    if (list->cnt)
        rd_kafka_resume_partitions(c->rk, list);
    if (seeks->cnt && !c->events)
        wake_fetcher(c, seeks);
    rd_kafka_topic_partition_list_destroy(seeks);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ------------------------------------------------------------------ commits */

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

/* The overall code may be good while a partition's is not, and the other way round: both count. */
static void commit_cb(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kb_consumer *c = opaque;
    struct kb_commit_answer *answer = &c->answer;
    (void)rk;
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
}

static bool commit(struct kb_source *src, const struct kb_commit *commits, size_t n, uint64_t token)
{
    struct kb_consumer *c = consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        const struct kb_partition *part = kb_partitions_by_slot(&c->parts, commits[i].slot);
        KB_BUG_ON(!part); /* an older assignment's commit must not reach the new owner's offset */
        rd_kafka_topic_partition_list_add(list, part->id.topic, part->id.partition)->offset =
            commits[i].offset;
    }
    c->commit_token = token;
    rd_kafka_resp_err_t code = list->cnt
                                   ? rd_kafka_commit_queue(c->rk, list, c->queue, commit_cb, c)
                                   : RD_KAFKA_RESP_ERR__NO_OFFSET;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        kb_client_log_error(&c->log, "commit", "%s", rd_kafka_err2str(code));
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool committed(struct kb_source *src, struct kb_commit_answer *out)
{
    struct kb_consumer *c = consumer_of(src);
    if (!c->has_answer)
        return false;
    *out = c->answer;
    c->has_answer = false;
    return true;
}

/* ------------------------------------------------------------------ facts about the cluster */

/* The first answer after a record is final: an id must not change while messages carry it. */
static struct kb_slice cluster_id(struct kb_source *src)
{
    struct kb_consumer *c = consumer_of(src);
    if (!c->asked_cluster_id) {
        char *id = rd_kafka_clusterid(c->rk, c->took_records ? 0 : CLUSTER_ID_WAIT_MS);
        c->cluster_id = id ? strdup(id) : NULL;
        c->asked_cluster_id = id || c->took_records;
        if (id)
            rd_kafka_mem_free(c->rk, id);
    }
    return kb_slice_of(c->cluster_id);
}

/* From the last fetch answer, without a request. */
static int64_t log_end(struct kb_source *src, uint32_t slot)
{
    struct kb_consumer *c = consumer_of(src);
    const struct kb_partition *part = kb_partitions_by_slot(&c->parts, slot);
    int64_t low = -1, high = -1;
    if (!part || rd_kafka_get_watermark_offsets(c->rk, part->id.topic, part->id.partition, &low,
                     &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

/* ------------------------------------------------------------------ the end */

/* Before 2.3 a cooperative member that joined but never saw an assignment aborts the process when
 * it is destroyed: such a handle is left behind. */
static bool may_destroy(const struct kb_consumer *c)
{
    return !c->cooperative || c->seen_assignment || rd_kafka_version() >= 0x02030000;
}

/* On a thread of its own, because librdkafka has ways to hang here and the daemon must not. */
static void *end_client(void *arg)
{
    struct kb_consumer *c = arg;
    rd_kafka_consumer_close(c->rk);
    if (may_destroy(c))
        rd_kafka_destroy(c->rk);
    return NULL;
}

static void end_client_in_time(struct kb_consumer *c)
{
    pthread_t thread;
    struct timespec until;
    if (pthread_create(&thread, NULL, end_client, c) != 0) {
        end_client(c);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLOSE_WAIT_S;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0)
        return;
    pthread_detach(thread);
    c->stuck = true;
    kb_log_warn("kafka",
        "the Kafka client did not leave its group within %d s; going on without it", CLOSE_WAIT_S);
}

static void close_consumer(struct kb_source *src)
{
    struct kb_consumer *c = consumer_of(src);
    if (c->closing)
        return;
    c->closing = true;
    release_held(c);
    drop_events(c);
    rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(c->queue);
    end_client_in_time(c);
}

void kb_consumer_free(struct kb_source *src)
{
    if (!src)
        return;
    struct kb_consumer *c = consumer_of(src);
    if (c->rk)
        close_consumer(src);
    if (c->stuck)
        return; /* librdkafka's thread may still call back */
    drop_events(c);
    kb_partitions_deinit(&c->parts);
    free(c->held);
    free(c->headers);
    free(c->cluster_id);
    if (src->wake_fd >= 0)
        close(src->wake_fd);
    kb_client_log_deinit(&c->log);
    free(c);
}

/* ------------------------------------------------------------------ the beginning */

static const struct kb_source_ops ops = {
    .take = take,
    .rebalance = rebalance,
    .rebalanced = rebalanced,
    .pause = pause_slots,
    .resume = resume_slots,
    .commit = commit,
    .committed = committed,
    .cluster_id = cluster_id,
    .log_end = log_end,
    .failed = failed,
    .close = close_consumer,
};

/* Empty where the property was never set. */
static void get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
    if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
        *value = '\0';
}

/* Two workers with one instance id would fence each other. */
static bool set_instance_id(
    rd_kafka_conf_t *conf, const struct kb_consumer_options *options, struct kb_err *err)
{
    char id[TEXT_MAX], numbered[TEXT_MAX + 16], why[TEXT_MAX];
    get(conf, "group.instance.id", id, sizeof(id));
    if (!*id || options->n_workers <= 1)
        return true;
    snprintf(numbered, sizeof(numbered), "%s-%d", id, options->worker);
    if (rd_kafka_conf_set(conf, "group.instance.id", numbered, why, sizeof(why)) ==
        RD_KAFKA_CONF_OK)
        return true;
    return kb_err_config(err, "Kafka property \"group.instance.id\": %s", why);
}

static bool check_required(const rd_kafka_conf_t *conf, struct kb_err *err)
{
    char value[TEXT_MAX], mock[TEXT_MAX];
    get(conf, "group.id", value, sizeof(value));
    if (!*value)
        return kb_err_config(err, "Kafka property \"group.id\" is missing: the group whose "
                                  "committed offsets say what is done");
    get(conf, "bootstrap.servers", value, sizeof(value));
    get(conf, "test.mock.num.brokers", mock, sizeof(mock));
    if (!*value && strcmp(mock, "0") == 0)
        return kb_err_config(err, "Kafka property \"bootstrap.servers\" is missing");
    return true;
}

static rd_kafka_conf_t *configure(
    struct kb_consumer *c, const struct kb_consumer_options *options, struct kb_err *err)
{
    char strategy[TEXT_MAX];
    rd_kafka_conf_t *conf = kb_properties_conf(
        options->properties, options->n_properties, KB_CLIENT_CONSUMER, options->queue_bytes, err);
    if (!conf)
        return NULL;
    if (!check_required(conf, err) || !set_instance_id(conf, options, err)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    get(conf, "partition.assignment.strategy", strategy, sizeof(strategy));
    c->cooperative = strstr(strategy, "cooperative") != NULL;
    kb_client_log_attach(conf, &c->log);
    rd_kafka_conf_set_error_cb(conf, error_cb);
    rd_kafka_conf_set_rebalance_cb(conf, rebalance_cb);
    return conf;
}

static bool start_client(struct kb_consumer *c, rd_kafka_conf_t *conf, struct kb_err *err)
{
    static const uint64_t one = 1;
    char why[TEXT_MAX];
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return kb_err_config(err, "Kafka client: %s", why);
    }
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    rd_kafka_queue_io_event_enable(c->queue, c->source.wake_fd, &one, sizeof(one));
    return true;
}

static bool subscribe(
    struct kb_consumer *c, const struct kb_consumer_options *options, struct kb_err *err)
{
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)options->n_topics);
    for (size_t i = 0; i < options->n_topics; i++)
        rd_kafka_topic_partition_list_add(topics, options->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(c->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    return kb_err_config(err,
        "subscribing to the topics: %s; is one of the patterns no regular "
        "expression?",
        rd_kafka_err2str(code));
}

struct kb_source *kb_consumer_new(const struct kb_consumer_options *options, struct kb_err *err)
{
    struct kb_consumer *c = calloc(1, sizeof(*c));
    if (!c) {
        kb_err_fatal(err, "no memory for a Kafka consumer");
        return NULL;
    }
    c->source = (struct kb_source){.ops = &ops, .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    kb_partitions_init(&c->parts);
    bool logs = kb_client_log_init(&c->log, options->properties, options->n_properties);
    rd_kafka_conf_t *conf = NULL;
    if (!logs || c->source.wake_fd < 0)
        kb_err_fatal(err, "no memory or no descriptor for a Kafka consumer");
    else
        conf = configure(c, options, err);
    if (conf && start_client(c, conf, err) && subscribe(c, options, err))
        return &c->source;
    kb_consumer_free(&c->source);
    return NULL;
}
