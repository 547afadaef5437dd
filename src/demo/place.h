/* Where the demo plays: Kafka and, unless it is the real one, Ably in this process, and the file
 * that the daemon runs on.
 *
 *     struct kb_place place;
 *     if (kb_place_open(&place, false, &err)) ...     // the daemon may run place.config
 *     kb_place_close(&place);
 *
 * The file is config/demo.lua of the current folder where there is one, so that it can be edited;
 * else a copy of the one that travels in the binary, in a folder of its own that is removed at the
 * end. It reads its addresses and its key from the environment, which kb_place_open sets: before
 * any thread that reads it starts. Thread: main. */
#ifndef KB_DEMO_PLACE_H
#define KB_DEMO_PLACE_H

#include "sandbox/local_ably.h"
#include "sandbox/mock_kafka.h"

enum { KB_PLACE_TEXT_MAX = 512 };

struct kb_place {
    struct kb_mock_kafka *kafka;
    struct kb_local_ably *ably; /* NULL = the real one */
    const char *key;
    char url[KB_PLACE_TEXT_MAX];    /* of Ably */
    char config[KB_PLACE_TEXT_MAX]; /* the file */
    char folder[KB_PLACE_TEXT_MAX]; /* that holds the copy; empty = it is no copy */
};

/* On failure everything is closed already. KB_ERR_CONFIG: the environment is not as --real needs
 * it. */
bool kb_place_open(struct kb_place *place, bool real, struct kb_err *err) KB_MUST_CHECK;
void kb_place_close(struct kb_place *place);

#endif
