/* Server-sent events: bytes as they come from a stream -> events.
 *
 *     struct kb_sse sse;
 *     kb_sse_init(&sse, on_event, context);
 *     while (...)
 *         if (!kb_sse_feed(&sse, bytes)) ...   // an event above its maximum, or no memory
 *     kb_sse_deinit(&sse);
 *
 * Lines may end in LF, CR or CRLF and may be cut anywhere; data of several lines is joined by LF;
 * an event without data is none; comments (the keep-alives) are passed over. Thread: one at a time.
 */
#ifndef KB_DEMO_SSE_H
#define KB_DEMO_SSE_H

#include "base/buf.h"

/* `type` is "message" unless the stream says otherwise. Valid during the call. */
typedef void kb_sse_event(void *context, struct kb_slice type, struct kb_slice data);

struct kb_sse {
    kb_sse_event *on_event;
    void *context;
    struct kb_buf line, type, data;
    bool after_cr; /* the line ended in CR: a LF right behind it belongs to that */
};

void kb_sse_init(struct kb_sse *sse, kb_sse_event *on_event, void *context);
void kb_sse_deinit(struct kb_sse *sse);
bool kb_sse_feed(struct kb_sse *sse, struct kb_slice bytes) KB_MUST_CHECK;

#endif
