/* A published message in the forms in which it leaves the local Ably: in a page of history, as a
 * server-sent event, as an event with nothing but its data.
 *
 *     size_t head_len = kb_local_message_write(&json, posted, id, client_id, wall_ms);
 *     struct kb_local_message msg = {channel, kb_buf_slice(&json), head_len, seq, wall_ms};
 *     kb_local_message_history(&msg, started, &out);
 *
 * It is kept as one JSON object, whose place behind `head_len` bytes takes what only one form has:
 * the serial, or the channel. Data other than text is in there as an SDK expects it under JSON: an
 * object or array as its text with `json` behind the encoding, bytes with `base64`. Thread: any, no
 * state. */
#ifndef KB_SANDBOX_MESSAGE_H
#define KB_SANDBOX_MESSAGE_H

#include "base/buf.h"
#include "sandbox/posted.h"

#include <stdint.h>

struct kb_local_message {
    struct kb_slice channel, json;
    size_t head_len;
    uint64_t seq; /* from 1 since the start, over all channels */
    int64_t timestamp_ms;
};

/* Appends the object and returns its head_len. `client_id` is what the message or else the request
 * names; ptr NULL = none. */
size_t kb_local_message_write(struct kb_buf *out, const struct kb_posted_message *msg,
    struct kb_slice id, struct kb_slice client_id, int64_t wall_ms);

/* `started` tells one start of the local Ably from another, in serials and in events' ids. */
void kb_local_message_serial(struct kb_buf *out, const char *started, uint64_t seq);
void kb_local_message_history(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out);
/* "id: ...\nevent: message\ndata: {...}\n\n" */
void kb_local_message_event(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out);
void kb_local_message_bare_event(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out);

/* The number behind which a client with this event's id goes on; false = of another start, or no
 * event's id at all. */
bool kb_local_message_behind(struct kb_slice event_id, const char *started, uint64_t *seq);

#endif
