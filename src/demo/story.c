/* See story.h. The summary is report.c's. */
#include "demo/story.h"

#include "base/clock.h"
#include "demo/report.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    SHOWN = 24,             /* records at most that are sent one at a time, with the local Ably */
    READY_MS = 15000,       /* for the group and the subscriber to be there */
    ATTACH_MS = 1000,       /* Ably itself answers before it has attached to the channel */
    ANSWER_MS = 5000,       /* for one record */
    PROGRESS_MS = 5000,     /* without any, the rest is missing */
    AFTERMATH_MS = 200,     /* for a message that comes twice */
    TERMINAL_PAUSE_MS = 60, /* between rows, where a person looks on */
    STAY_PAUSE_MS = 1000,
    STAY_RECORDS = 100000, /* a good day of them */
    TURN_MS = 10,
};

/* ------------------------------------------------------------------ time */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool going(const struct kb_story *s)
{
    return !s->failed && !atomic_load(&s->daemon_ended);
}

static void fail(struct kb_story *s, const struct kb_err *err)
{
    if (!s->failed)
        fprintf(stderr, "kably demo: %s\n", err->text);
    s->failed = true;
}

/* ------------------------------------------------------------------ what comes back */

static void on_message(void *context, const struct kb_listener_message *message)
{
    static const char *const words[KB_ARRIVAL_COUNT] = {
        [KB_ARRIVAL_AGAIN] = "a second time: ",
        [KB_ARRIVAL_DISORDER] = "out of order: ",
        [KB_ARRIVAL_ELSEWHERE] = "at the wrong channel: ",
        [KB_ARRIVAL_CHANGED] = "changed: ",
    };
    struct kb_story *s = context;
    int64_t now = now_us();
    size_t number;
    enum kb_arrival arrival =
        kb_ledger_arrive(s->ledger, message->channel, message->id, message->data, now, &number);
    if (arrival == KB_ARRIVAL_STRANGER || number != s->watched)
        return;
    int64_t took = now - kb_ledger_entry(s->ledger, number)->sent_us;
    s->answer.tint = arrival == KB_ARRIVAL_GOOD ? KB_TINT_GOOD : KB_TINT_BAD;
    snprintf(s->answer.head, sizeof(s->answer.head), "%s%s  " KB_FMT "  %" PRId64 ".%" PRId64 " ms",
        words[arrival] ? words[arrival] : "", kb_sample_channels[message->channel],
        KB_ARG(message->name), took / 1000, took / 100 % 10);
    snprintf(s->answer.body, sizeof(s->answer.body), KB_FMT, KB_ARG(message->data));
}

static void on_letter(void *context, const struct kb_feed_letter *letter)
{
    struct kb_story *s = context;
    size_t number;
    if (!kb_ledger_dead_letter(
            s->ledger, letter->topic, letter->partition, letter->offset, &number) ||
        number != s->watched)
        return;
    s->answer.tint = KB_TINT_BAD;
    snprintf(s->answer.head, sizeof(s->answer.head), "dead letter in " KB_SAMPLE_DEAD_LETTERS);
    snprintf(s->answer.body, sizeof(s->answer.body), KB_FMT, KB_ARG(letter->reason));
}

/* A file may say that broken records are skipped. Of that nothing can be seen but kably's count. */
static void note_skipped(struct kb_story *s)
{
    if (kb_ledger_count(s->ledger) <= KB_SAMPLE_POISON ||
        kb_ledger_settled(s->ledger, KB_SAMPLE_POISON) ||
        kb_metric_get(KB_METRIC_RECORDS_SKIPPED) == 0)
        return;
    kb_ledger_skip(s->ledger, KB_SAMPLE_POISON);
    if (s->watched == KB_SAMPLE_POISON) {
        s->answer.tint = KB_TINT_BAD;
        snprintf(s->answer.head, sizeof(s->answer.head), "skipped, as on_error says");
    }
}

static void turn(struct kb_story *s, int wait_ms)
{
    struct kb_err err;
    note_skipped(s);
    if (!kb_listener_turn(s->listener, wait_ms, &err) || !kb_feed_turn(s->feed, on_letter, s, &err))
        fail(s, &err);
}

