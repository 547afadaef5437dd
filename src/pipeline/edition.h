/* The editions of the configuration that a worker holds: the one in force, and older ones for as
 * long as a record that they took has no outcome. Its policy is theirs, whatever a reload says.
 *
 *     kb_editions_init(&editions, config)                  // false = no memory
 *     p->edition = kb_edition_use(editions.now);           // a record is taken
 *     kb_edition_done(&editions, p->edition);              // it has its outcome
 *     kb_editions_replace(&editions, next)                 // a reload; false = no memory
 *     kb_editions_push(&editions, kb_edition_new(next))    // the same in two steps: the second
 *                                                          // can't fail
 *
 * Each edition has a reference to its configuration. The functions of the one in force are the
 * worker's; an older one has its own while a record may still go through them. Thread: the
 * worker's. */
#ifndef KB_PIPELINE_EDITION_H
#define KB_PIPELINE_EDITION_H

#include "config/config.h"

struct kb_edition {
    struct kb_edition *next; /* the one before it */
    struct kb_config *config;
    struct kb_hooks *hooks; /* owned; of an older one, for records that wait for a schema */
    size_t open;            /* records without an outcome that it took */
};

struct kb_editions {
    struct kb_edition *now; /* the newest, and the head of the list */
};

bool kb_editions_init(struct kb_editions *editions, struct kb_config *config) KB_MUST_CHECK;
void kb_editions_deinit(struct kb_editions *editions); /* whatever is open */
bool kb_editions_replace(struct kb_editions *editions, struct kb_config *config) KB_MUST_CHECK;

/* NULL = no memory. Returns new. */
struct kb_edition *kb_edition_new(struct kb_config *config) KB_MUST_CHECK;
void kb_edition_free(struct kb_edition *edition); /* of one that was never pushed; NULL is fine */
void kb_editions_push(struct kb_editions *editions, struct kb_edition *edition); /* takes it */

static inline struct kb_edition *kb_edition_use(struct kb_edition *edition)
{
    edition->open++;
    return edition;
}
void kb_edition_done(struct kb_editions *editions, struct kb_edition *edition);

#endif
