/* Three consumers of one group under everything that has ever lost a record: random pauses and
 * resumes, members that leave and join, rebalances answered late, commits in between; a producer
 * that never stops.
 *
 *     consume_stress [--seconds N] [--strategy range|cooperative-sticky] [--seed N]
 *                    [--bootstrap HOST:PORT]
 *
 * Without --bootstrap it brings librdkafka's mock cluster along. Every partition carries its own
 * sequence; the rules, checked at each record and at the end:
 *
 *     start   a member reads on exactly where the group's last good commit stands (or, if a
 *             commit was out when its member lost the partition, anywhere up to what that asked)
 *     gap     after a start, offsets follow each other without a hole
 *     repeat  nothing below the next expected offset passes the offsets window
 *     stale   no record of a partition somebody else holds by now
 *     end     when the producer has stopped, the commits reach the end of every partition
 *
 * Prints its seed and its counts; exit 1 if a rule was broken.
 *
 * Threads: one per member, one producing; `board` with its lock is all they share. */
#include "base/log.h"
#include "base/random.h"
#include "support/kafka_member.h"
#include "support/kafka_mock.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MEMBERS = 3, PARTITIONS = 12, RULES_SHOWN = 10 };

struct partition {
    int64_t produced;  /* acknowledged by the broker */
    int64_t committed; /* the last good answer */
    int64_t asked;     /* the highest offset any commit asked for */
    int holder;        /* the member that took it up last, -1 = none */
    unsigned long starts;
};

struct board {
    pthread_mutex_t lock; /* guards everything below */
    struct partition partitions[PARTITIONS];
    unsigned long broken, records, repeats, pauses, assigns, revokes, lost, commits, fenced, joins;
};

static struct board board = {.lock = PTHREAD_MUTEX_INITIALIZER};
static atomic_bool producing = true, stopping = false;

struct settings {
    const char *bootstrap, *strategy, *topic, *group;
    int seconds;
    uint64_t seed;
    bool mock;
};

struct stressed {
    struct kafka_member member;
    const struct settings *settings;
    struct kb_random_seeded random;
    int number;
    int64_t next_ms[MEMBER_SLOTS]; /* when a slot is paused or resumed again */
    bool fresh[MEMBER_SLOTS];      /* nothing was read since the assignment */
    struct kb_commit out[MEMBER_SLOTS];
    size_t n_out;
};

static void broken(const char *rule, int member, int32_t partition, int64_t got, int64_t want)
{
    if (board.broken++ < RULES_SHOWN)
        printf("BROKEN %s: member %d, partition %d: offset %lld, expected %lld\n", rule, member,
            (int)partition, (long long)got, (long long)want);
}

static uint64_t below(struct stressed *s, uint64_t limit)
{
    return kb_random_below(&s->random.random, limit);
}

/* ------------------------------------------------------------------ producing */

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err)
        return;
    pthread_mutex_lock(&board.lock);
    struct partition *p = &board.partitions[message->partition];
    if (message->offset + 1 > p->produced)
        p->produced = message->offset + 1;
    pthread_mutex_unlock(&board.lock);
}

static rd_kafka_t *new_producer(const char *bootstrap)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
    rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof(why));
    rd_kafka_conf_set(conf, "linger.ms", "2", why, sizeof(why));
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    kafka_mock_must(rk != NULL, "producer");
    return rk;
}

/* About six thousand records a second, spread over the partitions. */
static void *produce(void *arg)
{
    const struct settings *settings = arg;
    rd_kafka_t *rk = new_producer(settings->bootstrap);
    for (int64_t i = 0; producing; i++) {
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(settings->topic),
            RD_KAFKA_V_PARTITION((int32_t)(i % PARTITIONS)),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(&i, sizeof(i)),
            RD_KAFKA_V_END);
        if (i % 60 == 0) {
            rd_kafka_poll(rk, 0);
            usleep(10000);
        }
    }
    rd_kafka_flush(rk, 30000);
    rd_kafka_destroy(rk);
    return NULL;
}

/* ------------------------------------------------------------------ the rules */

/* The member's own checks (kafka_member_take) have counted gaps and dropped repeats before this is
 * called. */
