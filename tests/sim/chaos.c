/* What befalls the world: records are produced, and every few seconds one of the plan's faults
 * strikes. Ends with the growth of the logs; then everything must heal. */
#include "ably.h"
#include "kafka.h"
#include "plan.h"
#include "tokens.h"
#include "truth.h"
#include "world.h"

#define LAST_AFTER_MS 600000 /* from the last fault to the last record: all have come back */
#define PROMPT_MS 3000       /* fetching, a round trip, the rate limit of a few requests */
#define SLOW_PROMPT_MS 30000 /* each worker has its part of 5 requests a second */

static struct sim_process *some_process(struct sim *sim)
{
    return &sim->world->processes[sim_between(sim, 0, sim->world->n_processes - 1)];
}

static struct sim_worker *some_worker(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    if (!process->up)
        return NULL;
    struct sim_worker *worker = process->workers[sim_between(sim, 0, process->n_workers - 1)];
    return worker->worker ? worker : NULL;
}

static void crash(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    if (process->up)
        sim_process_crash(sim, process);
}

static void restart(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    sim->world->restarts++;
    if (process->up)
        sim_process_stop(sim, process);
}

static void expire(struct sim *sim)
{
    struct sim_worker *worker = some_worker(sim);
    if (worker && !sim_source_closed(worker->source))
        sim_group_expire(sim, sim_source_member(worker->source), sim_skewed(sim, 0, 10000));
}

static void brokers_down(struct sim *sim)
{
    int64_t length = sim_skewed(sim, 500, 60000);
    sim_trace(sim, "brokers down for %lld ms", (long long)length);
    sim->kafka->down_until_ms = sim->now_ms + length;
}

static void cut_log(struct sim *sim)
{
    struct sim_kafka *kafka = sim->kafka;
    if (!sim_chance(sim, 500))
        return;
    if (sim_chance(sim, 500))
        sim_topic_made_again(
            sim, &kafka->topics[sim_between(sim, 0, (int64_t)kafka->n_topics - 1)]);
    else
        sim_log_cut_back(
            sim, kafka->partitions[sim_between(sim, 0, (int64_t)kafka->n_partitions - 1)]);
}

static void hosts_away(struct sim *sim)
{
    uint32_t hosts = (uint32_t)sim_between(sim, 1, (INT64_C(2) << sim->plan->fallbacks) - 1);
    sim_ably_hosts_away(sim, hosts, sim_skewed(sim, 500, 120000));
}

static void letters_down(struct sim *sim)
{
    sim_letters_trouble(sim, sim_skewed(sim, 500, 60000));
}

static void jump_clock(struct sim *sim)
{
    some_process(sim)->clock.wall_skew_ms = sim_between(sim, -100000000, 100000000);
}

static void reload_all(struct sim *sim, bool whole)
{
    sim_plan_edit(sim, whole);
    for (int i = 0; i < sim->world->n_processes; i++)
        if (sim->world->processes[i].up && (whole || sim_chance(sim, 700)))
            sim_process_reload(sim, &sim->world->processes[i]);
}

static void reload(struct sim *sim)
{
    reload_all(sim, false);
}

static void break_source(struct sim *sim)
{
    struct sim_worker *worker = some_worker(sim);
    if (!worker || sim_source_closed(worker->source) || !sim_chance(sim, 200))
        return;
    sim_trace(sim, "worker %d's source breaks", worker->number);
    worker->broken = true;
    sim_source_break(worker->source);
}

static const struct {
    enum sim_fault fault;
    void (*strike)(struct sim *sim);
} blows[] = {
    {SIM_FAULT_CRASHES, crash},
    {SIM_FAULT_RESTARTS, restart},
    {SIM_FAULT_EXPIRIES, expire},
    {SIM_FAULT_KAFKA_DOWN, brokers_down},
    {SIM_FAULT_LOG_CUTS, cut_log},
    {SIM_FAULT_HOSTS, hosts_away},
    {SIM_FAULT_LETTERS, letters_down},
    {SIM_FAULT_CLOCK_JUMPS, jump_clock},
    {SIM_FAULT_RELOADS, reload},
    {SIM_FAULT_BROKEN_SOURCE, break_source},
    {SIM_FAULT_TOKENS, sim_tokens_revoke},
};

static void strike(struct sim *sim, void *object, uint64_t unused)
{
    (void)object;
    (void)unused;
    if (!sim->faults)
        return;
    size_t i = (size_t)sim_between(sim, 0, KB_COUNT(blows) - 1);
    if (sim_ably_phase_now(sim) == SIM_PHASE_WELL && sim_chance(sim, 500))
        sim_ably_phase(sim);
    else if (sim->plan->fault[blows[i].fault])
        blows[i].strike(sim);
    sim_after(sim, sim_skewed(sim, 10, 20000), strike, NULL, 0);
}

