/* One record as it comes from Kafka. Transient: everything it points at is valid until the next
 * take from its source; what must live longer is copied (an encoded message, or struct kb_original
 * for the dead-letter topic).
 *
 *     const struct kb_header *push = kb_record_header(rec, KB_S("com.ably.extras.push"));
 *     struct kb_original *original = kb_original_copy(rec);      // may be kept; NULL = no memory
 *     kb_original_free(original);
 *
 * Thread: the worker's. */
#ifndef KB_RECORD_RECORD_H
#define KB_RECORD_RECORD_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct kb_header {
    struct kb_slice name;
    struct kb_slice value; /* ptr NULL = null */
};

struct kb_record {
    struct kb_slice topic;
    int32_t partition;
    uint32_t slot; /* the number the worker gave this partition when it was assigned */
    int64_t offset;
    bool new_log;               /* offsets begin anew here: record/source.h says when */
    int64_t timestamp;          /* ms since 1970; -1 = none */
    struct kb_slice key, value; /* ptr NULL = null */
    const struct kb_header *headers;
    size_t n_headers;
};

/* The last header of that name, NULL = none (Kafka allows repeats; the last wins, as in Kafka
 * Connect). */
const struct kb_header *kb_record_header(const struct kb_record *rec, struct kb_slice name);

/* A record's own bytes on the heap: key, value, headers, timestamp, as they came. Made when the
 * record may still have to go to the dead-letter topic after its source has let it go. One
 * allocation. */
struct kb_original {
    struct kb_record record; /* points into this allocation */
    size_t size;             /* bytes of the allocation, for the memory ceiling */
};
/* Returns new, NULL = no memory. */
struct kb_original *kb_original_copy(const struct kb_record *rec);
void kb_original_free(struct kb_original *original); /* NULL is fine */

#endif
