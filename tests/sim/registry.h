/* The simulated schema registry, as a worker's door to it: it knows the ids from 1 to
 * plan->schemas, all of them JSON schemas, and no other; now and then it is away, or what answers
 * in its place makes no sense. It checks that nothing is asked twice at the same time. */
#ifndef SIM_REGISTRY_H
#define SIM_REGISTRY_H

#include "http/transport.h"
#include "sim.h"

#define SIM_REGISTRY_URL "http://registry.sim:8081"
#define SIM_UNKNOWN_SCHEMA 4040 /* and all above */

struct sim_worker;

struct kb_transport *sim_registry_new(struct sim *sim, struct sim_worker *worker);
void sim_registry_crash(struct kb_transport *transport);

#endif
