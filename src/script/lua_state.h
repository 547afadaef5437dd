/* A sandboxed Lua 5.4 state with a ceiling on memory and on time: the configuration file runs in
 * one.
 *
 *     struct kb_script_limits limits = {
 *         .memory = 64 << 20, .time_ms = 2000, .clock = kb_clock_system()};
 *     struct kb_script *script = kb_script_new(&limits, &err);
 *     if (!kb_script_run(script, "config/orders.lua", text, &err))
 *         ... // KB_ERR_CONFIG: "config/orders.lua:7: attempt to index a nil value (global 'x')"
 *     kb_script_free(script);
 *
 * Inside: the safe part of Lua's library (script/lua_library.h), text chunks only. Every entry is
 * protected; C code that works on the stack does so in a function given to kb_script_call, where a
 * failed allocation or a spent budget ends that function instead of the process.
 *
 * The budget: a hook looks at the clock every hundred instructions, after large allocations, and
 * where a C function has done much work (kb_script_charge). Once the time is over, every further
 * instruction fails, so that no loop around pcall survives. It begins at the first look: a short
 * call costs no look at all. Thread: one at a time. */
#ifndef KB_SCRIPT_LUA_STATE_H
#define KB_SCRIPT_LUA_STATE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

#include <lua.h>

struct kb_handles; /* script/handle.h */
struct kb_lines;   /* script/lines.h */
struct kb_script;  /* opaque */

struct kb_script_limits {
    size_t memory;           /* bytes of Lua's heap */
    int time_ms;             /* of one kb_script_run or kb_script_call */
    struct kb_clock *clock;  /* what counts; both are borrowed while the script lives */
    struct kb_clock *coarse; /* NULL = none: cheaper to ask and never behind `clock` */
    struct kb_lines *lines;  /* NULL = nobody asks; else which lines run is noted here. Borrowed */
};

/* Returns new. */
struct kb_script *kb_script_new(
    const struct kb_script_limits *limits, struct kb_err *err) KB_MUST_CHECK;
void kb_script_free(struct kb_script *script);

/* Loads and runs a text; `name` stands for it in messages. A leading byte order mark is skipped. */
bool kb_script_run(struct kb_script *script, const char *name, struct kb_slice text,
    struct kb_err *err) KB_MUST_CHECK;

/* Calls `function` protected and within the limits, with `context` as its light userdata argument.
 */
bool kb_script_call(struct kb_script *script, lua_CFunction function, void *context,
    struct kb_err *err) KB_MUST_CHECK;

/* The same for a function of the user's, once for each record: nothing but that function runs.
 *
 *     ok = kb_script_ask(script, ref, handle, 0, &err);       // function(record)
 *     if (ok && !lua_isnil(kb_script_answer(script), -1))
 *         ok = kb_script_take(script, take, &context, &err);  // take(context, answer), protected
 *     kb_script_settle(script);
 *
 * `function` is a reference in the registry (luaL_ref), `argument` a light userdata; a number above
 * 0 is a second argument. What it returned is on top of the state kb_script_answer gives, for
 * functions of Lua's that raise nothing; kb_script_take is for the others, within what is left of
 * the budget. kb_script_settle always follows. */
bool kb_script_ask(struct kb_script *script, int function, void *argument, uint32_t number,
    struct kb_err *err) KB_MUST_CHECK;
lua_State *kb_script_answer(struct kb_script *script);
bool kb_script_take(
    struct kb_script *script, lua_CFunction take, void *context, struct kb_err *err) KB_MUST_CHECK;
void kb_script_settle(struct kb_script *script);

/* What the handles of this state name. Borrowed; until set there is a record of which no handle was
 * ever given. */
void kb_script_set_handles(struct kb_script *script, struct kb_handles *handles);
struct kb_handles *kb_script_handles(lua_State *L);

/* The file is loaded: globals are read-only, and a call may take that long. */
void kb_script_lock(struct kb_script *script, int time_ms);

/* Inside a protected call, from a C function called by Lua: says that it has done work worth `cost`
 * (about a nanosecond each, or a byte); raises the error of a spent budget. */
void kb_script_charge(lua_State *L, size_t cost);

/* Was the last call ended because its time or its memory was over? */
bool kb_script_cut(const struct kb_script *script);

/* Frees what nobody holds; takes its time. */
void kb_script_collect(struct kb_script *script);
/* Bytes that Lua's heap may still grow by. */
size_t kb_script_room(lua_State *L);
/* Bytes of Lua's heap now. */
size_t kb_script_memory(const struct kb_script *script);

/* Inside a protected call, from a C function called by Lua: the nearest line of a named text.
 * Returns the name, which Lua owns, or NULL where no such function is on the stack. */
const char *kb_script_where(lua_State *L, int *line);

#endif