static void on_record(struct kafka_member *m, const struct kb_record *rec, void *arg)
{
    struct stressed *s = arg;
    (void)m;
    pthread_mutex_lock(&board.lock);
    struct partition *p = &board.partitions[rec->partition];
    board.records++;
    if (s->fresh[rec->slot] && (rec->offset < p->committed || rec->offset > p->asked) &&
        rec->offset != p->committed)
        broken("start", s->number, rec->partition, rec->offset, p->committed);
    if (p->holder != s->number)
        broken("stale", s->number, rec->partition, rec->offset, p->committed);
    pthread_mutex_unlock(&board.lock);
    s->fresh[rec->slot] = false;
}

/* What the commit that goes out now asks for; told to the board before it can have an effect. */
static bool commit(struct stressed *s)
{
    struct kafka_member *m = &s->member;
    pthread_mutex_lock(&board.lock);
    for (uint32_t i = 0; i < MEMBER_SLOTS; i++) {
        int64_t offset = m->slots[i].used ? kb_offsets_committable(&m->slots[i].window) : -1;
        struct partition *p = &board.partitions[m->slots[i].partition];
        if (offset > p->asked)
            p->asked = offset;
    }
    pthread_mutex_unlock(&board.lock);
    s->n_out = 0;
    for (uint32_t i = 0; i < MEMBER_SLOTS; i++) {
        int64_t offset = m->slots[i].used ? kb_offsets_committable(&m->slots[i].window) : -1;
        if (offset > m->slots[i].sent)
            s->out[s->n_out++] = (struct kb_commit){(uint32_t)m->slots[i].partition, offset};
    }
    return kafka_member_commit(m);
}

/* Waits for the answer and writes a good one on the board. */
static void settle(struct stressed *s)
{
    if (!kafka_member_await_commit(&s->member, 20000)) {
        pthread_mutex_lock(&board.lock);
        broken("no answer to a commit", s->number, -1, 0, 0);
        pthread_mutex_unlock(&board.lock);
    }
    if (!s->n_out)
        return;
    pthread_mutex_lock(&board.lock);
    for (size_t i = 0; s->member.last_answer.ok && i < s->n_out; i++) {
        struct partition *p = &board.partitions[s->out[i].slot];
        if (s->out[i].offset > p->committed)
            p->committed = s->out[i].offset;
    }
    board.commits += s->member.last_answer.ok;
    board.fenced += s->member.last_answer.fenced;
    pthread_mutex_unlock(&board.lock);
    s->n_out = 0;
}

/* ------------------------------------------------------------------ a member's life */

static void assigned(struct stressed *s, struct kb_rebalance *change)
{
    pthread_mutex_lock(&board.lock);
    board.assigns++;
    for (size_t i = 0; i < change->n; i++) {
        struct partition *p = &board.partitions[change->partitions[i].partition];
        p->holder = s->number;
        p->starts++;
    }
    pthread_mutex_unlock(&board.lock);
    kafka_member_assigned(&s->member, change);
    for (size_t i = 0; i < MEMBER_SLOTS; i++)
        s->fresh[i] |= s->member.slots[i].used && kb_offsets_next(&s->member.slots[i].window) < 0;
}

static void revoked(struct stressed *s, struct kb_rebalance *change)
{
    if (!change->lost && commit(s))
        settle(s);
    pthread_mutex_lock(&board.lock);
    board.revokes++;
    board.lost += change->lost;
    pthread_mutex_unlock(&board.lock);
    for (size_t i = 0; i < change->n; i++) {
        struct kafka_member_slot *slot = &s->member.slots[change->partitions[i].slot];
        kb_offsets_deinit(&slot->window);
        slot->used = false;
    }
    s->member.src->ops->rebalanced(s->member.src);
}

/* Sometimes the worker answers at once, sometimes it still has requests in flight. */
static void rebalance(struct stressed *s)
{
    struct kb_rebalance *change;
    if (!s->member.src->ops->rebalance(s->member.src, &change))
        return;
    const int64_t until = kafka_member_ms() + (int64_t)(below(s, 2) ? below(s, 300) : 0);
    while (kafka_member_ms() < until) {
        kafka_member_wait(&s->member, 10);
        kafka_member_take(&s->member);
    }
    if (change->kind == KB_REBALANCE_ASSIGN)
        assigned(s, change);
    else
        revoked(s, change);
}

