/* One decoded record -> its messages: templates rendered, channel name checked, headers read.
 *
 *     struct kb_router router;                                  // per worker: buffers that are reused
 *     kb_router_init(&router, cluster_id);
 *     switch (kb_route(&router, rules, rec, &err)) {
 *     case KB_ROUTED:  router.messages[0 .. router.n_messages)  // valid until the next kb_route
 *     case KB_DROPPED: a null value under null_value = "skip"
 *     case KB_FAILED:  err is KB_ERR_RECORD with its class
 *     }
 *
 * kb_route decodes too (key, then value, capturing the paths of the templates): the order is channel, name,
 * then data, as in the Kafka Connect sink. Thread: the worker's. */
#ifndef KB_ROUTE_ROUTE_H
#define KB_ROUTE_ROUTE_H

#include "record/message.h"
#include "route/rules.h"

enum kb_route_result { KB_ROUTED, KB_DROPPED, KB_FAILED };

struct kb_router {
    struct kb_message *messages;
    size_t n_messages;
    struct kb_arena arena; /* one record's captures and texts */
    struct kb_buf text;    /* rendered texts */
    uint64_t cluster_hash;
    /* further fields are route.c's */
    struct kb_message single;
};

bool kb_router_init(struct kb_router *router, struct kb_slice cluster_id) KB_MUST_CHECK;
void kb_router_deinit(struct kb_router *router);

enum kb_route_result kb_route(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err) KB_MUST_CHECK;

/* Is this a name Ably takes (not empty, no leading '[' or ':', no newline, UTF-8, at most 2048 bytes)?
 * KB_ERR_RECORD of class message otherwise. */
bool kb_channel_check(struct kb_slice name, struct kb_err *err) KB_MUST_CHECK;

/* TOPIC/PARTITION/OFFSET/TAG:0 for message 0 of a record, TOPIC/PARTITION/OFFSET.N/TAG:0 for the others. */
void kb_message_id(struct kb_buf *out, const struct kb_record *rec, uint32_t index,
    uint64_t cluster_hash);

#endif
