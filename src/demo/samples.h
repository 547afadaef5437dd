/* The records of the demo: orders of four people, a chat in three rooms, readings of three devices.
 *
 *     struct kb_sample sample;
 *     kb_sample_make(17, &sample);       // always the same record 17
 *
 * Records differ by their number alone, so that a run can be compared with the next and what
 * arrived can be compared with what was sent. Record KB_SAMPLE_POISON breaks off in the middle of
 * its JSON: it shows what becomes of a record that can't be read. The key of a record decides its
 * channel, so that all records of a channel lie in one partition, in order. Thread: any; values. */
#ifndef KB_DEMO_SAMPLES_H
#define KB_DEMO_SAMPLES_H

#include "base/slice.h"

#include <stdint.h>

#define KB_SAMPLE_TOPICS(X) X(ORDERS, "orders", 4) X(CHAT, "chat", 2) X(TELEMETRY, "telemetry", 4)

enum kb_sample_topic {
#define X(id, name, partitions) KB_SAMPLE_##id,
    KB_SAMPLE_TOPICS(X)
#undef X
        KB_SAMPLE_TOPIC_COUNT
};

enum { KB_SAMPLE_POISON = 6, KB_SAMPLE_PARTITIONS_MAX = 4 };

#define KB_SAMPLE_DEAD_LETTERS "demo-dead-letters" /* the topic that config/demo.lua names */

struct kb_sample_topic_row {
    const char *name;
    int partitions;
};
extern const struct kb_sample_topic_row kb_sample_topics[KB_SAMPLE_TOPIC_COUNT];

/* Every channel that config/demo.lua publishes these records to. */
extern const char *const kb_sample_channels[];
extern const size_t kb_n_sample_channels;

struct kb_sample {
    enum kb_sample_topic topic;
    struct kb_slice key; /* a constant */
    size_t channel;      /* index of kb_sample_channels: where config/demo.lua sends it */
    bool poison;
    size_t len;
    char value[240];
};

void kb_sample_make(uint32_t number, struct kb_sample *out);

static inline struct kb_slice kb_sample_value(const struct kb_sample *sample)
{
    return (struct kb_slice){sample->value, sample->len};
}

#endif
