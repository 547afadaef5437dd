/* The table of assigned partitions; see assignments.h. */
#include "pipeline/assignments.h"

#include <stdlib.h>
#include <string.h>

const char *kb_pause_reason_name(enum kb_pause_reason reason)
{
    switch (reason) {
#define X(id, bit, name) \
    case KB_PAUSE_##id:  \
        return name;
        KB_PAUSE_REASONS(X)
#undef X
    }
    return "";
}

void kb_assignments_init(struct kb_assignments *table)
{
    *table = (struct kb_assignments){0};
}

void kb_assignments_deinit(struct kb_assignments *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->slots[i].state != KB_ASSIGNMENT_FREE)
            kb_assignments_remove(table, &table->slots[i]);
    free(table->slots);
    kb_assignments_init(table);
}

static struct kb_assignment *free_slot(struct kb_assignments *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->slots[i].state == KB_ASSIGNMENT_FREE)
            return &table->slots[i];
    size_t n = table->n ? table->n * 2 : 16;
    struct kb_assignment *slots = realloc(table->slots, n * sizeof(*slots));
    if (!slots)
        return NULL;
    memset(slots + table->n, 0, (n - table->n) * sizeof(*slots));
    struct kb_assignment *found = &slots[table->n];
    table->slots = slots;
    table->n = n;
    return found;
}

struct kb_assignment *kb_assignments_add(
    struct kb_assignments *table, const char *topic, int32_t id, const struct kb_rules *rules)
{
    char *name = strdup(topic);
    struct kb_assignment *part = name ? free_slot(table) : NULL;
    if (!part) {
        free(name);
        return NULL;
    }
    *part = (struct kb_assignment){.state = KB_ASSIGNMENT_ACTIVE,
        .slot = (uint32_t)(part - table->slots),
        .generation = table->last_generation + 1,
        .first_generation = table->last_generation + 1,
        .topic = name,
        .id = id,
        .rules = rules,
        .committed = -1,
        .stop_at = -1};
    kb_offsets_init(&part->offsets);
    table->last_generation++;
    table->active++;
    return part;
}

void kb_assignments_remove(struct kb_assignments *table, struct kb_assignment *part)
{
    kb_offsets_deinit(&part->offsets);
    free(part->topic);
    part->topic = NULL;
    part->state = KB_ASSIGNMENT_FREE;
    table->active--;
}

void kb_assignments_new_log(
    struct kb_assignments *table, struct kb_assignment *part, int64_t offset)
{
    part->generation = ++table->last_generation;
    part->committed = -1;
    kb_offsets_restart(&part->offsets, offset);
}
