/* A subscriber as anybody could write one: Ably's SSE interface, one stream a channel, over the
 * network like curl's.
 *
 *     struct kb_listener_options options = {.url = "http://127.0.0.1:8080", .key = key, ...};
 *     struct kb_listener *listener = kb_listener_new(&options, &err);
 *     while (!kb_listener_ready(listener) && kb_listener_turn(listener, 50, &err))
 *         ;
 *     kb_listener_turn(listener, 10, &err);        // calls on_message for what came
 *     kb_listener_free(listener);
 *
 * A stream that ends is an error: the demo must see everything. Thread: one at a time. */
#ifndef KB_DEMO_LISTENER_H
#define KB_DEMO_LISTENER_H

#include "base/err.h"
#include "base/slice.h"

struct kb_listener_message {
    size_t channel; /* index of the options' channels */
    struct kb_slice id, name, data;
};

/* The message is valid during the call. */
typedef void kb_listener_on_message(void *context, const struct kb_listener_message *message);

struct kb_listener_options {
    const char *url; /* of Ably, without a path */
    const char *key; /* APP.KEYID:SECRET; never printed */
    const char *const *channels;
    size_t n_channels;
    kb_listener_on_message *on_message;
    void *context;
};

struct kb_listener; /* opaque; borrows what the options point at */

struct kb_listener *kb_listener_new(
    const struct kb_listener_options *options, struct kb_err *err) KB_MUST_CHECK;
void kb_listener_free(struct kb_listener *listener); /* NULL is fine */

/* Has every stream been answered with 200? */
bool kb_listener_ready(const struct kb_listener *listener);
/* Reads what there is, waiting for it at most `wait_ms`. False: a stream was refused, has ended or
 * makes no sense. */
bool kb_listener_turn(struct kb_listener *listener, int wait_ms, struct kb_err *err) KB_MUST_CHECK;

#endif