static void turn_for(struct kb_story *s, int64_t ms)
{
    int64_t end = now_us() + ms * 1000;
    while (going(s) && now_us() < end)
        turn(s, TURN_MS);
}

/* ------------------------------------------------------------------ before the first record */

static bool open_story(struct kb_story *s)
{
    const char *bootstrap = kb_mock_kafka_bootstrap(s->place.kafka);
    struct kb_listener_options options = {.url = s->place.url,
        .key = s->place.key,
        .channels = kb_sample_channels,
        .n_channels = kb_n_sample_channels,
        .on_message = on_message,
        .context = s};
    struct kb_err err;

    s->watched = SIZE_MAX;
    s->feed = kb_feed_new(bootstrap, &err);
    if (s->feed)
        s->listener = kb_listener_new(&options, &err);
    if (s->listener) {
        s->ledger = kb_ledger_new(
            s->options.records + (s->options.stay ? STAY_RECORDS : 0), kb_feed_cluster_id(s->feed));
        if (!s->ledger)
            kb_err_fatal(&err, "out of memory for %u records", s->options.records);
    }
    if (!s->ledger)
        fail(s, &err);
    return s->ledger != NULL;
}

static void close_story(struct kb_story *s)
{
    kb_listener_free(s->listener);
    kb_feed_free(s->feed);
    kb_ledger_free(s->ledger);
}

static void announce(const struct kb_story *s)
{
    const struct kb_screen *screen = &s->screen;
    bool real = s->options.real;
    kb_screen_line(screen, KB_TINT_BOLD, "%s",
        real ? "kably on this machine, and the real Ably"
             : "kably, a Kafka, an Ably and a subscriber, all in this process");
    kb_screen_line(screen, KB_TINT_PLAIN, "  Kafka          %s (librdkafka's mock cluster)",
        kb_mock_kafka_bootstrap(s->place.kafka));
    kb_screen_line(screen, KB_TINT_PLAIN, "  Ably           %s%s", s->place.url,
        real ? "" : " (kably's local Ably)");
    kb_screen_line(screen, KB_TINT_PLAIN, "  configuration  %s%s", s->place.config,
        s->place.folder[0] ? " (a copy of the one in the binary)" : "");
    if (s->admin_port > 0)
        kb_screen_line(screen, KB_TINT_PLAIN,
            "  status         %s status --admin http://127.0.0.1:%d", program_invocation_name,
            s->admin_port);
    kb_screen_line(screen, KB_TINT_PLAIN,
        "  subscribe      curl -sN -u \"%s\" \"%s/sse?channel=%s&v=1.1\"",
        real ? "$ABLY_API_KEY" : s->place.key, s->place.url, "demo:chat:lobby");
    kb_screen_gap(screen);
}

/* The daemon has its partitions and every stream is open. */
static bool wait_ready(struct kb_story *s)
{
    int64_t end = now_us() + READY_MS * INT64_C(1000);
    kb_screen_line(&s->screen, KB_TINT_FAINT,
        "joining the consumer group (the mock Kafka lets its first member wait for 3 s) ...");
    while (
        going(s) && (!kb_listener_ready(s->listener) || kb_metric_get(KB_METRIC_REBALANCES) == 0)) {
        if (now_us() > end) {
            struct kb_err err;
            kb_err_fatal(&err, "after %d s %s", READY_MS / 1000,
                kb_listener_ready(s->listener) ? "kably has not joined its consumer group"
                                               : "Ably has not answered the subscriber");
            fail(s, &err);
        }
        turn(s, TURN_MS);
    }
    if (s->options.real)
        turn_for(s, ATTACH_MS);
    return going(s);
}

/* ------------------------------------------------------------------ records */

static void send_next(struct kb_story *s)
{
    struct kb_sample sample;
    struct kb_err err;
    int32_t partition;
    int64_t timestamp = kb_system_wall_ms(), begun = now_us();
    kb_sample_make((uint32_t)kb_ledger_count(s->ledger), &sample);
    if (kb_feed_send(s->feed, &sample, timestamp, &partition, &err))
        kb_ledger_send(s->ledger, partition, timestamp, begun);
    else
        fail(s, &err);
}

