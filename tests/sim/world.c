/* The world's loop (world.h): whatever is due next happens, an event or the turn of a worker. */
#include "world.h"

#include "ably.h"
#include "kafka.h"
#include "plan.h"
#include "truth.h"

#define IDLE_TURNS_MAX \
    3000 /* turns in a row that did nothing, though the worker waited for them at once */

void sim_world_new(struct sim *sim, uint64_t max_steps)
{
    sim_plan_new(sim);
    struct sim_world *world = sim->world = sim_alloc(sim, sizeof(*world));
    world->n_processes = sim->plan->processes;
    world->max_steps = max_steps;
    world->deadline_ms = INT64_MAX;
    sim_kafka_new(sim);
    sim_ably_new(sim);
    sim_trace(sim, "faults:%s\n%s", sim_plan_faults(sim), sim_plan_config(sim));
    for (int i = 0; i < world->n_processes; i++) {
        world->processes[i].number = i;
        sim_process_start(sim, &world->processes[i]);
    }
    sim_chaos_begin(sim);
}

static void poke(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    ((struct sim_worker *)object)->poked = true;
}

void sim_worker_poke(struct sim_worker *worker, int64_t delay_ms)
{
    if (sim_faulty(worker->sim, SIM_FAULT_LOST_WAKES, 200))
        return;
    if (delay_ms == 0)
        worker->poked = true;
    else
        sim_after(worker->sim, delay_ms, poke, worker, 0);
}

static bool lives(const struct sim_process *process, int i)
{
    return process->up && process->workers[i]->worker;
}

void sim_world_appended(struct sim *sim, const struct sim_partition *part)
{
    for (int p = 0; p < sim->world->n_processes; p++) {
        struct sim_process *process = &sim->world->processes[p];
        for (int i = 0; i < process->n_workers; i++)
            if (lives(process, i))
                sim_source_appended(sim, process->workers[i]->source, part);
    }
}

void sim_world_cut(struct sim *sim, const struct sim_partition *part, int64_t end)
{
    for (int p = 0; p < sim->world->n_processes; p++) {
        struct sim_process *process = &sim->world->processes[p];
        for (int i = 0; i < process->n_workers; i++)
            if (lives(process, i))
                sim_source_cut(sim, process->workers[i]->source, part, end);
    }
}

static int64_t wake_ms(const struct sim_worker *worker)
{
    if (worker->poked)
        return worker->sim->now_ms;
    int64_t wake = kb_worker_wake_ms(worker->worker), cap = worker->sim->plan->wait_max_ms;
    if (wake != INT64_MAX)
        wake -= worker->process->clock.origin_ms;
    if (cap && wake > worker->turn_ms + cap)
        wake = worker->turn_ms + cap;
    if (wake == INT64_MAX)
        return wake;
    return wake > worker->sim->now_ms ? wake : worker->sim->now_ms;
}

/* The worker whose turn comes first; of several that are due, any. */
static struct sim_worker *next_worker(struct sim *sim, int64_t *when)
{
    struct sim_worker *due[SIM_PROCESSES_MAX * SIM_WORKERS_MAX];
    int n = 0;
    *when = INT64_MAX;
    for (int p = 0; p < sim->world->n_processes; p++) {
        struct sim_process *process = &sim->world->processes[p];
        for (int i = 0; i < process->n_workers; i++) {
            int64_t wake = lives(process, i) ? wake_ms(process->workers[i]) : INT64_MAX;
            if (wake < *when) {
                *when = wake;
                n = 0;
            }
            if (wake == *when && wake != INT64_MAX)
                due[n++] = process->workers[i];
        }
    }
    return n > 0 ? due[sim_between(sim, 0, n - 1)] : NULL;
}

static void turn(struct sim *sim, struct sim_worker *worker)
{
    uint64_t before = worker->activity;
    bool waited = worker->poked || sim->now_ms > worker->turn_ms + 2;
    worker->poked = false;
    worker->turn_ms = sim->now_ms;
    worker->turns++;
    kb_worker_turn(worker->worker);
    if (!worker->stopping)
        sim_source_check(sim, worker->source);
    sim_process_look(sim, worker);
    worker->idle = before == worker->activity && !waited ? worker->idle + 1 : 0;
    if (worker->idle > IDLE_TURNS_MAX)
        sim_fail(sim, "worker %d spins: %d turns without anything to do", worker->number,
            IDLE_TURNS_MAX);
    sim->now_ms += sim_between(sim, 0, 1);
}

/* Everything is done: all processes drain, and must leave nothing behind. */
static void perhaps_finish(struct sim *sim)
{
    struct sim_world *world = sim->world;
    if (world->ending || !world->grown || !sim_truth_complete(sim))
        return;
    if (!world->restarted) {
        world->restarted = true;
        sim_chaos_restart(sim);
        return;
    }
    sim_trace(sim, "all is done");
    world->ending = true;
    for (int i = 0; i < world->n_processes; i++)
        if (world->processes[i].up)
            sim_process_stop(sim, &world->processes[i]);
}

bool sim_world_step(struct sim *sim)
{
    struct sim_world *world = sim->world;
    if (sim_next_event_ms(sim) == INT64_MAX || ++sim->step % 64 == 0)
        perhaps_finish(sim);
    int64_t when, event = sim_next_event_ms(sim);
    struct sim_worker *worker = next_worker(sim, &when);
    if (event == INT64_MAX && !worker) {
        sim_fail(sim, "stuck: nothing will ever happen again");
    } else if (event <= when) {
        sim->now_ms = event > sim->now_ms ? event : sim->now_ms;
        sim_run_event(sim);
    } else {
        sim->now_ms = when;
        turn(sim, worker);
    }
    if (world->ending && !sim_process_any_up(sim)) {
        sim_truth_end(sim);
        return false;
    }
    if (!sim->failed && (sim->now_ms > world->deadline_ms || sim->step > world->max_steps)) {
        sim_truth_end(sim);
        sim_fail(sim, "stuck: not at its end after %lld s and %llu steps",
            (long long)sim->now_ms / 1000, (unsigned long long)sim->step);
    }
    return !sim->failed;
}

void sim_world_end(struct sim *sim)
{
    for (int i = 0; i < sim->world->n_processes; i++)
        sim_process_end(&sim->world->processes[i]);
    sim_network_end(sim);
}
