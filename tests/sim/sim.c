/* The ground of the simulation (sim.h): memory of a run, random numbers, the queue of events, trace
 * and failure. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_block {
    struct sim_block *next;
    max_align_t bytes[];
};

struct sim *sim_new(uint64_t seed, bool verbose)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    KB_BUG_ON(!sim);
    sim->seed = seed;
    sim->verbose = verbose;
    sim->faults = true;
    sim->hash = UINT64_C(0xcbf29ce484222325);
    kb_random_seed(&sim->random, seed);
    return sim;
}

void sim_free(struct sim *sim)
{
    while (sim->blocks) {
        struct sim_block *next = sim->blocks->next;
        free(sim->blocks);
        sim->blocks = next;
    }
    free(sim->heap);
    free(sim);
}

void *sim_alloc(struct sim *sim, size_t size)
{
    struct sim_block *block = calloc(1, sizeof(*block) + size);
    KB_BUG_ON(!block);
    block->next = sim->blocks;
    sim->blocks = block;
    return block->bytes;
}

char *sim_format(struct sim *sim, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    KB_BUG_ON(len < 0);
    char *text = sim_alloc(sim, (size_t)len + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
    return low + (int64_t)kb_random_below(&sim->random.random, (uint64_t)(high - low + 1));
}

bool sim_chance(struct sim *sim, int per_mille)
{
    return sim_between(sim, 0, 999) < per_mille;
}

int64_t sim_skewed(struct sim *sim, int64_t low, int64_t high)
{
    int64_t span = high - low;
    int shift = (int)sim_between(sim, 0, 6);
    return low + (span > 0 ? sim_between(sim, 0, span >> shift) : 0);
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->sequence < b->sequence;
}

void sim_after(struct sim *sim, int64_t delay_ms, sim_action *run, void *object, uint64_t number)
{
    if (sim->n_events == sim->cap_events) {
        sim->cap_events = sim->cap_events ? 2 * sim->cap_events : 256;
        sim->heap = realloc(sim->heap, sim->cap_events * sizeof(*sim->heap));
        KB_BUG_ON(!sim->heap);
    }
    struct sim_event event = {sim->now_ms + delay_ms, sim->sequence++, run, object, number};
    size_t i = sim->n_events++;
    for (; i > 0 && earlier(&event, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        sim->heap[i] = sim->heap[(i - 1) / 2];
    sim->heap[i] = event;
}

int64_t sim_next_event_ms(const struct sim *sim)
{
    return sim->n_events ? sim->heap[0].at_ms : INT64_MAX;
}

void sim_run_event(struct sim *sim)
{
    struct sim_event first = sim->heap[0], last = sim->heap[--sim->n_events];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < sim->n_events) {
        if (child + 1 < sim->n_events && earlier(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!earlier(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    if (sim->n_events)
        sim->heap[i] = last;
    first.run(sim, first.object, first.number);
}

void sim_trace(struct sim *sim, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    uint64_t hash = sim->hash ^ (uint64_t)sim->now_ms;
    for (const char *c = line; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    sim->hash = hash;
    if (sim->verbose)
        printf(
            "%8llu %9.3f  %s\n", (unsigned long long)sim->step, (double)sim->now_ms / 1000, line);
}

void sim_fail(struct sim *sim, const char *fmt, ...)
{
    if (sim->failed)
        return;
    sim->failed = true;
    va_list args;
    va_start(args, fmt);
    vsnprintf(sim->failure, sizeof(sim->failure), fmt, args);
    va_end(args);
    sim_trace(sim, "FAILED: %s", sim->failure);
}
