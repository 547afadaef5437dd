/* A small stand-in for the worker: it owns a consumer, numbers the slots, answers rebalances the
 * way the worker does (commit, wait for the answer, let go), and checks every record on the way.
 *
 *     struct kafka_member member;
 *     kafka_member_join(&member, bootstraps, "group", "range", topics, n_topics, on_record, arg);
 *     kafka_member_turn(&member);                    // again and again
 *     kafka_member_leave(&member);
 *
 * Each record goes through a kb_offsets window and is finished at once. `gaps` counts offsets that
 * were jumped over and must stay 0 on topics without compaction. Thread: one member, one thread. */
#ifndef TESTS_SUPPORT_KAFKA_MEMBER_H
#define TESTS_SUPPORT_KAFKA_MEMBER_H

#include "kafka/consumer.h"
#include "kafka/offsets.h"

#include <poll.h>
#include <time.h>

enum { MEMBER_SLOTS = 64, MEMBER_TAKE = 256 };

/* Short, so that the mock rebalances soon; a real broker's lower bound is 6000. */
static const char *kafka_member_session_ms = "4000";

/* The topic that the next member to join is not to read; NULL = none. */
static const char *kafka_member_ignores;

struct kafka_member;
typedef void (*kafka_member_record)(
    struct kafka_member *member, const struct kb_record *rec, void *arg);

struct kafka_member_slot {
    bool used, paused;
    char topic[64];
    int32_t partition;
    struct kb_offsets window;
    int64_t sent; /* the offset of the last commit that was asked for, -1 = none */
};

struct kafka_member {
    struct kb_source *src;
    struct kafka_member_slot slots[MEMBER_SLOTS];
    kafka_member_record on_record;
    void *arg;
    uint64_t token;
    bool commit_out;
    struct kb_commit_answer last_answer;
    unsigned long records, repeats, gaps, while_paused, assigns, revokes, lost, commits, fenced,
        new_logs;
    bool more;
};

static inline int64_t kafka_member_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline bool kafka_member_try_join(struct kafka_member *m, const char *bootstraps,
    const char *group, const char *strategy, const char *const *topics, size_t n_topics,
    kafka_member_record on_record, void *arg, struct kb_err *err)
{
    struct kb_property properties[] = {
        {(char *)"bootstrap.servers", (char *)bootstraps, false, 1},
        {(char *)"group.id", (char *)group, false, 2},
        {(char *)"partition.assignment.strategy", (char *)strategy, false, 3},
        {(char *)"session.timeout.ms", (char *)kafka_member_session_ms, false, 4},
        {(char *)"heartbeat.interval.ms", (char *)"300", false, 5},
        {(char *)"fetch.wait.max.ms", (char *)"10", false, 6},
        {(char *)"reconnect.backoff.max.ms", (char *)"300", false, 7},
    };
    struct kb_consumer_options options = {.properties = properties,
        .n_properties = KB_COUNT(properties),
        .topics = topics,
        .n_topics = n_topics,
        .queue_bytes = 64 << 20,
        .ignored_topic = kafka_member_ignores,
        .n_workers = 1};
    *m = (struct kafka_member){.on_record = on_record, .arg = arg};
    m->src = kb_consumer_new(&options, err);
    return m->src != NULL;
}

static inline void kafka_member_join(struct kafka_member *m, const char *bootstraps,
    const char *group, const char *strategy, const char *const *topics, size_t n_topics,
    kafka_member_record on_record, void *arg)
{
    struct kb_err err;
    if (kafka_member_try_join(
            m, bootstraps, group, strategy, topics, n_topics, on_record, arg, &err))
        return;
    fprintf(stderr, "member: %s\n", err.text);
    exit(1);
}

/* Waits up to `ms` for something to happen. */
static inline void kafka_member_wait(struct kafka_member *m, int ms)
{
    struct pollfd fd = {.fd = m->src->wake_fd, .events = POLLIN};
    if (!m->more)
        poll(&fd, 1, ms);
}

static inline size_t kafka_member_take(struct kafka_member *m)
{
    struct kb_record records[MEMBER_TAKE];
    size_t n = m->src->ops->take(m->src, records, MEMBER_TAKE, &m->more);
    for (size_t i = 0; i < n; i++) {
        const struct kb_record *rec = &records[i];
        struct kafka_member_slot *slot = &m->slots[rec->slot];
        KB_BUG_ON(!slot->used || slot->partition != rec->partition ||
                  !kb_slice_is(rec->topic, slot->topic));
        m->while_paused += slot->paused;
        if (rec->new_log) {
            kb_offsets_restart(&slot->window, rec->offset);
            slot->sent = -1;
            m->new_logs++;
        }
        int64_t next = kb_offsets_next(&slot->window);
        if (kb_offsets_add(&slot->window, rec->offset) != KB_OFFSET_TAKEN) {
            m->repeats++;
            continue;
        }
        m->gaps += next >= 0 && rec->offset != next;
        m->records++;
        if (m->on_record)
            m->on_record(m, rec, m->arg);
        kb_offsets_done(&slot->window, rec->offset);
    }
    return n;
}

