/* One simulated process: workers with their doors, started from the plan's configuration, crashed,
 * drained. What the daemon does around its workers happens here in the small: one worker that fails
 * takes the others down with it, in order. */
#include "ably.h"
#include "kafka.h"
#include "plan.h"
#include "registry.h"
#include "truth.h"
#include "world.h"

#include <stdio.h>
#include <time.h>

#define AGAIN_AFTER_MS \
    60000 /* a process that is down comes back within that, without LONG_OUTAGES */

static int64_t now_ms(struct kb_clock *clock)
{
    struct sim_clock *c = (struct sim_clock *)clock;
    return c->origin_ms + c->sim->now_ms;
}

static int64_t wall_ms(struct kb_clock *clock)
{
    struct sim_clock *c = (struct sim_clock *)clock;
    return INT64_C(1800000000000) + c->wall_skew_ms + c->sim->now_ms;
}

static struct kb_config *load(struct sim *sim)
{
    struct kb_problems problems;
    kb_problems_init(&problems);
    const char *text = sim_plan_config(sim);
    struct kb_config *config = kb_config_load_text("sim.lua", kb_slice_of(text), &problems);
    if (!config) {
        kb_problems_print(&problems, stderr);
        sim_fail(sim, "the configuration is refused:\n%s", text);
    } else {
        /* Less than a user may set: the ceiling must be met by a world of a few megabytes. */
        config->limits.memory = sim->plan->memory;
    }
    kb_problems_deinit(&problems);
    return config;
}

static struct sim_worker *start_worker(
    struct sim *sim, struct sim_process *process, struct kb_config *config, int index)
{
    struct sim_worker *worker = sim_alloc(sim, sizeof(*worker));
    worker->sim = sim;
    worker->process = process;
    worker->number = ++sim->world->n_workers_ever;
    kb_random_seed(&worker->random, sim->seed * 1000003 + (uint64_t)worker->number);
    if (sim->sabotage == SIM_CHANCE)
        kb_random_seed(&worker->random, (uint64_t)(uintptr_t)worker ^ (uint64_t)clock());
    worker->source = sim_source_new(sim, worker);
    worker->transport = sim_transport_new(sim, worker);
    worker->letters = sim_letters_new(sim, worker);
    worker->registry = sim->plan->schemas > 0 ? sim_registry_new(sim, worker) : NULL;
    struct kb_doors doors = {worker->source, worker->transport, worker->letters,
        &process->clock.clock, &worker->random.random, worker->registry};
    struct kb_err err;
    worker->worker = kb_worker_new(config, NULL, index, process->n_workers, &doors, &err);
    if (!worker->worker)
        sim_fail(sim, "no worker: %s", err.text);
    worker->settings = process->settings;
    worker->poked = true;
    worker->turn_ms = sim->now_ms;
    return worker;
}

void sim_process_start(struct sim *sim, struct sim_process *process)
{
    struct kb_config *config = load(sim);
    if (!config)
        return;
    process->clock = (struct sim_clock){.clock = {now_ms, wall_ms},
        .sim = sim,
        .origin_ms = sim_chance(sim, 500) ? 0 : sim_between(sim, 1, INT64_C(1) << 40)};
    process->up = true;
    process->stopping = process->failed = false;
    process->n_workers = sim->plan->workers;
    process->settings = sim->plan->now;
    process->concurrency = process->settings.concurrency;
    process->requests_in_flight = process->before_reload = 0;
    process->tokens = sim->plan->requests_per_second + process->n_workers;
    process->tokens_ms = sim->now_ms;
    sim_trace(sim, "process %d starts", process->number);
    for (int i = 0; i < process->n_workers; i++)
        process->workers[i] = start_worker(sim, process, config, i);
    kb_config_unref(config);
}

void sim_process_reload(struct sim *sim, struct sim_process *process)
{
    struct kb_config *config = load(sim);
    struct kb_err err;
    if (!config || process->stopping) {
        kb_config_unref(config);
        return;
    }
    process->settings = sim->plan->now;
    process->before_reload = process->requests_in_flight;
    if (process->concurrency < process->settings.concurrency || process->before_reload == 0)
        process->concurrency = process->settings.concurrency;
    sim_trace(sim, "process %d reloads: generation %llu", process->number,
        (unsigned long long)process->settings.generation);
    for (int i = 0; i < process->n_workers; i++) {
        struct sim_worker *worker = process->workers[i];
        if (!worker->worker)
            continue;
        if (!kb_worker_ending(worker->worker))
            worker->settings = process->settings;
        if (!kb_worker_prepare(worker->worker, config, NULL, &err))
            sim_fail(sim, "worker %d adopts nothing: %s", worker->number, err.text);
        kb_worker_adopt(worker->worker);
        worker->poked = true;
    }
    kb_config_unref(config);
}

static void start_again(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct sim_process *process = object;
    if (!process->up && !sim->world->ending)
        sim_process_start(sim, process);
}

