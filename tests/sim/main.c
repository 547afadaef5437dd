/* sim: runs the worker in simulated worlds.
 *
 *     sim --seeds N [--from S]    N worlds; each fourth runs twice and must be the same
 *     sim --seed S [--verbose]    one world; --verbose prints every event
 *     sim --steps N               a world that needs more steps than N has failed
 *     sim --self-test             worlds that are broken on purpose: each must be found out
 *
 * Exit 0: all held. 1: some did not; each is printed with the command that replays it. 2: wrong
 * usage. */
#include "ably.h"
#include "base/log.h"
#include "kafka.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define TWICE_EVERY 4
#define SELF_TEST_SEEDS 400 /* sabotage that is not found in so many worlds is not found at all */

struct options {
    uint64_t seed, from, seeds, steps;
    bool one, verbose, self_test;
};

struct result {
    bool failed;
    uint64_t hash, step, records, taken, requests, elsewhere, repeated, sets;
    int64_t virtual_ms;
    char failure[1024];
};

static struct result run(uint64_t seed, const struct options *opt, enum sim_sabotage sabotage)
{
    struct sim *sim = sim_new(seed, opt->verbose);
    sim->sabotage = sabotage;
    sim_world_new(sim, opt->steps);
    while (!sim->failed && sim_world_step(sim)) {}
    sim_world_end(sim);
    struct result result = {sim->failed, sim->hash, sim->step, sim->kafka->n_records,
        sim->kafka->n_taken, sim->ably->requests, sim->ably->elsewhere, sim->ably->repeated,
        sim->ably->sets, sim->now_ms, ""};
    snprintf(result.failure, sizeof(result.failure), "%s", sim->failure);
    sim_free(sim);
    return result;
}

/* Once more, if it held: chance from outside the seed would make failures that nobody can replay.
 */
static struct result run_twice(uint64_t seed, const struct options *opt, enum sim_sabotage sabotage)
{
    struct result first = run(seed, opt, sabotage);
    if (first.failed)
        return first;
    struct result second = run(seed, opt, sabotage);
    if (first.hash != second.hash || second.failed) {
        first.failed = true;
        snprintf(first.failure, sizeof(first.failure),
            "a second run of the seed is not the same: %llu steps, then %llu",
            (unsigned long long)first.step, (unsigned long long)second.step);
    }
    return first;
}

static void print_failure(uint64_t seed, const struct result *result)
{
    printf("sim: seed %llu failed at step %llu: %s; replay: sim --seed %llu --verbose\n",
        (unsigned long long)seed, (unsigned long long)result->step, result->failure,
        (unsigned long long)seed);
    fflush(stdout);
}

static int run_seeds(const struct options *opt)
{
    uint64_t failed = 0, steps = 0, records = 0, taken = 0, requests = 0, elsewhere = 0,
             repeated = 0, sets = 0;
    int64_t virtual_ms = 0;
    for (uint64_t seed = opt->from; seed < opt->from + opt->seeds; seed++) {
        bool twice = !opt->one && seed % TWICE_EVERY == 0;
        struct result result = twice ? run_twice(seed, opt, SIM_SOUND) : run(seed, opt, SIM_SOUND);
        if (result.failed)
            print_failure(seed, &result);
        failed += result.failed;
        steps += result.step;
        records += result.records;
        taken += result.taken;
        requests += result.requests;
        elsewhere += result.elsewhere;
        repeated += result.repeated;
        sets += result.sets;
        virtual_ms += result.virtual_ms;
    }
    printf(
        "sim: %llu seeds, %llu failed; %llu records taken %llu times, %llu requests (%llu to a "
        "fallback host), %llu sets of several messages, %llu repeats dropped by Ably, %llu steps, "
        "%.1f h of virtual time\n",
        (unsigned long long)opt->seeds, (unsigned long long)failed, (unsigned long long)records,
        (unsigned long long)taken, (unsigned long long)requests, (unsigned long long)elsewhere,
        (unsigned long long)sets, (unsigned long long)repeated, (unsigned long long)steps,
        (double)virtual_ms / 3600000);
    return failed ? 1 : 0;
}

static bool found(
    enum sim_sabotage sabotage, const char *what, const char *expected, const struct options *opt)
{
    for (uint64_t seed = 1; seed <= SELF_TEST_SEEDS; seed++) {
        struct result result = run_twice(seed, opt, sabotage);
        if (result.failed && strstr(result.failure, expected)) {
            printf(
                "sim: found: %s (seed %llu: %s)\n", what, (unsigned long long)seed, result.failure);
            return true;
        }
    }
    printf("sim: NOT found in %d worlds: %s\n", SELF_TEST_SEEDS, what);
    return false;
}

static int self_test(const struct options *opt)
{
    int missed = 0;
#define X(id, what, expected) missed += !found(SIM_##id, what, expected, opt);
    SIM_SABOTAGES(X)
#undef X
    printf("sim: self-test: %d of %d kinds of sabotage found\n", SIM_SABOTAGE_COUNT - 1 - missed,
        SIM_SABOTAGE_COUNT - 1);
    return missed ? 1 : 0;
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;
    *out = text ? strtoull(text, &end, 10) : 0;
    return text && *text && *end == '\0';
}

static bool parse(int argc, char **argv, struct options *opt)
{
    *opt = (struct options){.from = 1, .seeds = 100, .steps = 2000000};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool number = true;
        if (strcmp(argv[i], "--seed") == 0) {
            number = parse_number(value, &opt->from);
            opt->one = true;
            opt->seeds = 1;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            number = parse_number(value, &opt->seeds);
        } else if (strcmp(argv[i], "--from") == 0) {
            number = parse_number(value, &opt->from);
        } else if (strcmp(argv[i], "--steps") == 0) {
            number = parse_number(value, &opt->steps);
        } else {
            bool flag = strcmp(argv[i], "--verbose") == 0 || strcmp(argv[i], "--self-test") == 0;
            opt->verbose = opt->verbose || strcmp(argv[i], "--verbose") == 0;
            opt->self_test = opt->self_test || strcmp(argv[i], "--self-test") == 0;
            if (flag)
                continue;
            return false;
        }
        if (!number)
            return false;
        i++;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options opt;
    if (!parse(argc, argv, &opt)) {
        fprintf(stderr, "usage: sim [--seeds N] [--from S] [--seed S] [--steps N] [--verbose] "
                        "[--self-test]\n");
        return 2;
    }
    kb_log_setup(opt.verbose ? KB_LOG_DEBUG : KB_LOG_ERROR, KB_LOG_TEXT);
    return opt.self_test ? self_test(&opt) : run_seeds(&opt);
}
