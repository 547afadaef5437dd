/* The door to the dead-letter topic. A dead letter is an outcome only when the broker has
 * acknowledged it.
 *
 *     if (!dl->ops->send(dl, original, &reason, tag, &err))
 *         ...                                    // not taken, an outage: try again later
 *     while (dl->ops->acknowledged(dl, &ack))
 *         ...                                    // ack.ok, or an error: try again later
 *
 * Behind it: librdkafka's producer (kafka/dead_letters.c) or the simulation. Worker's thread only.
 */
#ifndef KB_RECORD_DEAD_LETTER_H
#define KB_RECORD_DEAD_LETTER_H

#include "base/err.h"
#include "record/record.h"

/* What the Connect error headers say (KIP-298; kafka/connect_headers.h). */
struct kb_dead_letter_reason {
    enum kb_failure failure;
    int code;         /* Ably's error code, 0 = none */
    const char *text; /* borrows */
    int attempts;
};

struct kb_dead_letter_ack {
    void *tag;
    bool ok;
    char text[160];
};

struct kb_dead_letters;

struct kb_dead_letters_ops {
    /* Borrows `original` until the acknowledgement. False: not taken; *err says why (an outage). */
    bool (*send)(struct kb_dead_letters *dl, const struct kb_original *original,
        const struct kb_dead_letter_reason *reason, void *tag, struct kb_err *err);
    bool (*acknowledged)(struct kb_dead_letters *dl, struct kb_dead_letter_ack *out);
};

struct kb_dead_letters {
    const struct kb_dead_letters_ops *ops;
    int wake_fd; /* readable when an acknowledgement may be there; -1 in the simulation */
};

#endif
