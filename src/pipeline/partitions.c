/* The table of assigned partitions; see partitions.h. */
#include "pipeline/partitions.h"

#include <stdlib.h>
#include <string.h>

void kb_partitions_init(struct kb_partitions *table)
{
    *table = (struct kb_partitions){0};
}

void kb_partitions_deinit(struct kb_partitions *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->slots[i].state != KB_PARTITION_FREE)
            kb_partitions_remove(table, &table->slots[i]);
    free(table->slots);
    kb_partitions_init(table);
}

static struct kb_partition *free_slot(struct kb_partitions *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->slots[i].state == KB_PARTITION_FREE)
            return &table->slots[i];
    size_t n = table->n ? table->n * 2 : 16;
    struct kb_partition *slots = realloc(table->slots, n * sizeof(*slots));
    if (!slots)
        return NULL;
    memset(slots + table->n, 0, (n - table->n) * sizeof(*slots));
    struct kb_partition *found = &slots[table->n];
    table->slots = slots;
    table->n = n;
    return found;
}

struct kb_partition *kb_partitions_add(
    struct kb_partitions *table, const char *topic, int32_t id, const struct kb_rules *rules)
{
    char *name = strdup(topic);
    struct kb_partition *part = name ? free_slot(table) : NULL;
    if (!part) {
        free(name);
        return NULL;
    }
    *part = (struct kb_partition){.state = KB_PARTITION_ACTIVE,
        .slot = (uint32_t)(part - table->slots),
        .generation = ++table->last_generation,
        .topic = name,
        .id = id,
        .rules = rules,
        .committed = -1,
        .stop_at = -1};
    kb_offsets_init(&part->offsets);
    table->active++;
    return part;
}

void kb_partitions_remove(struct kb_partitions *table, struct kb_partition *part)
{
    kb_offsets_deinit(&part->offsets);
    free(part->topic);
    part->topic = NULL;
    part->state = KB_PARTITION_FREE;
    table->active--;
}
