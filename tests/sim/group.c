/* The simulated group coordinator: who belongs to the group, in which generation, who holds which
 * partition.
 *
 * Eager (range): at a rebalance every member gives up all it has, then joins; when all have joined,
 * or the rebalance timeout has passed and the others are put out, the next generation shares out
 * everything. Cooperative: members join with what they hold and keep reading; who has too much is
 * asked to give up the surplus only, and joins again when it has, so that the next generation can
 * hand it on. A member that was put out does not know it until its next heartbeat: until then it
 * goes on reading and publishing, and its commits are refused. */
#include "kafka.h"
#include "plan.h"
#include "world.h"

#define MEMBERS_MAX 1024
#define PARTITIONS_MAX 16

struct sim_member {
    struct kb_source *source;
    int number, generation;
    uint64_t incarnation; /* one more each time it joins anew or is put out */
    bool gone;            /* its process is no more, or it left */
    bool in_group, joined;
    struct sim_partition *claims[PARTITIONS_MAX], *target[PARTITIONS_MAX], *added[PARTITIONS_MAX];
    size_t n_claims, n_target, n_added;
};

struct sim_group {
    bool cooperative, preparing;
    int generation;
    uint64_t round;
    int64_t timeout_ms;
    struct sim_member *members[MEMBERS_MAX];
    size_t n_members;
};

static void prepare(struct sim *sim);
static void complete(struct sim *sim);

struct sim_group *sim_group_new(struct sim *sim, bool cooperative)
{
    struct sim_group *group = sim_alloc(sim, sizeof(*group));
    group->cooperative = cooperative;
    group->timeout_ms = sim_chance(sim, 500) ? 300000 : sim_between(sim, 20000, 60000);
    return group;
}

struct sim_member *sim_member_new(struct sim *sim, struct kb_source *src)
{
    struct sim_group *group = sim->kafka->group;
    KB_BUG_ON(group->n_members == MEMBERS_MAX);
    struct sim_member *member = sim_alloc(sim, sizeof(*member));
    member->source = src;
    member->number = (int)group->n_members;
    group->members[group->n_members++] = member;
    return member;
}

static bool has(struct sim_partition *const *list, size_t n, const struct sim_partition *part)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == part)
            return true;
    return false;
}

static void all_joined(struct sim *sim)
{
    struct sim_group *group = sim->kafka->group;
    for (size_t i = 0; i < group->n_members; i++)
        if (group->members[i]->in_group && !group->members[i]->joined)
            return;
    if (group->preparing)
        complete(sim);
}

static void join(struct sim *sim, struct sim_member *member)
{
    member->n_claims = sim_source_holds(member->source, member->claims);
    member->joined = true;
    all_joined(sim);
}

/* The member's next heartbeat says that a rebalance has begun. */
static void notice(struct sim *sim, void *object, uint64_t round)
{
    struct sim_member *member = object;
    struct sim_group *group = sim->kafka->group;
    if (member->gone || !member->in_group || member->joined || round != group->round)
        return;
    if (sim_source_pending(member->source)) {
        sim_after(sim, 100, notice, member, round);
        return;
    }
    struct sim_partition *held[PARTITIONS_MAX];
    size_t n = sim_source_holds(member->source, held);
    if (group->cooperative || n == 0)
        join(sim, member);
    else
        sim_source_rebalance(sim, member->source, KB_REBALANCE_REVOKE, false, held, n);
}

/* What a member learns when the coordinator does not know it any more. */
static void learn(struct sim *sim, void *object, uint64_t incarnation)
{
    struct sim_member *member = object;
    if (member->gone || member->in_group || member->incarnation != incarnation)
        return;
    struct sim_partition *held[PARTITIONS_MAX];
    size_t n = sim_source_holds(member->source, held);
    if (sim_source_pending(member->source))
        sim_after(sim, 100, learn, member, incarnation);
    else if (n > 0)
        sim_source_rebalance(sim, member->source, KB_REBALANCE_REVOKE, true, held, n);
    else
        sim_group_join(sim, member);
}

