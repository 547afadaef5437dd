/* `kably demo`: the real daemon on config/demo.lua, and around it, in the same process, a Kafka, a
 * local Ably, an application that writes records and a subscriber that gets what becomes of them.
 *
 * Two threads: the daemon runs on the caller's, as `kably run` would, and takes the signals; the
 * story (story.h) runs beside it and ends it with SIGTERM when all is told. Thread: main, once. */
#ifndef KB_DEMO_DEMO_H
#define KB_DEMO_DEMO_H

#include <stdbool.h>
#include <stdint.h>

enum { KB_DEMO_RECORDS_MAX = 100000, KB_DEMO_RECORDS = 1000, KB_DEMO_RECORDS_REAL = 30 };

struct kb_demo_options {
    uint32_t records; /* 0 = KB_DEMO_RECORDS, with the real Ably KB_DEMO_RECORDS_REAL */
    bool stay;        /* until a signal */
    bool real;        /* Ably itself, with the key in ABLY_API_KEY */
};

/* The exit code: 0 = everything arrived exactly once and in order. */
int kb_demo_run(const struct kb_demo_options *options);

#endif
