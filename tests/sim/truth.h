/* The judge: what has become of each record, and whether what the system does about it is right.
 * Called at the moment when something becomes true (a commit is taken, a message published, a
 * letter written), so nothing wrong can be undone before anybody looks. */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "batch.h"
#include "kafka.h"

struct sim_worker;
struct kb_worker_end;

/* Is all of it out? */
bool sim_truth_is_published(const struct sim_record *rec);
/* Has it an outcome that its policy allows? Not before each of its messages has met its fate. */
bool sim_truth_final(const struct sim *sim, const struct sim_record *rec);
/* Should its policy lead it there? */
bool sim_truth_wants_letter(const struct sim *sim, const struct sim_record *rec);

void sim_truth_takes(struct sim *sim, struct sim_worker *worker); /* and there is more to take */
void sim_truth_commit(
    struct sim *sim, struct sim_partition *part, int64_t offset, const struct sim_worker *worker);
/* Each spec of a request, on its way: finds its record and message. False = failed. */
bool sim_truth_sent(struct sim *sim, struct sim_spec *spec);
/* And when Ably takes it. */
void sim_truth_published(struct sim *sim, const struct sim_spec *spec);
void sim_truth_letter(struct sim *sim, struct sim_record *rec, struct sim_worker *worker);
void sim_truth_stopped(
    struct sim *sim, const struct sim_worker *worker, const struct kb_worker_end *end);

/* Of a log that is gone: who was given a record and still holds the partition has published it. */
void sim_truth_gone(struct sim *sim);
/* All records have their outcome, those of logs that are gone too, and all partitions are committed
 * to the end. */
bool sim_truth_complete(const struct sim *sim);
void sim_truth_end(struct sim *sim); /* the last look, when nothing moves any more */

#endif
