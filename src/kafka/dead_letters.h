/* The dead-letter topic in the daemon: one idempotent librdkafka producer behind
 * record/dead_letter.h's door.
 *
 * A dead letter has the original key, value, headers and timestamp; Kafka Connect's error headers
 * (__connect.errors.*, KIP-298) stand behind the original ones. The topic is created if it is
 * missing.
 *
 *     struct kb_dead_letters *dl = kb_dead_letters_new(&options, &err);
 *     ...
 *     if (kb_dead_letters_prepare(dl, "other", &err))     // a reload: another topic...
 *         kb_dead_letters_adopt(dl);                      // ...from here on, or _forget
 *     kb_dead_letters_free(dl);           // takes back what is not acknowledged
 *
 * Thread: one worker's. */
#ifndef KB_KAFKA_DEAD_LETTERS_H
#define KB_KAFKA_DEAD_LETTERS_H

#include "kafka/properties.h"
#include "record/dead_letter.h"

struct kb_dead_letters_options {
    const struct kb_property *properties; /* the consumer's; what no producer can use is left out */
    size_t n_properties;
    const char *topic;
    const char *group_id; /* __connect.errors.connector.name */
    int worker;           /* __connect.errors.task.id */
};

struct kb_dead_letters *kb_dead_letters_new(
    const struct kb_dead_letters_options *options, struct kb_err *err) KB_MUST_CHECK;
void kb_dead_letters_free(struct kb_dead_letters *dl);

/* Another topic, in two steps of which the second can't fail: letters that are not on their way yet
 * go there, those that are stay with the one before. */
bool kb_dead_letters_prepare(
    struct kb_dead_letters *dl, const char *topic, struct kb_err *err) KB_MUST_CHECK;
void kb_dead_letters_adopt(struct kb_dead_letters *dl);
void kb_dead_letters_forget(struct kb_dead_letters *dl);

#endif
