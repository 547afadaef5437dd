/* The processes of the simulated world: each has workers made from the one configuration, its own
 * clock, and dies, drains and comes back as the plan's faults have it. One step is one event, or
 * one turn of one worker.
 *
 *     sim_world_new(sim);
 *     while (sim_world_step(sim)) {}
 *     sim_world_end(sim);                   // frees the workers; sim->failed says whether all held
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "pipeline/worker.h"
#include "plan.h"
#include "sim.h"

#define SIM_PROCESSES_MAX 3
#define SIM_WORKERS_MAX 2

struct sim_clock {
    struct kb_clock clock;
    struct sim *sim;
    int64_t origin_ms, wall_skew_ms;
};

struct sim_process;
struct sim_partition;

struct sim_worker {
    struct sim *sim;
    struct sim_process *process;
    int number;               /* unique over the run: a restarted worker is another one */
    struct kb_worker *worker; /* NULL = crashed, or ended and freed */
    struct kb_source *source;
    struct kb_transport *transport;
    struct kb_transport *registry; /* NULL = the plan has none */
    struct kb_dead_letters *letters;
    struct kb_random_seeded random;
    struct sim_settings settings; /* its own: one that ends goes over to no others */
    bool poked, stopping, broken; /* broken: its source was made to fail */
    int64_t stop_ms;              /* when it was told to drain */
    int64_t turn_ms;              /* its last turn */
    int given_up; /* good records dead-lettered since Ably last accepted one from it */
    /* By partition: behind the record it must stop at, 0 = none; and in which turn it learnt that.
     */
    int64_t stopped_at[16];
    uint64_t stopped_turn[16], turns;
    uint64_t activity, idle; /* door calls that did something; turns in a row without one */
};

struct sim_process {
    struct sim_clock clock;
    int number;
    bool up, stopping, failed;
    struct sim_settings settings; /* its configuration's; the plan's may have changed */
    struct sim_worker *workers[SIM_WORKERS_MAX];
    int n_workers;
    /* What the limits of the whole process are checked with. */
    int requests_in_flight;
    int before_reload;   /* of them, made before the last reload; while there are any... */
    int64_t concurrency; /* ...this may be more than the settings say */
    double tokens;
    int64_t tokens_ms;
};

struct sim_world {
    struct sim_process processes[SIM_PROCESSES_MAX];
    int n_processes, n_workers_ever;
    bool grown;     /* the last record of the growth was produced */
    bool restarted; /* all have been stopped and started once more, in the midst of work */
    bool ending;    /* everything is done, all drain */
    int64_t deadline_ms;
    uint64_t crashes, restarts;
    uint64_t max_steps;
};

void sim_world_new(struct sim *sim, uint64_t max_steps);
bool sim_world_step(struct sim *sim);
void sim_world_end(struct sim *sim);

/* Something of this worker's doors may be ready in that time. */
void sim_worker_poke(struct sim_worker *worker, int64_t delay_ms);
void sim_world_appended(struct sim *sim, const struct sim_partition *part);
void sim_world_cut(struct sim *sim, const struct sim_partition *part, int64_t end);

/* process.c */
void sim_process_start(struct sim *sim, struct sim_process *process);
/* Loads the file as it is now, while it goes on. */
void sim_process_reload(struct sim *sim, struct sim_process *process);
void sim_process_crash(struct sim *sim, struct sim_process *process);
void sim_process_stop(struct sim *sim, struct sim_process *process);
/* Looks whether a worker has ended, and what that means for its process. */
void sim_process_look(struct sim *sim, struct sim_worker *worker);
void sim_process_end(struct sim_process *process); /* the run is over */
bool sim_process_any_up(const struct sim *sim);

/* chaos.c: what befalls the world */
void sim_chaos_begin(struct sim *sim);
void sim_chaos_restart(
    struct sim *sim); /* the last records, and everybody drains while taking them */

#endif
