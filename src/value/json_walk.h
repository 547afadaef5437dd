/* A walk over JSON text that kb_json_read has accepted, for those who look for one thing in it and
 * want its own text: no events, no tree, no allocation.
 *
 *     struct kb_json_walk walk = kb_json_enter(object);         // {"a": 1, "b": [2]}
 *     struct kb_slice name, value;
 *     while (kb_json_next_member(&walk, &name, &value)) ...          // a 1, then b [2]
 *
 * Names and values are slices of the text: a name is what stands between its quotes, escapes and
 * all; a value has no white space around it. Text that was not accepted before is undefined
 * behaviour. Thread: any, no state. */
#ifndef KB_VALUE_JSON_WALK_H
#define KB_VALUE_JSON_WALK_H

#include "base/slice.h"

struct kb_json_walk {
    const char *at;
};

/* The one value of a text, without the white space around it. */
struct kb_slice kb_json_value_of(struct kb_slice text);

/* To the first member of an object or the first element of an array. */
struct kb_json_walk kb_json_enter(struct kb_slice container);

/* The next one; false at the end. */
bool kb_json_next_member(struct kb_json_walk *walk, struct kb_slice *name, struct kb_slice *value);
bool kb_json_next_element(struct kb_json_walk *walk, struct kb_slice *value);

#endif
