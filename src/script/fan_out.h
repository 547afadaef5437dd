/* The list of messages that transform may return instead of the record:
 *
 *     return { record, { channel = "audit", data = { id = 7 }, name = "copy",
 *                        headers = { tenant = "a" }, extras = { push = { ... } } } }
 *
 * A table without elements is one message. An unknown field, a wrong type, too many messages: each
 * is an error that says which message and which field. Inside the protected call. */
#ifndef KB_SCRIPT_FAN_OUT_H
#define KB_SCRIPT_FAN_OUT_H

#include "script/hook.h"
#include "script/record_view.h"

struct kb_fan_out {
    struct kb_hook_message *list; /* in the record's arena */
    size_t n;
};

/* Has a message a field of that name? */
bool kb_fan_out_has(struct kb_slice field);

void kb_fan_out_take(
    lua_State *L, struct kb_viewed_record *viewed, int index, struct kb_fan_out *out);
/* What the function `extras` of a topic's block gave: its members as JSON without braces, ptr NULL
 * = none; kafka, headers and push are not its affair. */
struct kb_slice kb_fan_out_extras(lua_State *L, struct kb_viewed_record *viewed, int index);

#endif