/* Or resumes it, behind the last record that has come. */
static inline void kafka_member_pause(struct kafka_member *m, uint32_t slot, bool pause)
{
    m->slots[slot].paused = pause;
    int64_t next = kb_offsets_next(&m->slots[slot].window);
    if (pause)
        m->src->ops->pause(m->src, &slot, 1);
    else
        m->src->ops->resume(m->src, &slot, &next, 1);
}

/* Asks for a commit of everything that is done and was not asked for yet. False: there is nothing
 * of the kind. */
static inline bool kafka_member_commit(struct kafka_member *m)
{
    struct kb_commit commits[MEMBER_SLOTS];
    size_t n = 0;
    for (uint32_t i = 0; i < MEMBER_SLOTS; i++) {
        struct kafka_member_slot *slot = &m->slots[i];
        int64_t offset = slot->used ? kb_offsets_committable(&slot->window) : -1;
        if (offset <= slot->sent || offset < 0)
            continue;
        commits[n++] = (struct kb_commit){i, offset};
        slot->sent = offset;
    }
    m->commit_out = n && m->src->ops->commit(m->src, commits, n, ++m->token);
    return m->commit_out;
}

static inline void kafka_member_answers(struct kafka_member *m)
{
    struct kb_commit_answer answer;
    while (m->src->ops->committed(m->src, &answer)) {
        KB_BUG_ON(!m->commit_out || answer.token != m->token);
        m->commit_out = false;
        m->last_answer = answer;
        m->commits += answer.ok;
        m->fenced += answer.fenced;
        for (size_t i = 0; !answer.ok && i < MEMBER_SLOTS; i++)
            m->slots[i].sent = -1; /* asked for again */
    }
}

/* Keeps polling until the commit that is out is answered. */
static inline bool kafka_member_await_commit(struct kafka_member *m, int ms)
{
    const int64_t until = kafka_member_ms() + ms;
    while (m->commit_out && kafka_member_ms() < until) {
        kafka_member_wait(m, 10);
        kafka_member_take(m);
        kafka_member_answers(m);
    }
    return !m->commit_out;
}

static inline void kafka_member_assigned(struct kafka_member *m, struct kb_rebalance *change)
{
    uint32_t at = 0;
    m->assigns++;
    for (size_t i = 0; i < change->n; i++) {
        while (m->slots[at].used)
            KB_BUG_ON(++at == MEMBER_SLOTS);
        struct kafka_member_slot *slot = &m->slots[at];
        *slot = (struct kafka_member_slot){
            .used = true, .partition = change->partitions[i].partition, .sent = -1};
        snprintf(slot->topic, sizeof(slot->topic), "%.63s", change->partitions[i].topic);
        kb_offsets_init(&slot->window);
        change->partitions[i].slot = at;
    }
    m->src->ops->rebalanced(m->src);
}

static inline void kafka_member_revoked(struct kafka_member *m, struct kb_rebalance *change)
{
    m->revokes++;
    m->lost += change->lost;
    if (!change->lost && kafka_member_await_commit(m, 5000) && kafka_member_commit(m))
        kafka_member_await_commit(m, 5000);
    for (size_t i = 0; i < change->n; i++) {
        struct kafka_member_slot *slot = &m->slots[change->partitions[i].slot];
        KB_BUG_ON(!slot->used || slot->partition != change->partitions[i].partition);
        kb_offsets_deinit(&slot->window);
        slot->used = false;
    }
    m->src->ops->rebalanced(m->src);
}

/* Answers a rebalance if one waits; true if there was one. */
static inline bool kafka_member_rebalance(struct kafka_member *m)
{
    struct kb_rebalance *change;
    if (!m->src->ops->rebalance(m->src, &change))
        return false;
    if (change->kind == KB_REBALANCE_ASSIGN)
        kafka_member_assigned(m, change);
    else
        kafka_member_revoked(m, change);
    return true;
}

static inline void kafka_member_turn(struct kafka_member *m)
{
    kafka_member_wait(m, 10);
    kafka_member_take(m);
    kafka_member_answers(m);
    kafka_member_rebalance(m);
}

static inline size_t kafka_member_slots(const struct kafka_member *m)
{
    size_t n = 0;
    for (size_t i = 0; i < MEMBER_SLOTS; i++)
        n += m->slots[i].used;
    return n;
}

/* Turns until it has taken so many records in all. False, and a word about it, where it has not in
 * that time, or has taken more. */
static inline bool kafka_member_run_until(
    struct kafka_member *m, unsigned long records, int seconds)
{
    const int64_t until = kafka_member_ms() + seconds * 1000;
    while (m->records < records && kafka_member_ms() < until)
        kafka_member_turn(m);
    if (m->records != records)
        fprintf(
            stderr, "member: %lu records in %d s, expected %lu\n", m->records, seconds, records);
    return m->records == records;
}

static inline void kafka_member_leave(struct kafka_member *m)
{
    if (kafka_member_await_commit(m, 5000) && kafka_member_commit(m))
        kafka_member_await_commit(m, 5000);
    m->src->ops->close(m->src, 15000);
    kb_consumer_free(m->src);
    for (size_t i = 0; i < MEMBER_SLOTS; i++) {
        if (m->slots[i].used)
            kb_offsets_deinit(&m->slots[i].window);
    }
}

#endif
