/* A member's commits (source_state.h): they travel, get lost, arrive at a coordinator that may have
 * moved on, and so do their answers. */
#include "source_state.h"

#include <stdio.h>

static void answer(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct sim_commit *commit = object;
    commit->answered = true;
    sim_trace(sim, "commit %llu answered: %s", (unsigned long long)commit->answer.token,
        commit->answer.ok ? "ok" : commit->answer.text);
    sim_worker_poke(commit->src->worker, 0);
    /* So librdkafka before 2.10: a cooperative member whose commit is refused loses everything. */
    if (commit->answer.fenced && sim->plan->cooperative && !commit->src->dead &&
        sim_chance(sim, 500))
        sim_group_expire(sim, commit->src->member, 0);
}

static void refuse(
    struct sim *sim, struct sim_commit *commit, bool fenced, const char *why, int64_t delay_ms)
{
    commit->answer.fenced = fenced;
    commit->src->fenced = commit->src->fenced || fenced;
    snprintf(commit->answer.text, sizeof(commit->answer.text), "%s", why);
    sim_after(sim, delay_ms, answer, commit, 0);
}

static void arrive(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct sim_commit *commit = object;
    if (commit->lost || sim->kafka->down_until_ms > sim->now_ms) {
        refuse(sim, commit, false, "Local: Timed out", sim_between(sim, 1000, 6000));
        return;
    }
    if (!sim_group_accepts(sim, &commit->stamp)) {
        refuse(sim, commit, true, "Broker: Specified group generation id is not valid",
            sim_skewed(sim, 1, 100));
        return;
    }
    /* An offset of a log that is gone says nothing: the topic's deletion takes it along. */
    for (size_t i = 0; i < commit->n; i++)
        if (commit->offsets[i].log == commit->offsets[i].part->log)
            sim_truth_commit(
                sim, commit->offsets[i].part, commit->offsets[i].offset, commit->src->worker);
    if (sim_faulty(sim, SIM_FAULT_COMMITS, 50)) {
        refuse(sim, commit, false, "Local: Timed out", sim_between(sim, 1000, 6000));
        return;
    }
    commit->answer.ok = true;
    sim_after(sim, sim_skewed(sim, 0, 50), answer, commit, 0);
}

bool sim_source_commit(
    struct kb_source *source, const struct kb_commit *commits, size_t n, uint64_t token)
{
    struct sim_source *src = (struct sim_source *)source;
    struct sim *sim = src->sim;
    if (!sim_source_usable(src, "commit") || sim_faulty(sim, SIM_FAULT_COMMITS, 30))
        return false;
    if (src->commit)
        sim_fail(sim, "worker %d: two commits at once", src->worker->number);
    if (n == 0 || n > KB_COUNT(src->commit->offsets))
        sim_fail(sim, "worker %d: a commit of %zu partitions", src->worker->number, n);
    if (sim->failed)
        return false;
    struct sim_commit *commit = sim_alloc(sim, sizeof(*commit));
    commit->src = src;
    commit->stamp = sim_member_stamp(src->member);
    commit->answer.token = token;
    commit->lost = sim_faulty(sim, SIM_FAULT_COMMITS, 50);
    for (size_t i = 0; i < n; i++) {
        struct sim_assigned *as = sim_source_by_slot(src, commits[i].slot, "commit");
        if (!as)
            return false;
        commit->offsets[commit->n].part = as->part;
        commit->offsets[commit->n].log = as->log;
        commit->offsets[commit->n++].offset = commits[i].offset;
    }
    src->commit = commit;
    src->worker->activity++;
    sim_after(sim, sim_skewed(sim, 0, 300), arrive, commit, 0);
    return true;
}

bool sim_source_committed(struct kb_source *source, struct kb_commit_answer *out)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || !src->commit || !src->commit->answered)
        return false;
    *out = src->commit->answer;
    src->commit = NULL;
    src->worker->activity++;
    return true;
}
