/* One record -> its messages: decoded, templates rendered, channel name checked, headers read.
 *
 *     struct kb_router router;                  // per worker: buffers that are reused
 *     if (!kb_router_init(&router, cluster_id))
 *         ... no memory
 *     switch (kb_route(&router, rules, rec, &err)) {
 *     case KB_ROUTED:      // router.messages[0 .. router.n_messages), until the next kb_route
 *     case KB_DROPPED:     // by transform, or a null value under null_value = "skip"
 *     case KB_DEAD_LETTER: // a null value under null_value = "dlq", whatever on_error says;
 *                          // err is the reason
 *     case KB_FAILED:      // err is of class RECORD, or FATAL for want of memory
 *     case KB_WAITS:       // for a schema; err (OUTAGE) names it. Route it again when it is there
 *     }
 *     kb_router_deinit(&router);
 *
 * A null value is decided first, before anything is decoded. Then key and value are decoded,
 * transform is called, the paths of the templates are captured from what it left, and come channel,
 * name, client id and the two special headers: the order of the Kafka Connect sink. An empty name
 * or client id is none. Of several messages, what a message does not say comes from the same rules.
 *
 * Messages borrow from the record and from the router's buffers. Those are there from the start;
 * only captured fields larger than one of the arena's blocks cost an allocation. Thread: the
 * worker's. */
#ifndef KB_ROUTE_ROUTE_H
#define KB_ROUTE_ROUTE_H

#include "record/message.h"
#include "route/rules.h"

enum kb_route_result { KB_ROUTED, KB_DROPPED, KB_DEAD_LETTER, KB_FAILED, KB_WAITS };

#define KB_CHANNEL_LEN_MAX 2048

struct kb_router {
    struct kb_message *messages;
    size_t n_messages;
    struct kb_arena arena;              /* one record's captures */
    struct kb_buf text;                 /* one message's rendered texts */
    struct kb_buf scratch;              /* one text of a push or of extras */
    struct kb_buf key_text, value_text; /* decoded, where not the record's own bytes */
    uint64_t cluster_hash; /* kb_hash64_stable of the cluster id, 0 where there is none */
    /* the rest is for route_inside.h alone */
    struct kb_message *list; /* room for messages */
    size_t list_cap;
    struct kb_json_members members; /* of the value, for functions */
    struct kb_paths *push_paths;
    struct kb_hooks *hooks;     /* borrowed; NULL = no function in this configuration */
    struct kb_schemas *schemas; /* borrowed; set by the worker, NULL = no registry */
};

/* An empty cluster id is none. */
bool kb_router_init(struct kb_router *router, struct kb_slice cluster_id) KB_MUST_CHECK;
void kb_router_deinit(struct kb_router *router);
/* The functions of the configuration that the rules come from; NULL = it has none. */
void kb_router_set_hooks(struct kb_router *router, struct kb_hooks *hooks);
/* Kafka names its cluster only after the first answer. Call it before the first record is routed:
 * a message's id must not change between two tries. */
void kb_router_set_cluster(struct kb_router *router, struct kb_slice cluster_id);

enum kb_route_result kb_route(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err) KB_MUST_CHECK;

/* Is this a name Ably takes (not empty, no leading '[' or ':', no newline, UTF-8, at most 2048
 * bytes)? KB_ERR_RECORD of class message otherwise. */
bool kb_channel_check(struct kb_slice name, struct kb_err *err) KB_MUST_CHECK;

/* TOPIC/PARTITION/OFFSET/TAG:0 for message 0 of a record, TOPIC/PARTITION/OFFSET.N/TAG:0 for the
 * others. TAG is kb_base64url_u64 of kb_mix64(cluster_hash ^ timestamp): a topic deleted and made
 * again reuses its offsets but not its timestamps, one of another cluster shares neither. This
 * never changes, for a new release must give a record the id that the old one gave it. */
void kb_message_id(
    struct kb_buf *out, const struct kb_record *rec, uint32_t index, uint64_t cluster_hash);

/* Is this JSON text a push Ably takes: an object whose `notification` is an object with a `title`
 * and a `body`, neither null? `paths` from kb_push_paths_new. KB_ERR_RECORD of class message
 * otherwise. */
struct kb_paths *kb_push_paths_new(void); /* returns new, NULL = no memory */
bool kb_push_check(struct kb_slice json, const struct kb_paths *paths, struct kb_arena *arena,
    struct kb_err *err) KB_MUST_CHECK;

#endif
