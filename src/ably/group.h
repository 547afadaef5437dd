/* Several messages of a channel in one BatchSpec, which for Ably's limit of a channel is one
 * message. Made of what waits for its channel's rate, where the user wants it (group =
 * "when_limited").
 *
 *     kb_grouper_init(&grouper, &slabs, &pool, msgpack);
 *     grouper.max_size = 65536;                    // of all its messages together, as Ably counts
 *     n = kb_group_front(&grouper, &queue);        // the queue begins with a group of n; 0 = no
 *     members = kb_group_take_apart(&grouper, group);
 *
 * A group is a spec whose members it keeps: it goes again as it is where nobody knows whether Ably
 * has it, and else is taken apart, in their order. Its members come from one partition, without a
 * gap in what the queue has of that one, so their order is kept; those of other partitions stay
 * where they are. One that may have been sent already joins no group, since it has its id.
 *
 * The ids (Ably specification RSL1k, facts 6): BASE:0, BASE:1, ..., and Ably drops the whole set
 * where it has seen the base within two minutes. So the base must never stand for another set:
 * TOPIC/PARTITION/FIRST-LAST/TAG, where TAG is made of the ids of all members. The same messages
 * packed otherwise, after a crash say, have other ids: they may come twice, and none is lost.
 * Thread: one worker's. */
#ifndef KB_ABLY_GROUP_H
#define KB_ABLY_GROUP_H

#include "ably/queue.h"
#include "ably/spec_pool.h"

#define KB_GROUP_MESSAGES_MAX 1000 /* Ably's, of one BatchSpec */

struct kb_grouper {
    struct kb_slabs *slabs;
    struct kb_spec_pool *pool;
    bool msgpack;
    size_t max_size;                /* 0 = nothing is grouped */
    size_t max_messages, max_bytes; /* of a request */
    struct kb_buf base, text;       /* scratch */
};

void kb_grouper_init(
    struct kb_grouper *grouper, struct kb_slabs *slabs, struct kb_spec_pool *pool, bool msgpack);
void kb_grouper_deinit(struct kb_grouper *grouper);

size_t kb_group_front(struct kb_grouper *grouper, struct kb_queue *queue);
/* The members, in their order; the group itself is gone. */
struct kb_queue kb_group_take_apart(struct kb_grouper *grouper, struct kb_spec *group);

#endif
