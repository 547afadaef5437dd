/* The record as a hook sees it: topic, partition, offset, timestamp, key, value, headers.
 *
 *     record.value.a.b = 1                       -- script/view.h
 *     record.value = "text"                      -- text, or bytes where it is not UTF-8
 *     record.value = { a = 1 }                   -- JSON; nil is Kafka's null
 *     record.headers.tenant                      -- the last of that name, nil = none
 *     record.headers.tenant = { "a", "b" }       -- repeated; nil removes all of that name
 *     for name, value in pairs(record.headers)   -- in order; record.headers[1].name, #, too
 *
 * The other fields can't be changed. A view of a record is good until its hook has returned.
 * Everything that runs Lua runs in a protected call. Thread: the state's. */
#ifndef KB_SCRIPT_RECORD_VIEW_H
#define KB_SCRIPT_RECORD_VIEW_H

#include "record/record.h"
#include "script/view.h"
#include "value/value.h"

/* Key or value: decoded, and where somebody has looked inside a document over it. */
struct kb_viewed_side {
    struct kb_value value;
    struct kb_viewed viewed;
    const struct kb_json_members *members; /* of the value's text; NULL = not known. Borrowed */
    bool opened;
};

struct kb_headers_edited {
    struct kb_header *list; /* in the arena; NULL = as the record has them */
    uint32_t *orders;       /* of each: it grows from one to the next, whatever goes */
    size_t n, cap;
};

/* One record in the hands of hooks; reused for the next. */
struct kb_viewed_record {
    const struct kb_record *rec;
    struct kb_viewed_side key, value;
    struct kb_headers_edited headers;
    struct kb_arena *arena;
    struct kb_buf *scratch;
    struct kb_handles handles; /* the state has them (kb_script_set_handles) */
};

/* Another record is at hand: what hooks hold of the one before is stale. The arena is reset.
 * `members` is as in kb_hooks_begin. */
void kb_viewed_begin(struct kb_viewed_record *viewed, const struct kb_record *rec,
    struct kb_value key, struct kb_value value, const struct kb_json_members *members);

/* Is the value at `index` the record at hand? */
bool kb_is_record_view(lua_State *L, const struct kb_viewed_record *viewed, int index);

/* What Lua does with the record and with its headers, each a lua_CFunction with one of them as its
 * first argument; the one metatable of all light userdata calls them (script/light.h). */
int kb_record_index(lua_State *L);
int kb_record_newindex(lua_State *L);
int kb_record_tostring(lua_State *L);
int kb_headers_index(lua_State *L);
int kb_headers_newindex(lua_State *L);
int kb_headers_len(lua_State *L);
int kb_headers_pairs(lua_State *L);

/* A Lua value as it would be published: nil = null, a text, bytes, or JSON; in the arena. */
struct kb_value kb_lua_to_value(lua_State *L, struct kb_viewed_record *viewed, int index);
/* The edited document, if there is one, becomes the side's value. */
void kb_viewed_side_close(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_viewed_side *side);

/* Fills empty headers from other headers, or from a table: { name = value, ... } in the order of
 * the names, where a value may be a list of several, or a list of { name = , value = }. False: the
 * value is none of these. */
bool kb_headers_take(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_headers_edited *headers, int index);
/* Sets all headers of that name to what a hook gave (kb_headers_edited in the arena). */
void kb_headers_set(lua_State *L, struct kb_viewed_record *viewed,
    struct kb_headers_edited *headers, struct kb_slice name, int value_index);

#endif