static void come_back(struct sim *sim, struct sim_process *process)
{
    bool late = sim_faulty(sim, SIM_FAULT_LONG_OUTAGES, 100);
    int64_t after = late ? sim_between(sim, 130000, 200000) : sim_skewed(sim, 100, AGAIN_AFTER_MS);
    sim_after(sim, after, start_again, process, 0);
}

/* The doors go first: a dead process says nothing more. Then the memory, which a real one leaves to
 * the kernel. */
static void drop(struct sim_worker *worker)
{
    if (!worker->worker)
        return;
    sim_source_crash(worker->source);
    sim_transport_crash(worker->transport);
    sim_registry_crash(worker->registry);
    sim_letters_crash(worker->letters);
    kb_worker_free(worker->worker);
    worker->worker = NULL;
}

void sim_process_crash(struct sim *sim, struct sim_process *process)
{
    sim_trace(sim, "process %d dies", process->number);
    sim->world->crashes++;
    process->up = false;
    for (int i = 0; i < process->n_workers; i++)
        drop(process->workers[i]);
    come_back(sim, process);
}

void sim_process_stop(struct sim *sim, struct sim_process *process)
{
    if (process->stopping)
        return;
    sim_trace(sim, "process %d is told to stop", process->number);
    process->stopping = true;
    for (int i = 0; i < process->n_workers; i++) {
        struct sim_worker *worker = process->workers[i];
        if (!worker->worker)
            continue;
        kb_worker_stop(worker->worker);
        worker->stopping = worker->poked = true;
        worker->stop_ms = sim->now_ms;
    }
}

/* All workers have ended. A stop policy calls the operator, who reads why and changes it. */
static void ended(struct sim *sim, struct sim_process *process)
{
    process->up = false;
    sim_trace(sim, "process %d ends%s", process->number, process->failed ? ", failed" : "");
    if (process->failed && sim->plan->stops && sim_chance(sim, 500)) {
        sim_plan_fix(sim);
        sim_trace(sim, "the operator changes stop to skip");
    }
    if (!sim->world->ending)
        come_back(sim, process);
}

static void worker_ended(
    struct sim *sim, struct sim_worker *worker, const struct kb_worker_end *end)
{
    struct sim_process *process = worker->process;
    sim_trace(sim, "worker %d ends, %llu unfinished%s%s", worker->number,
        (unsigned long long)end->unfinished, end->failed ? ", failed: " : "",
        end->failed ? end->err.text : "");
    if (!sim_source_closed(worker->source))
        sim_fail(sim, "worker %d ended without closing its source", worker->number);
    if (!end->failed && end->unfinished == 0 && sim->world->restarted &&
        sim_source_left_uncommitted(worker->source))
        sim_fail(
            sim, "worker %d ended with everything finished, but did not commit it", worker->number);
    if (!end->failed && !worker->stopping)
        sim_fail(sim, "worker %d ended though nobody stopped it", worker->number);
    if (end->failed && end->err.class == KB_ERR_RECORD)
        sim_truth_stopped(sim, worker, end);
    else if (end->failed && !worker->broken)
        sim_fail(sim, "worker %d ended without a reason: %s", worker->number, end->err.text);
    drop(worker);
    if (end->failed) {
        process->failed = true;
        sim_process_stop(sim, process);
    }
    for (int i = 0; i < process->n_workers; i++)
        if (process->workers[i]->worker)
            return;
    ended(sim, process);
}

/* As main does it: other topics are asked for once all workers may. */
static void perhaps_subscribe(struct sim_process *process)
{
    for (int i = 0; i < process->n_workers; i++) {
        const struct sim_worker *worker = process->workers[i];
        if (!worker->worker || !kb_worker_may_subscribe(worker->worker))
            return;
    }
    for (int i = 0; i < process->n_workers; i++) {
        kb_worker_subscribe(process->workers[i]->worker);
        process->workers[i]->poked = true;
    }
}

void sim_process_look(struct sim *sim, struct sim_worker *worker)
{
    struct kb_worker_end end;
    perhaps_subscribe(worker->process);
    /* Waiting for what is in flight, for the last commit's answer, and some room. */
    int64_t patience = sim->plan->drain_ms + 20000;
    if (worker->worker && kb_worker_ended(worker->worker, &end))
        worker_ended(sim, worker, &end);
    else if (worker->stopping && sim->now_ms > worker->stop_ms + patience)
        sim_fail(sim, "worker %d is still draining %lld ms after it was stopped", worker->number,
            (long long)(sim->now_ms - worker->stop_ms));
}

bool sim_process_any_up(const struct sim *sim)
{
    for (int i = 0; i < sim->world->n_processes; i++)
        if (sim->world->processes[i].up)
            return true;
    return false;
}

void sim_process_end(struct sim_process *process)
{
    for (int i = 0; process->up && i < process->n_workers; i++)
        drop(process->workers[i]);
    process->up = false;
}