static void put_out(struct sim *sim, struct sim_member *member, int64_t learns_ms)
{
    sim_trace(sim, "member %d is put out", member->number);
    member->in_group = false;
    member->incarnation++;
    sim_after(sim, learns_ms, learn, member, member->incarnation);
}

static void deadline(struct sim *sim, void *object, uint64_t round)
{
    struct sim_group *group = object;
    if (!group->preparing || group->round != round)
        return;
    for (size_t i = 0; i < group->n_members; i++)
        if (group->members[i]->in_group && !group->members[i]->joined)
            put_out(sim, group->members[i], sim_skewed(sim, 0, 5000));
    complete(sim);
}

static void prepare(struct sim *sim)
{
    struct sim_group *group = sim->kafka->group;
    if (group->preparing)
        return;
    group->preparing = true;
    group->round++;
    sim_trace(sim, "rebalance %llu begins", (unsigned long long)group->round);
    for (size_t i = 0; i < group->n_members; i++) {
        struct sim_member *member = group->members[i];
        member->joined = false;
        if (member->in_group)
            sim_after(sim, sim_skewed(sim, 0, 3000), notice, member, group->round);
    }
    sim_after(sim, group->timeout_ms, deadline, group, group->round);
}

static void sync_member(struct sim *sim, void *object, uint64_t generation)
{
    struct sim_member *member = object;
    struct sim_group *group = sim->kafka->group;
    /* Where the next rebalance has already begun, the broker refuses to tell this one's result. */
    if (member->gone || !member->in_group || (int)generation != group->generation ||
        group->preparing)
        return;
    member->generation = group->generation;
    if (!group->cooperative) {
        sim_source_rebalance(
            sim, member->source, KB_REBALANCE_ASSIGN, false, member->target, member->n_target);
        return;
    }
    struct sim_partition *removed[PARTITIONS_MAX];
    size_t n_removed = 0;
    for (size_t i = 0; i < member->n_claims; i++)
        if (!has(member->target, member->n_target, member->claims[i]))
            removed[n_removed++] = member->claims[i];
    member->n_added = 0;
    for (size_t i = 0; i < member->n_target; i++)
        if (!has(member->claims, member->n_claims, member->target[i]))
            member->added[member->n_added++] = member->target[i];
    if (n_removed > 0)
        sim_source_rebalance(sim, member->source, KB_REBALANCE_REVOKE, false, removed, n_removed);
    else if (member->n_added > 0 || sim_chance(sim, 500))
        sim_source_rebalance(
            sim, member->source, KB_REBALANCE_ASSIGN, false, member->added, member->n_added);
}

/* Range: of each topic every member gets neighbouring partitions, the first ones perhaps one more.
 */
static void share_range(struct sim *sim, struct sim_member **members, size_t n)
{
    for (size_t t = 0; t < sim->kafka->n_topics; t++) {
        struct sim_topic *topic = &sim->kafka->topics[t];
        for (size_t i = 0; i < topic->n_partitions; i++) {
            struct sim_member *member = members[i * n / topic->n_partitions];
            member->target[member->n_target++] = &topic->partitions[i];
        }
    }
}

/* Sticky: each keeps what it has up to its share; what nobody has goes to whoever has least. */
static void share_sticky(struct sim *sim, struct sim_member **members, size_t n)
{
    size_t n_parts = sim->kafka->n_partitions, share = (n_parts + n - 1) / n;
    bool taken[PARTITIONS_MAX] = {false};
    for (size_t m = 0; m < n; m++)
        for (size_t i = 0; i < members[m]->n_claims; i++) {
            taken[members[m]->claims[i]->index] = true;
            if (members[m]->n_target < share)
                members[m]->target[members[m]->n_target++] = members[m]->claims[i];
        }
    for (size_t i = 0; i < n_parts; i++) {
        struct sim_member *least = members[0];
        for (size_t m = 1; m < n; m++)
            if (members[m]->n_target < least->n_target)
                least = members[m];
        if (!taken[i])
            least->target[least->n_target++] = sim->kafka->partitions[i];
    }
}

