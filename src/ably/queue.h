/* A queue of specs, linked by their `next`: what waits in a lane, of a held channel, in a group.
 * The specs are somebody else's. Thread: its owner's. */
#ifndef KB_ABLY_QUEUE_H
#define KB_ABLY_QUEUE_H

#include "ably/spec.h"

struct kb_queue {
    struct kb_spec *head, *tail;
};

static inline void kb_queue_push_tail(struct kb_queue *queue, struct kb_spec *spec)
{
    spec->next = NULL;
    if (queue->tail)
        queue->tail->next = spec;
    else
        queue->head = spec;
    queue->tail = spec;
}

static inline void kb_queue_push_head(struct kb_queue *queue, struct kb_spec *spec)
{
    spec->next = queue->head;
    queue->head = spec;
    if (!queue->tail)
        queue->tail = spec;
}

static inline struct kb_spec *kb_queue_pop_head(struct kb_queue *queue)
{
    struct kb_spec *spec = queue->head;
    queue->head = spec->next;
    if (!queue->head)
        queue->tail = NULL;
    spec->next = NULL;
    return spec;
}

/* `spec` leaves the queue; it stands behind `before`, NULL = at its head. */
static inline void kb_queue_take_behind(
    struct kb_queue *queue, struct kb_spec *before, struct kb_spec *spec)
{
    if (before)
        before->next = spec->next;
    else
        queue->head = spec->next;
    if (queue->tail == spec)
        queue->tail = before;
    spec->next = NULL;
}

/* All of `rest` behind the queue. */
static inline void kb_queue_append(struct kb_queue *queue, struct kb_queue rest)
{
    if (!rest.head)
        return;
    if (queue->tail)
        queue->tail->next = rest.head;
    else
        queue->head = rest.head;
    queue->tail = rest.tail;
}

/* Of those in front that were refused alone the last; NULL = the first was not. */
static inline struct kb_spec *kb_queue_last_refused(const struct kb_queue *queue)
{
    struct kb_spec *last = NULL;
    for (struct kb_spec *at = queue->head; at && at->refused; at = at->next)
        last = at;
    return last;
}

/* Behind those in front that were refused alone: where a spec that rode ahead of them belongs. */
static inline void kb_queue_push_behind_refused(struct kb_queue *queue, struct kb_spec *spec)
{
    struct kb_spec *last = kb_queue_last_refused(queue);
    if (!last) {
        kb_queue_push_head(queue, spec);
        return;
    }
    spec->next = last->next;
    last->next = spec;
    if (queue->tail == last)
        queue->tail = spec;
}

/* The first that is not refused, of a queue that begins with refused ones; NULL = there is none. */
static inline struct kb_spec *kb_queue_pop_behind_refused(struct kb_queue *queue)
{
    struct kb_spec *last = kb_queue_last_refused(queue), *spec = last ? last->next : NULL;
    if (spec)
        kb_queue_take_behind(queue, last, spec);
    return spec;
}

#endif