static void pause_and_resume(struct stressed *s, int64_t now)
{
    struct kafka_member *m = &s->member;
    for (uint32_t i = 0; i < MEMBER_SLOTS; i++) {
        struct kafka_member_slot *slot = &m->slots[i];
        if (!slot->used || now < s->next_ms[i])
            continue;
        int64_t next = kb_offsets_next(&slot->window);
        slot->paused = !slot->paused;
        if (slot->paused)
            m->src->ops->pause(m->src, &i, 1);
        else
            m->src->ops->resume(m->src, &i, &next, 1);
        s->next_ms[i] = now + (int64_t)below(s, slot->paused ? 30 : 60);
        pthread_mutex_lock(&board.lock);
        board.pauses += slot->paused;
        pthread_mutex_unlock(&board.lock);
    }
}

static void join(struct stressed *s)
{
    const char *topics[] = {s->settings->topic};
    kafka_member_join(&s->member, s->settings->bootstrap, s->settings->group, s->settings->strategy,
        topics, 1, on_record, s);
    pthread_mutex_lock(&board.lock);
    board.joins++;
    pthread_mutex_unlock(&board.lock);
}

static void leave(struct stressed *s)
{
    if (commit(s))
        settle(s);
    s->member.src->ops->close(s->member.src, 15000);
    kb_consumer_free(s->member.src);
    pthread_mutex_lock(&board.lock);
    board.repeats += s->member.repeats;
    if (s->member.gaps)
        broken("gap", s->number, -1, (int64_t)s->member.gaps, 0);
    /* Nothing is cut here: each would be a repeat taken for something new. */
    if (s->member.new_logs)
        broken("new log", s->number, -1, (int64_t)s->member.new_logs, 0);
    if (s->member.while_paused)
        broken("record of a paused partition", s->number, -1, (int64_t)s->member.while_paused, 0);
    pthread_mutex_unlock(&board.lock);
    for (size_t i = 0; i < MEMBER_SLOTS; i++) {
        if (s->member.slots[i].used)
            kb_offsets_deinit(&s->member.slots[i].window);
    }
}

/* Cooperative members of a librdkafka before 2.10 lose their whole assignment when a commit meets a
 * group that is joining, and on the mock, which joins for seconds, they never get anywhere with a
 * commit a second. */
static int64_t next_commit(struct stressed *s, int64_t now)
{
    bool eager = strcmp(s->settings->strategy, "range") == 0;
    return now + (eager ? 300 : 6000 + (int64_t)below(s, 3000));
}

/* One membership: from joining until it is time to leave. When nothing is produced any more,
 * everybody stays until the rest is committed. */
static void live_until(struct stressed *s, int64_t end_ms)
{
    int64_t commit_ms = next_commit(s, kafka_member_ms());
    join(s);
    for (int64_t now = kafka_member_ms(); (now < end_ms || !producing) && !stopping;
         now = kafka_member_ms()) {
        kafka_member_wait(&s->member, 10);
        kafka_member_take(&s->member);
        pause_and_resume(s, now);
        if (now >= commit_ms) {
            if (commit(s))
                settle(s);
            commit_ms = next_commit(s, now);
        }
        rebalance(s);
    }
    leave(s);
}

/* Member 0 stays, so that the group never dies; the others come and go. */
static void *live(void *arg)
{
    struct stressed *s = arg;
    while (!stopping) {
        const int64_t life = s->number == 0 ? INT32_MAX : 2000 + (int64_t)below(s, 6000);
        live_until(s, kafka_member_ms() + life);
        if (producing)
            usleep((useconds_t)below(s, 1000000));
    }
    return NULL;
}

/* ------------------------------------------------------------------ the run */

