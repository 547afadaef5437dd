/* Workers' statuses made by hand, for the tests of the admin server. */
#ifndef TESTS_ADMIN_BOARDS_H
#define TESTS_ADMIN_BOARDS_H

#include "pipeline/status.h"

#include <stdio.h>
#include <string.h>

/* A worker that is well: two partitions of the topic "orders", nothing open. */
static inline struct kb_worker_status boards_well(void)
{
    static struct kb_partition_status partitions[2];
    for (int i = 0; i < 2; i++) {
        partitions[i] = (struct kb_partition_status){
            .id = i, .next = 10, .committed = 10, .log_end = 10 + i, .lag = i};
        snprintf(partitions[i].topic, sizeof(partitions[i].topic), "orders");
    }
    return (struct kb_worker_status){.state = KB_WORKER_RUNNING,
        .assigned = true,
        .bytes_max = 1 << 20,
        .partitions = partitions,
        .n_partitions = 2};
}

/* Writes it; `status` keeps its partitions. */
static inline void boards_show(struct kb_board *board, const struct kb_worker_status *status)
{
    struct kb_worker_status *next = kb_board_begin(board, status->n_partitions);
    struct kb_partition_status *room = next->partitions;
    size_t cap = next->cap;
    *next = *status;
    next->partitions = room;
    next->cap = cap;
    if (status->n_partitions > 0)
        memcpy(room, status->partitions, status->n_partitions * sizeof(*room));
    kb_board_show(board);
}

#endif
