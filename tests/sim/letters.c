/* The simulated dead-letter topic, one producer a worker: a queue with an end, acknowledgements
 * that come late or as errors, letters that are written though their acknowledgement is lost, times
 * in which nothing goes.
 *
 * A letter counts from the moment the broker has it. The original is read then, not when it was
 * sent: the door says it is borrowed until the acknowledgement. */
#include "ably.h"
#include "kafka.h"
#include "plan.h"
#include "record/dead_letter.h"
#include "truth.h"
#include "world.h"

#include <stdio.h>

#define QUEUE_MAX 40

struct sim_letters {
    int64_t down_until_ms;
};

struct letter {
    struct letter *next;
    struct producer *producer;
    const struct kb_original *original;
    void *tag;
    bool ok, answered;
};

struct producer {
    struct kb_dead_letters door;
    struct sim *sim;
    struct sim_worker *worker;
    bool dead;
    struct letter *queue; /* oldest first */
    size_t n;
};

static bool same(struct kb_slice a, struct kb_slice b)
{
    return kb_slice_eq(a, b) && !a.ptr == !b.ptr;
}

/* The record it is of; a failure if it is not that record, byte for byte. */
static struct sim_record *record_of(struct sim *sim, const struct kb_record *given)
{
    struct sim_partition *part = sim_partition_find(sim, given->topic, given->partition);
    struct sim_record *rec = part ? sim_record_find(part, given->offset, given->timestamp) : NULL;
    bool right = rec && same(rec->key, given->key) && same(rec->value, given->value) &&
                 rec->timestamp == given->timestamp && rec->n_headers == given->n_headers;
    for (size_t i = 0; right && i < rec->n_headers; i++)
        right = same(rec->headers[i].name, given->headers[i].name) &&
                same(rec->headers[i].value, given->headers[i].value);
    if (!right)
        sim_fail(sim, KB_FMT "[%d]@%lld: the dead letter is not the record", KB_ARG(given->topic),
            (int)given->partition, (long long)given->offset);
    return right ? rec : NULL;
}

static void reach_broker(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct letter *letter = object;
    if (letter->producer->dead)
        return;
    bool down = sim->letters->down_until_ms > sim->now_ms;
    bool written = !down && !sim_faulty(sim, SIM_FAULT_LETTERS, 100);
    struct sim_record *rec = record_of(sim, &letter->original->record);
    if (rec && written && (sim->sabotage != SIM_FORGET_LETTER || sim_chance(sim, 700)))
        rec->letters++;
    letter->ok = written && !sim_faulty(sim, SIM_FAULT_LETTERS, 50);
    letter->answered = true;
    sim_worker_poke(letter->producer->worker, 0);
}

static bool send_letter(struct kb_dead_letters *dl, const struct kb_original *original,
    const struct kb_dead_letter_reason *reason, void *tag, struct kb_err *err)
{
    struct producer *producer = (struct producer *)dl;
    struct sim *sim = producer->sim;
    if (producer->dead)
        return kb_err_outage(err, "sim: the process is dead");
    bool away = sim->letters->down_until_ms > sim->now_ms && sim_chance(sim, 500);
    if (producer->n == QUEUE_MAX || away || sim_faulty(sim, SIM_FAULT_LETTERS, 50))
        return kb_err_outage(err, "sim: the queue of dead letters is full");
    if (!reason->text || reason->failure >= KB_FAILURE_COUNT)
        sim_fail(sim, "worker %d: a dead letter without a reason", producer->worker->number);
    struct sim_record *rec = record_of(sim, &original->record);
    if (!rec)
        return true;
    sim_truth_letter(sim, rec, producer->worker);
    struct letter *letter = sim_alloc(sim, sizeof(*letter));
    *letter = (struct letter){.producer = producer, .original = original, .tag = tag};
    struct letter **last = &producer->queue;
    while (*last)
        last = &(*last)->next;
    *last = letter;
    producer->n++;
    producer->worker->activity++;
    sim_trace(sim, "worker %d writes a dead letter for %s[%d]@%lld: %s", producer->worker->number,
        rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
        kb_failure_name(reason->failure));
    int64_t slow = sim_faulty(sim, SIM_FAULT_LETTERS, 100) ? 20000 : 100;
    sim_after(sim, sim_skewed(sim, 1, slow), reach_broker, letter, 0);
    return true;
}

static bool acknowledged(struct kb_dead_letters *dl, struct kb_dead_letter_ack *out)
{
    struct producer *producer = (struct producer *)dl;
    struct letter **at = &producer->queue;
    while (*at && !(*at)->answered)
        at = &(*at)->next;
    struct letter *letter = *at;
    if (producer->dead || !letter)
        return false;
    *at = letter->next;
    producer->n--;
    producer->worker->activity++;
    *out = (struct kb_dead_letter_ack){.tag = letter->tag, .ok = letter->ok};
    snprintf(out->text, sizeof(out->text), "%s", letter->ok ? "" : "Local: Message timed out");
    return true;
}

static const struct kb_dead_letters_ops ops = {send_letter, acknowledged};

struct kb_dead_letters *sim_letters_new(struct sim *sim, struct sim_worker *worker)
{
    if (!sim->letters)
        sim->letters = sim_alloc(sim, sizeof(*sim->letters));
    if (!sim->plan->dead_letters)
        return NULL;
    struct producer *producer = sim_alloc(sim, sizeof(*producer));
    producer->door.ops = &ops;
    producer->door.wake_fd = -1;
    producer->sim = sim;
    producer->worker = worker;
    return &producer->door;
}

void sim_letters_crash(struct kb_dead_letters *dl)
{
    if (dl)
        ((struct producer *)dl)->dead = true;
}

void sim_letters_trouble(struct sim *sim, int64_t for_ms)
{
    if (sim->letters)
        sim->letters->down_until_ms = sim->now_ms + for_ms;
}
