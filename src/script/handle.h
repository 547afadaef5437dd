/* Handles: what a hook holds of a record. A handle is a light userdata that names a place in the
 * record at hand: it takes no memory, leaves nothing to collect, and equals every other handle of
 * its place.
 *
 *     kb_handles_begin(&handles);                                   // for each record
 *     void *record = kb_handle(&handles, KB_PLACE_RECORD);          // for lua_pushlightuserdata
 *     void *part = kb_handle_of_part(&handles, &viewed, node);      // NULL = no memory
 *     ...
 *     if (kb_handle_is_live(&handles, handle))                      // else of an earlier record
 *         switch (kb_handle_place(handle)) ...
 *
 *     bit 63   62 ......... 24   23 .... 0
 *       1       generation        place
 *
 * No address of a process has the highest bit, so that no other light userdata is a handle. Place 0
 * is the record, 1 its headers; the others are the objects and arrays of key and value, in the
 * order in which they were asked for. A handle that somebody keeps for 2^39 records, to the record,
 * would name a part of the record that is then at hand; never anything else.
 *
 * Thread: the state's. */
#ifndef KB_SCRIPT_HANDLE_H
#define KB_SCRIPT_HANDLE_H

#include "value/document.h"

struct kb_viewed; /* script/view.h */

enum { KB_PLACE_RECORD, KB_PLACE_HEADERS, KB_PLACE_PARTS /* the first */ };

/* An object or array of a document. */
struct kb_part {
    struct kb_viewed *viewed;
    struct kb_node *node;
};

struct kb_handles {
    uint64_t generation; /* of the record at hand */
    struct kb_part *parts;
    uint32_t n, cap;
    struct kb_arena *arena; /* the record's */
    bool writable;          /* what they name may be changed: transform runs */
};

#define KB_HANDLE_BIT (UINT64_C(1) << 63)
#define KB_HANDLE_PLACE_BITS 24
#define KB_HANDLE_PLACES (UINT32_C(1) << KB_HANDLE_PLACE_BITS)

_Static_assert(sizeof(void *) == sizeof(uint64_t), "a handle is a pointer of 64 bits");

/* Every handle is stale from here on; the arena has been reset. */
static inline void kb_handles_begin(struct kb_handles *handles)
{
    handles->generation++;
    handles->parts = NULL;
    handles->n = handles->cap = 0;
}

static inline void *kb_handle(const struct kb_handles *handles, uint32_t place)
{
    uint64_t bits = KB_HANDLE_BIT | handles->generation << KB_HANDLE_PLACE_BITS | place;
    return (void *)(uintptr_t)bits; /* NOLINT(performance-no-int-to-ptr) */
}

/* Is that light userdata one? */
static inline bool kb_is_handle(const void *light)
{
    return ((uintptr_t)light & KB_HANDLE_BIT) != 0;
}

static inline uint32_t kb_handle_place(const void *handle)
{
    return (uint32_t)((uintptr_t)handle & (KB_HANDLE_PLACES - 1));
}

static inline bool kb_handle_is_live(const struct kb_handles *handles, const void *handle)
{
    uint32_t place = kb_handle_place(handle);
    return handle == kb_handle(handles, place) && place < handles->n + KB_PLACE_PARTS;
}

/* Of a place from KB_PLACE_PARTS on. */
static inline struct kb_part kb_handle_part(const struct kb_handles *handles, const void *handle)
{
    return handles->parts[kb_handle_place(handle) - KB_PLACE_PARTS];
}

/* The one handle of that node. NULL: no memory. */
void *kb_handle_of_part(struct kb_handles *handles, struct kb_viewed *viewed, struct kb_node *node);

#endif
