/* A Lua value taken over as plain data, so that it outlives the state it came from: what a block of
 * the file says, before anybody checks it.
 *
 *     struct kb_raw body = kb_raw_take(L, &arena, index);
 *     const struct kb_raw *linger = kb_raw_get(&body, "linger_ms");      // NULL = not there
 *     if (linger && linger->kind == KB_RAW_INTEGER) use(linger->integer);
 *
 * All of it lies in the arena. No metamethod is called: that is the user's code, which could change
 * a table while it is walked. Thread: taking, the state's; the data any. */
#ifndef KB_CONFIG_RAW_H
#define KB_CONFIG_RAW_H

#include "base/arena.h"

#include <lua.h>

enum kb_raw_kind {
    KB_RAW_NIL,
    KB_RAW_BOOLEAN,
    KB_RAW_INTEGER,
    KB_RAW_NUMBER,
    KB_RAW_TEXT,
    KB_RAW_TABLE,
    KB_RAW_FUNCTION,
    KB_RAW_NULL,   /* kably.null */
    KB_RAW_MISSING /* stands for an env or file that failed, which is reported already */
};

struct kb_raw {
    enum kb_raw_kind kind;
    bool boolean;
    int64_t integer;
    double number;
    struct kb_slice text; /* NUL-terminated behind its length; of a function "PATH:LINE" */
    struct kb_raw_entry *entries;
    size_t n_entries;
};

struct kb_raw_entry {
    struct kb_slice key; /* ptr NULL = an element of a list */
    int64_t index;       /* then its number */
    struct kb_raw value;
};

/* The member of a table, NULL = not there (or no table). */
const struct kb_raw *kb_raw_get(const struct kb_raw *table, const char *key);
const struct kb_raw *kb_raw_find(const struct kb_raw *table, struct kb_slice key);

/* Inside a protected call: raises an error where the arena is full, or tables are nested too deep
 * or hold themselves. A table's entries are sorted, elements first: Lua's own order differs from
 * run to run. */
struct kb_raw kb_raw_take(lua_State *L, struct kb_arena *arena, int index);

/* The same room, for what belongs to the data: zeroed; raises an error where there is none. */
void *kb_raw_memory(lua_State *L, struct kb_arena *arena, size_t size);

#endif
