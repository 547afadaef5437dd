/* Decoding is a stream of events: a decoder walks bytes and calls, a sink takes what it wants.
 *
 *     {"id": 7, "tags": ["a"]}   ->   begin_object, key "id", number "7", key "tags", begin_array,
 *                                     string "a", end_array, end_object
 *
 * One decoder per format, any sink: JSON text for the message, the capture of just those paths that
 * templates name, later a tree for hooks. A sink embeds `struct kb_events` as its first member.
 *
 * Decoders call through the kb_emit_ functions below, which pass over a NULL sink and the
 * operations a sink left out.
 *
 * Slices are valid during the call only. Strings come decoded (no escapes, valid UTF-8); numbers
 * come as their own decimal text, so that no digit is lost. A sink can't fail an event; one that
 * runs out of its memory remembers it and says so at the end. Thread: the caller's. */
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
    /* Asked once before the value at the current place: after false the decoder checks and passes
     * over it without events (it still counts as one value of its array). NULL = everything is
     * wanted. */
    bool (*wants)(struct kb_events *sink);
    /* All events so far are void, the value starts again: under format auto, text that began like
     * JSON turned out to be none. A sink without it is fed only after a check of its own, which
     * takes longer. */
    void (*restart)(struct kb_events *sink);
};

struct kb_events {
    const struct kb_events_ops *ops;
};

static inline bool kb_emit_wanted(struct kb_events *sink)
{
    return !sink->ops->wants || sink->ops->wants(sink);
}

static inline void kb_emit_begin_object(struct kb_events *sink)
{
    if (sink && sink->ops->begin_object)
        sink->ops->begin_object(sink);
}

static inline void kb_emit_end_object(struct kb_events *sink)
{
    if (sink && sink->ops->end_object)
        sink->ops->end_object(sink);
}

static inline void kb_emit_begin_array(struct kb_events *sink)
{
    if (sink && sink->ops->begin_array)
        sink->ops->begin_array(sink);
}

static inline void kb_emit_end_array(struct kb_events *sink)
{
    if (sink && sink->ops->end_array)
        sink->ops->end_array(sink);
}

static inline void kb_emit_key(struct kb_events *sink, struct kb_slice name)
{
    if (sink && sink->ops->key)
        sink->ops->key(sink, name);
}

static inline void kb_emit_string(struct kb_events *sink, struct kb_slice text)
{
    if (sink && sink->ops->string)
        sink->ops->string(sink, text);
}

static inline void kb_emit_bytes(struct kb_events *sink, struct kb_slice bytes)
{
    if (sink && sink->ops->bytes)
        sink->ops->bytes(sink, bytes);
}

static inline void kb_emit_number(struct kb_events *sink, struct kb_slice text)
{
    if (sink && sink->ops->number)
        sink->ops->number(sink, text);
}

static inline void kb_emit_integer(struct kb_events *sink, int64_t number)
{
    if (sink && sink->ops->integer)
        sink->ops->integer(sink, number);
}

static inline void kb_emit_real(struct kb_events *sink, double number)
{
    if (sink && sink->ops->real)
        sink->ops->real(sink, number);
}

static inline void kb_emit_boolean(struct kb_events *sink, bool truth)
{
    if (sink && sink->ops->boolean)
        sink->ops->boolean(sink, truth);
}

static inline void kb_emit_null(struct kb_events *sink)
{
    if (sink && sink->ops->null)
        sink->ops->null(sink);
}

#endif
