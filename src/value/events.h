/* Decoding is a stream of events: a decoder walks bytes and calls, a sink takes what it wants.
 *
 *     {"id": 7, "tags": ["a"]}   ->   begin_object, key "id", number "7", key "tags", begin_array,
 *                                     string "a", end_array, end_object
 *
 * One decoder per format, any sink: JSON text for the message, the capture of just those paths that templates
 * name, later a tree for hooks. A sink embeds `struct kb_events` as its first member.
 *
 * Slices are valid during the call only. Strings come decoded (no escapes, valid UTF-8); numbers come as
 * their own decimal text, so that no digit is lost. A sink can't fail an event; one that runs out of its
 * memory remembers it and says so at the end. Thread: the caller's. */
#ifndef KB_VALUE_EVENTS_H
#define KB_VALUE_EVENTS_H

#include "base/slice.h"

#include <stdint.h>

struct kb_events;

struct kb_events_ops {
    void (*begin_object)(struct kb_events *sink);
    void (*end_object)(struct kb_events *sink);
    void (*begin_array)(struct kb_events *sink);
    void (*end_array)(struct kb_events *sink);
    void (*key)(struct kb_events *sink, struct kb_slice name);
    void (*string)(struct kb_events *sink, struct kb_slice text);
    void (*bytes)(struct kb_events *sink, struct kb_slice bytes); /* binary: base64 in JSON */
    void (*number)(struct kb_events *sink, struct kb_slice text); /* a JSON number */
    void (*integer)(struct kb_events *sink, int64_t number);
    void (*real)(struct kb_events *sink, double number);
    void (*boolean)(struct kb_events *sink, bool truth);
    void (*null)(struct kb_events *sink);
    /* Asked before the value at the current place: false lets the decoder check and pass over it without
     * events (it still counts as one value of its array). NULL = everything is wanted. */
    bool (*wants)(struct kb_events *sink);
};

struct kb_events {
    const struct kb_events_ops *ops;
};

#endif