static void complete(struct sim *sim)
{
    struct sim_group *group = sim->kafka->group;
    struct sim_member *members[MEMBERS_MAX];
    size_t n = 0;
    group->preparing = false;
    group->generation++;
    for (size_t i = 0; i < group->n_members; i++)
        if (group->members[i]->in_group) {
            members[n++] = group->members[i];
            group->members[i]->n_target = 0;
        }
    sim_trace(sim, "generation %d has %zu members", group->generation, n);
    if (n == 0)
        return;
    if (group->cooperative)
        share_sticky(sim, members, n);
    else
        share_range(sim, members, n);
    for (size_t i = 0; i < n; i++)
        sim_after(
            sim, sim_between(sim, 0, 50), sync_member, members[i], (uint64_t)group->generation);
}

static void begin(struct sim *sim, void *object, uint64_t incarnation)
{
    struct sim_member *member = object;
    if (member->in_group && !member->gone && member->incarnation == incarnation)
        prepare(sim);
}

void sim_group_join(struct sim *sim, struct sim_member *member)
{
    if (member->in_group || member->gone)
        return;
    member->in_group = true;
    member->incarnation++;
    member->generation = -1;
    member->n_claims = 0;
    prepare(sim);
    member->joined = true;
    all_joined(sim);
}

void sim_group_join_again(struct sim *sim, struct sim_member *member)
{
    if (member->in_group)
        sim_after(sim, sim_skewed(sim, 0, 200), begin, member, member->incarnation);
}

void sim_group_leave(struct sim *sim, struct sim_member *member)
{
    bool was = member->in_group;
    member->gone = true;
    member->in_group = false;
    if (!was)
        return;
    sim_trace(sim, "member %d leaves", member->number);
    prepare(sim);
    all_joined(sim);
}

void sim_member_gone(struct sim_member *member)
{
    member->gone = true;
}

void sim_group_expire(struct sim *sim, struct sim_member *member, int64_t learns_ms)
{
    if (!member->in_group)
        return;
    put_out(sim, member, learns_ms);
    prepare(sim);
    all_joined(sim);
}

void sim_group_revoked(struct sim *sim, struct sim_member *member)
{
    struct sim_group *group = sim->kafka->group;
    if (!member->in_group) /* what it still holds is lost first */
        sim_after(sim, 0, learn, member, member->incarnation);
    else if (!group->cooperative && group->preparing && !member->joined)
        join(sim, member);
    else if (group->cooperative && member->n_added > 0)
        sim_source_rebalance(
            sim, member->source, KB_REBALANCE_ASSIGN, false, member->added, member->n_added);
    else
        sim_after(sim, sim_skewed(sim, 0, 200), begin, member, member->incarnation);
    member->n_added = 0;
}

/* Having given up a surplus and taken up what was free, it joins again so that the surplus can go
 * on. Each partition that nobody reads is somebody's surplus given up, so asking for a rebalance is
 * always right. */
void sim_group_assigned(struct sim *sim, struct sim_member *member)
{
    struct sim_group *group = sim->kafka->group;
    if (!group->cooperative || group->preparing)
        return;
    if (!member->in_group || sim_group_stable(sim))
        return;
    sim_after(sim, sim_skewed(sim, 0, 200), begin, member, member->incarnation);
}

/* Is every partition some member's, by the coordinator's last word? */
bool sim_group_stable(const struct sim *sim)
{
    const struct sim_group *group = sim->kafka->group;
    size_t n = 0;
    for (size_t i = 0; i < group->n_members; i++)
        if (group->members[i]->in_group)
            n += group->members[i]->n_target;
    return !group->preparing && n == sim->kafka->n_partitions;
}

struct sim_stamp sim_member_stamp(struct sim_member *member)
{
    return (struct sim_stamp){member, member->incarnation, member->generation};
}

bool sim_group_accepts(const struct sim *sim, const struct sim_stamp *stamp)
{
    return stamp->member->in_group && stamp->member->incarnation == stamp->incarnation &&
           stamp->generation == sim->kafka->group->generation;
}
