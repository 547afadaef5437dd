/* A record on its way through route.c and the files beside it, which route.h does not show:
 *
 *     route.c           the way itself: null decided, decoded, transform called
 *     route_sides.c     key and value decoded, and what templates read of them captured
 *     route_list.c      which messages the record becomes, and to which channels each goes
 *     route_message.c   one message: its texts, its encoding, extras and push
 *
 * Functions return false with KB_ERR_RECORD, FATAL for want of memory, or, where a schema is not
 * there yet, OUTAGE. Thread: the worker's. */
#ifndef KB_ROUTE_ROUTE_INSIDE_H
#define KB_ROUTE_ROUTE_INSIDE_H

#include "route/route.h"

#define KB_ROUTE_TEXT_MAX (1 << 20) /* of one message's texts: far above any message Ably takes */

/* What the record is by now. Where it is, it stays: `in` points into it. */
struct kb_routing {
    struct kb_router *router;
    const struct kb_rules *rules;
    struct kb_record rec; /* headers as transform left them */
    struct kb_value key, value;
    struct kb_capture key_fields, value_fields; /* stay empty where no template looks inside */
    uint32_t message;                           /* which one is made, from 1: functions are told */
    struct kb_template_calls calls;
    struct kb_template_input in; /* the record for templates */
};

static inline bool kb_routing_has(const struct kb_routing *r, enum kb_hook hook)
{
    return kb_rules_has(r->rules, hook);
}

/* Decodes key and value. Where transform comes first, the templates' fields are not captured yet:
 * kb_routing_capture does it behind it, from what it left. */
bool kb_routing_decode(struct kb_routing *r, struct kb_err *err) KB_MUST_CHECK;
bool kb_routing_capture(struct kb_routing *r, struct kb_err *err) KB_MUST_CHECK;

bool kb_router_reserve(struct kb_router *router, size_t n) KB_MUST_CHECK; /* messages in its list */

/* The router's messages, of the `n` of transform: each goes to the channel that it names, else to
 * those of the topic's block. */
bool kb_routing_list(struct kb_routing *r, const struct kb_hook_message *own, size_t n,
    struct kb_err *err) KB_MUST_CHECK;

/* One of them: its number from 0, what transform gave it, and where it goes unless that says so. */
struct kb_routing_part {
    uint32_t index;
    const struct kb_hook_message *own;
    const struct kb_template *channel;
};
/* Its texts lie behind each other in the router's `text`, which is not emptied before. */
bool kb_routing_message(struct kb_routing *r, const struct kb_routing_part *part,
    struct kb_message *msg, struct kb_err *err) KB_MUST_CHECK;

#endif