static void show(const struct kb_story *s, size_t number)
{
    const struct kb_ledger_entry *entry = kb_ledger_entry(s->ledger, number);
    struct kb_sample sample;
    char head[KB_STORY_TEXT_MAX];
    kb_sample_make((uint32_t)number, &sample);
    snprintf(head, sizeof(head), "%s[%" PRId32 "]@%" PRId64 "  " KB_FMT,
        kb_sample_topics[sample.topic].name, entry->partition, entry->offset, KB_ARG(sample.key));
    kb_screen_pair(&s->screen,
        &(struct kb_cell){.head = head, .body = kb_sample_value(&sample), .tint = KB_TINT_RECORD},
        &(struct kb_cell){
            .head = s->answer.head, .body = kb_slice_of(s->answer.body), .tint = s->answer.tint});
}

/* Sends one record, waits for what becomes of it, and shows both. False: nothing became of it. */
static bool send_and_show(struct kb_story *s)
{
    size_t number = kb_ledger_count(s->ledger);
    int64_t end = now_us() + ANSWER_MS * INT64_C(1000);
    s->watched = number;
    s->answer.tint = KB_TINT_BAD;
    snprintf(s->answer.head, sizeof(s->answer.head), "nothing, for %d s", ANSWER_MS / 1000);
    s->answer.body[0] = '\0';
    send_next(s);
    while (going(s) && !kb_ledger_settled(s->ledger, number) && now_us() < end)
        turn(s, TURN_MS);
    if (kb_ledger_count(s->ledger) == number)
        return false;
    bool settled = kb_ledger_settled(s->ledger, number);
    if (settled || going(s)) /* else a signal cut it off */
        show(s, number);
    return settled;
}

/* False: no use to go on. */
static bool one_by_one(struct kb_story *s)
{
    uint32_t records = s->options.records;
    s->one_by_one = s->options.real || records < SHOWN ? records : SHOWN;
    for (size_t i = 0; i < s->one_by_one && going(s); i++) {
        if (!send_and_show(s))
            return false;
        if (s->screen.terminal)
            turn_for(s, TERMINAL_PAUSE_MS);
    }
    return going(s);
}

static void at_once(struct kb_story *s)
{
    size_t n = s->options.records - s->one_by_one;
    int64_t begun = now_us(), progress = begun;
    if (n == 0)
        return;
    kb_screen_line(&s->screen, KB_TINT_FAINT, "... and %zu more at once", n);
    for (size_t i = 0; i < n && going(s); i++) {
        send_next(s);
        if (i % 100 == 99)
            turn(s, 0);
    }
    for (size_t settled = 0; going(s) && settled < s->options.records;) {
        turn(s, TURN_MS);
        size_t count = kb_ledger_settled_count(s->ledger);
        if (count > settled)
            progress = now_us();
        else if (now_us() - progress > PROGRESS_MS * INT64_C(1000))
            break;
        settled = count;
    }
    s->at_once_us = progress - begun;
}

/* ------------------------------------------------------------------ the end */

static void stay(struct kb_story *s)
{
    kb_screen_gap(&s->screen);
    kb_report_what_to_try(s);
    while (going(s) && kb_ledger_room(s->ledger) > 0) {
        send_and_show(s);
        turn_for(s, STAY_PAUSE_MS);
    }
}

/* Ends the daemon as an operator would, and looks on until it has drained. */
static void end_daemon(struct kb_story *s)
{
    if (!atomic_load(&s->daemon_ended))
        kill(getpid(), SIGTERM);
    while (!atomic_load(&s->daemon_ended)) {
        if (s->failed)
            usleep(TURN_MS * 1000);
        else
            turn(s, TURN_MS);
    }
}

void kb_story_tell(struct kb_story *s)
{
    kb_screen_init(&s->screen, stdout);
    if (open_story(s)) {
        announce(s);
        if (wait_ready(s) && one_by_one(s)) {
            at_once(s);
            turn_for(s, AFTERMATH_MS);
        }
        s->good = kb_ledger_count(s->ledger) > 0 && kb_report_print(s);
        if (s->good && s->options.stay)
            stay(s);
    }
    end_daemon(s);
    s->good = s->good && !s->failed && kb_report_still_good(s);
    close_story(s);
}
