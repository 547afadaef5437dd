/* Sets: BatchSpecs of several messages, which have ids BASE:0, BASE:1, ... and are known again by
 * the base. What they are made of, and what Ably remembers of them. */
#ifndef SIM_SETS_H
#define SIM_SETS_H

#include "batch.h"
#include "sim.h"

/* The records of a set's messages, from `first` on, by what its base says; of a set of one message
 * nothing. False = failed. */
bool sim_set_find(struct sim *sim, struct sim_batch *batch, size_t first);
/* By what Ably knows it again: its id, or the base of its ids, in this channel. */
uint64_t sim_set_key(const struct sim_batch *batch, size_t first);
/* Has Ably seen the key in its two minutes? If not, it has now. */
bool sim_set_seen(struct sim *sim, uint64_t key);

/* The worker has had no word of these messages, or one that they are refused for good. */
void sim_set_untold(struct sim_spec *spec, int worker);
void sim_set_refused(struct sim_spec *spec);
/* One whose fate nobody knows is sent only as it was. */
void sim_set_sent(struct sim *sim, const struct sim_spec *spec);
/* One that nobody else had, and that had no refusal, comes once. */
void sim_set_published(struct sim *sim, const struct sim_spec *spec);

#endif