static enum sim_fate some_fate(struct sim *sim)
{
    if (sim_chance(sim, 20))
        return SIM_TOMBSTONE;
    if (!sim_chance(sim, sim->plan->poison))
        return SIM_GOOD;
    enum sim_fate fate = (enum sim_fate)sim_between(sim, SIM_BAD_JSON, SIM_FATE_COUNT - 1);
    /* Rare, because it is large. */
    return fate == SIM_TOO_LARGE && sim_chance(sim, 700) ? SIM_GOOD : fate;
}

/* Records come in bursts, as producers with a linger send them. */
static void grow(struct sim *sim, void *object, uint64_t unused)
{
    (void)object;
    (void)unused;
    struct sim_kafka *kafka = sim->kafka;
    struct sim_partition *part =
        kafka->partitions[sim_between(sim, 0, (int64_t)kafka->n_partitions - 1)];
    int64_t burst = sim_skewed(sim, 1, 40);
    for (int64_t i = 0; i < burst && kafka->n_records < sim->plan->records; i++)
        sim_log_append(sim, part, some_fate(sim));
    if (kafka->n_records < sim->plan->records) {
        int64_t average = sim->plan->growth_ms * 6 / (int64_t)sim->plan->records;
        sim_after(sim, sim_between(sim, 0, 2 * average), grow, NULL, 0);
    }
}

/* Long after the last fault a record must go straight through: nothing may have been left behind
 * that makes it wait. Not looked at where the backlog is still being worked off. */
static int64_t prompt_ms(const struct sim_plan *plan)
{
    return plan->requests_per_second == 5 ? SLOW_PROMPT_MS : PROMPT_MS;
}

static void look_prompt(struct sim *sim, void *object, uint64_t idle)
{
    (void)object;
    for (size_t i = 0; i < sim->kafka->n_partitions; i++) {
        const struct sim_partition *part = sim->kafka->partitions[i];
        const struct sim_record *rec = part->records[part->n_records - 1];
        if (idle && !sim_truth_is_published(rec))
            sim_fail(sim,
                "%s[%d]@%lld: not published %lld ms after it was produced, though all is well",
                part->topic->name, (int)part->number, (long long)rec->offset,
                (long long)prompt_ms(sim->plan));
    }
    sim->world->grown = true;
}

static void append_last(struct sim *sim, void *object, uint64_t unused)
{
    (void)object;
    (void)unused;
    bool idle = sim_truth_complete(sim);
    /* After a mass refusal a record that is refused for good waits for another's acceptance: by
     * design. */
    bool may_wait = sim->plan->requests_per_second == 5 || sim->plan->stops ||
                    sim->plan->fault[SIM_FAULT_MASS_REFUSAL];
    if (!idle && !may_wait) {
        sim_truth_gone(sim); /* which says more */
        sim_fail(sim, "not everything is published and committed %d s after the last fault",
            LAST_AFTER_MS / 1000);
    }
    for (size_t i = 0; i < sim->kafka->n_partitions; i++)
        sim_log_append(sim, sim->kafka->partitions[i], SIM_GOOD);
    sim_after(sim, prompt_ms(sim->plan), look_prompt, NULL, idle);
}

static void heal(struct sim *sim, void *object, uint64_t unused)
{
    (void)object;
    (void)unused;
    sim_trace(sim, "no more faults");
    sim->faults = false;
    sim->kafka->down_until_ms = 0;
    sim_ably_heal(sim);
    sim_letters_trouble(sim, 0);
    if (sim->plan->fault[SIM_FAULT_RELOADS])
        reload_all(sim, true);
    sim->world->deadline_ms = sim->now_ms + 2400000;
    sim_after(sim, LAST_AFTER_MS, append_last, NULL, 0);
}

void sim_chaos_begin(struct sim *sim)
{
    sim_after(sim, sim_between(sim, 0, 5000), grow, NULL, 0);
    sim_after(sim, sim_between(sim, 0, 20000), strike, NULL, 0);
    sim_after(sim, sim->plan->growth_ms, heal, NULL, 0);
}

static void stop_all(struct sim *sim, void *object, uint64_t unused)
{
    (void)object;
    (void)unused;
    for (int i = 0; i < sim->world->n_processes; i++)
        if (sim->world->processes[i].up)
            sim_process_stop(sim, &sim->world->processes[i]);
}

void sim_chaos_restart(struct sim *sim)
{
    for (size_t i = 0; i < sim->kafka->n_partitions; i++)
        for (int64_t n = sim_between(sim, 1, 20); n > 0; n--)
            sim_log_append(sim, sim->kafka->partitions[i], SIM_GOOD);
    sim_after(sim, sim_skewed(sim, 0, 1000), stop_all, NULL, 0);
}
