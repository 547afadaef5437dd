/* The demo's books: what was sent, what arrived, and whether that is right. The demo succeeds only
 * where they say so.
 *
 *     struct kb_ledger *ledger = kb_ledger_new(1000, cluster_id);
 *     number = kb_ledger_send(ledger, partition, timestamp, now_us);   // record 0, 1, 2 ...
 *     kb_ledger_arrive(ledger, channel, id, data, now_us, &number);    // a subscriber's message
 *     kb_ledger_dead_letter(ledger, topic, partition, offset, &number);
 *     kb_ledger_report(ledger, &report);                               // report.good?
 *     kb_ledger_free(ledger);
 *
 * Right is: every record once, at its channel, byte for byte, after all earlier ones of that
 * channel; the poison record once in the dead-letter topic and nowhere else, or skipped where the
 * file says so. A message belongs to a
 * record by its id, which the books work out by themselves; any other id is a stranger's. Pure:
 * time comes in. Thread: one at a time. */
#ifndef KB_DEMO_LEDGER_H
#define KB_DEMO_LEDGER_H

#include "base/compiler.h"
#include "demo/samples.h"

enum kb_arrival {
    KB_ARRIVAL_GOOD,
    KB_ARRIVAL_STRANGER, /* of no record of ours: no number */
    KB_ARRIVAL_AGAIN,
    KB_ARRIVAL_DISORDER, /* behind a later record of its channel */
    KB_ARRIVAL_ELSEWHERE,
    KB_ARRIVAL_CHANGED,
    KB_ARRIVAL_COUNT
};

struct kb_ledger_entry {
    int32_t partition;
    int64_t offset, timestamp; /* ms since 1970, as it was sent */
    int64_t sent_us, arrived_us;
    uint32_t arrivals, dead_letters;
    bool skipped;
};

struct kb_ledger_report {
    struct {
        size_t sent, arrived, dead, skipped;
    } topics[KB_SAMPLE_TOPIC_COUNT], all;
    size_t arrivals[KB_ARRIVAL_COUNT]; /* messages, by what they were */
    size_t missing;                    /* records without any outcome */
    size_t wrong_fate;     /* good records that are no messages, or poison that is one */
    size_t repeated_death; /* dead letters beyond a record's first */
    size_t wrong;          /* all that is not right, but for what is missing */
    bool good;
};

struct kb_ledger; /* opaque */

/* `max` records at most. Returns new, NULL = no memory. */
struct kb_ledger *kb_ledger_new(size_t max, struct kb_slice cluster_id);
void kb_ledger_free(struct kb_ledger *ledger);

size_t kb_ledger_count(const struct kb_ledger *ledger);
size_t kb_ledger_room(const struct kb_ledger *ledger); /* how many more it takes */
const struct kb_ledger_entry *kb_ledger_entry(const struct kb_ledger *ledger, size_t number);

/* The next sample goes to this partition; its offset is the next of that partition. Returns its
 * number. */
size_t kb_ledger_send(
    struct kb_ledger *ledger, int32_t partition, int64_t timestamp, int64_t now_us);

/* *number is set unless it is a stranger. */
enum kb_arrival kb_ledger_arrive(struct kb_ledger *ledger, size_t channel, struct kb_slice id,
    struct kb_slice data, int64_t now_us, size_t *number);
/* False: of no record of ours. */
bool kb_ledger_dead_letter(struct kb_ledger *ledger, struct kb_slice topic, int64_t partition,
    int64_t offset, size_t *number);
/* kably counts it as skipped: nothing will come of it. */
void kb_ledger_skip(struct kb_ledger *ledger, size_t number);

/* Does this record have an outcome, good or bad? How many have? */
bool kb_ledger_settled(const struct kb_ledger *ledger, size_t number);
size_t kb_ledger_settled_count(const struct kb_ledger *ledger);

void kb_ledger_report(const struct kb_ledger *ledger, struct kb_ledger_report *report);

#endif