static bool all_committed(void)
{
    bool all = true;
    pthread_mutex_lock(&board.lock);
    for (int32_t i = 0; i < PARTITIONS; i++)
        all &= board.partitions[i].committed >= board.partitions[i].produced;
    pthread_mutex_unlock(&board.lock);
    return all;
}

static void check_end(void)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        const struct partition *p = &board.partitions[i];
        if (p->committed != p->produced)
            broken("end", -1, i, p->committed, p->produced);
    }
}

static void run(const struct settings *settings)
{
    static struct stressed members[MEMBERS];
    pthread_t threads[MEMBERS], producer;
    for (int i = 0; i < PARTITIONS; i++)
        board.partitions[i].holder = -1;
    pthread_create(&producer, NULL, produce, (void *)settings);
    for (int i = 0; i < MEMBERS; i++) {
        members[i].settings = settings;
        members[i].number = i;
        kb_random_seed(&members[i].random, settings->seed + (uint64_t)i);
        pthread_create(&threads[i], NULL, live, &members[i]);
    }
    sleep((unsigned)settings->seconds);
    producing = false;
    pthread_join(producer, NULL);
    const int64_t until = kafka_member_ms() + 60000;
    while (!all_committed() && kafka_member_ms() < until)
        usleep(100000);
    stopping = true;
    for (int i = 0; i < MEMBERS; i++)
        pthread_join(threads[i], NULL);
    check_end();
}

static void report(const struct settings *settings)
{
    int64_t produced = 0;
    for (int i = 0; i < PARTITIONS; i++)
        produced += board.partitions[i].produced;
    printf("%s %s: seed %llu, produced %lld, records %lu, joins %lu, assigns %lu, revokes %lu, "
           "lost %lu, pauses %lu, commits %lu, fenced %lu, repeats dropped %lu, broken %lu\n",
        settings->mock ? "mock" : "broker", settings->strategy, (unsigned long long)settings->seed,
        (long long)produced, board.records, board.joins, board.assigns, board.revokes, board.lost,
        board.pauses, board.commits, board.fenced, board.repeats, board.broken);
    if (produced == 0 || board.pauses == 0 || board.commits == 0) {
        printf("BROKEN: nothing was tested\n");
        board.broken++;
    }
}

static bool parse(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {{"seconds", required_argument, NULL, 'n'},
        {"strategy", required_argument, NULL, 's'}, {"bootstrap", required_argument, NULL, 'b'},
        {"seed", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'n')
            settings->seconds = (int)strtol(optarg, NULL, 10);
        else if (c == 's')
            settings->strategy = optarg;
        else if (c == 'b')
            settings->bootstrap = optarg;
        else if (c == 'r')
            settings->seed = strtoull(optarg, NULL, 10);
        else
            return false;
    }
    return optind == argc && settings->seconds > 0;
}

/* On a real broker each run has a topic of its own. */
static void create_topic(const struct settings *settings)
{
    char why[256];
    rd_kafka_t *rk = new_producer(settings->bootstrap);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(settings->topic, PARTITIONS, 1, why, sizeof(why));
    rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    kafka_mock_must(event && !rd_kafka_event_error(event), "creating the topic");
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    struct settings settings = {.strategy = "range", .seconds = 15};
    struct kafka_mock mock = {0};
    char name[64];
    settings.seed = kb_random_system()->next(kb_random_system()) >> 1;
    if (!parse(argc, argv, &settings)) {
        fprintf(stderr, "usage: consume_stress [--seconds N] [--strategy range|cooperative-sticky] "
                        "[--bootstrap HOST:PORT] [--seed N]\n");
        return 2;
    }
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    snprintf(name, sizeof(name), "stress-%llu", (unsigned long long)settings.seed);
    settings.topic = settings.group = name;
    settings.mock = !settings.bootstrap;
    if (settings.mock) {
        kafka_mock_start(&mock, 2);
        kafka_mock_topic(&mock, name, PARTITIONS);
        settings.bootstrap = mock.bootstraps;
    } else {
        kafka_member_session_ms = "6000";
        create_topic(&settings);
    }
    run(&settings);
    report(&settings);
    if (settings.mock)
        kafka_mock_stop(&mock);
    return board.broken ? 1 : 0;
}
