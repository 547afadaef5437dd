/* The Lua state, its allocator with a ceiling, its clock hook and the protected calls; see
 * lua_state.h. Called by config/ (the file). Owns the lua_State; the error texts are copied out
 * before the stack is cleared. */
#include "script/lua_state.h"

#include "script/handle.h"
#include "script/lines.h"
#include "script/lua_library.h"
#include "script/lua_load.h"
#include "script/lua_memory.h"

#include <lauxlib.h>

#define INSTRUCTIONS_PER_LOOK 100
#define WATCHED_TIMES 6       /* noting a line takes about 50 ns, running one from 10 ns on */
#define CHARGE_PER_LOOK 10000 /* of kb_script_charge's units */
#define LARGE_BLOCK (64 << 10)
#define LEVELS_MAX 100 /* of the stack to look through: each is found by counting from the top */

struct kb_script {
    lua_State *L;
    struct kb_script_limits limits;
    struct kb_handles *handles; /* borrowed; never NULL */
    struct kb_handles none;     /* of a state in which no record is at hand */
    size_t charged;             /* work inside C functions since the last look */
    /* The call's time: 0 = nobody looked yet, else the first look, then when work was measured. */
    bool looked, measured;
    int64_t looked_ms, measured_ms;
    bool expired, out_of_memory;
    char expired_at[512]; /* "config.lua:3: ", where the budget ran out */
    struct kb_lua_memory memory;
};

static struct kb_script *script_of(lua_State *L)
{
    return *(struct kb_script **)lua_getextraspace(L);
}

static void on_hook(lua_State *L, lua_Debug *ar);

/* The next look at the clock is after so many instructions. Lua walks the whole stack of calls to
 * be told so, which is not for every look. */
static void arm(const struct kb_script *script, int instructions)
{
    if (lua_gethook(script->L) && lua_gethookcount(script->L) == instructions)
        return;
    lua_sethook(script->L, on_hook, LUA_MASKCOUNT | (script->limits.lines ? LUA_MASKLINE : 0),
        instructions);
}

static void look_soon(const struct kb_script *script)
{
    if (script->L)
        arm(script, 1);
}

static int64_t cheap_ms(const struct kb_script *script)
{
    struct kb_clock *clock = script->limits.coarse ? script->limits.coarse : script->limits.clock;
    return clock->now_ms(clock);
}

/* Is the budget spent? The cheap clock counts waiting too, so it only says when to ask the one that
 * counts work; most calls end before it has moved at all. */
static bool spent(struct kb_script *script)
{
    int64_t now = cheap_ms(script);
    if (!script->looked) {
        script->looked = true;
        script->looked_ms = now;
        return false;
    }
    if (now == script->looked_ms)
        return false;
    if (!script->measured) {
        script->measured = true;
        script->measured_ms = script->limits.clock->now_ms(script->limits.clock);
        return false;
    }
    int64_t most = (int64_t)script->limits.time_ms * (script->limits.lines ? WATCHED_TIMES : 1);
    if (now - script->looked_ms < most)
        return false;
    int64_t work = script->limits.clock->now_ms(script->limits.clock) - script->measured_ms;
    return work >= most;
}

/* No hook can end what goes on within one instruction: a value whose __call has a __call, and so
 * on, takes the square of their number. But the stack grows on the way, and for that there is no
 * more where time is up. */
static bool is_over(struct kb_script *script)
{
    if (script->expired || !spent(script))
        return script->expired;
    *script->expired_at = '\0'; /* amid an instruction Lua can't be asked for the line */
    script->expired = true;
    return true;
}

static void *more(struct kb_script *script, void *ptr, size_t old, size_t size)
{
    bool grows = !ptr || size > old;
    if (KB_UNLIKELY(size >= LARGE_BLOCK) && grows && is_over(script))
        return NULL;
    return ptr ? kb_lua_memory_resize(&script->memory, ptr, old, size)
               : kb_lua_memory_take(&script->memory, size);
}

/* lua_Alloc. For a new block `old` is a type tag, not a size. Before Lua gives up it collects all
 * garbage, and large blocks take time to fill, which no count of instructions shows. */
static void *allocate(void *context, void *ptr, size_t old, size_t size)
{
    struct kb_script *script = context;
    if (size == 0) {
        if (ptr)
            kb_lua_memory_give_back(&script->memory, ptr, old);
        return NULL;
    }
    void *block = more(script, ptr, old, size);
    if (KB_UNLIKELY(!block || size >= LARGE_BLOCK))
        look_soon(script);
    return block;
}

/* The nearest line of a named text, from that level of the stack on. */
static const char *where_from(lua_State *L, int level, int *line)
{
    lua_Debug ar;
    for (; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (*ar.source == '@' && ar.currentline > 0) {
            *line = ar.currentline;
            return ar.source + 1;
        }
    }
    *line = 0;
    return NULL;
}

static void note_place(lua_State *L, struct kb_script *script)
{
    int line;
    const char *name = where_from(L, 0, &line);
    *script->expired_at = '\0';
    if (name)
        snprintf(script->expired_at, sizeof(script->expired_at), "%s:%d: ", name, line);
}

/* Raises an error where the budget is spent. A text that catches it meets it again at its next
 * instruction. */
static void check_budget(lua_State *L)
{
    struct kb_script *script = script_of(L);
    if (!script->expired) {
        if (!spent(script)) {
            arm(script, INSTRUCTIONS_PER_LOOK);
            return;
        }
        script->expired = true;
        note_place(L, script);
        arm(script, 1);
    }
    lua_pushliteral(L, "out of time");
    lua_error(L);
}

static void note_line(lua_State *L, lua_Debug *ar)
{
    lua_getinfo(L, "Sl", ar);
    if (*ar->source == '@')
        kb_lines_note(script_of(L)->limits.lines, ar->source + 1, ar->linedefined, ar->currentline);
}

/* lua_Hook. */
static void on_hook(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE)
        note_line(L, ar);
    else
        check_budget(L);
}

void kb_script_charge(lua_State *L, size_t cost)
{
    struct kb_script *script = script_of(L);
    script->charged += cost;
    if (script->charged < CHARGE_PER_LOOK)
        return;
    script->charged = 0;
    check_budget(L);
}

bool kb_script_cut(const struct kb_script *script)
{
    return script->expired || script->out_of_memory;
}

void kb_script_collect(struct kb_script *script)
{
    lua_gc(script->L, LUA_GCCOLLECT);
}

size_t kb_script_room(lua_State *L)
{
    const struct kb_script *script = script_of(L);
    return script->memory.max - script->memory.used;
}

size_t kb_script_memory(const struct kb_script *script)
{
    return script->memory.used;
}

static void push_text_of_error(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING || luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
        luaL_tolstring(L, 1, NULL);
        return;
    }
    lua_pushfstring(L, "error(...) was called with a %s instead of a text", luaL_typename(L, 1));
}

/* Message handler: gives every error the full name and line it belongs to. */
static int add_place(lua_State *L)
{
    push_text_of_error(L);
    const char *message = lua_tostring(L, -1);
    lua_Debug ar, nearest = {.currentline = -1};
    for (int level = 1; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (*ar.source != '@' || ar.currentline <= 0)
            continue;
        if (kb_lua_starts_with_place(message, ar.short_src)) {
            lua_pushfstring(L, "%s%s", ar.source + 1, message + strlen(ar.short_src));
            return 1;
        }
        if (nearest.currentline < 0)
            nearest = ar;
    }
    if (nearest.currentline > 0)
        lua_pushfstring(L, "%s:%d: %s", nearest.source + 1, nearest.currentline, message);
    return 1;
}

static int open_library(lua_State *L)
{
    kb_script_open_library(L);
    return 0;
}

struct kb_script *kb_script_new(const struct kb_script_limits *limits, struct kb_err *err)
{
    struct kb_script *script = calloc(1, sizeof(*script));
    if (!script) {
        kb_err_fatal(err, "no memory for a Lua state");
        return NULL;
    }
    script->limits = *limits;
    script->handles = &script->none;
    kb_lua_memory_init(&script->memory, limits->memory);
    script->L = lua_newstate(allocate, script);
    if (!script->L) {
        kb_err_config(err, "%zu bytes are not enough memory for Lua to start", limits->memory);
        kb_script_free(script);
        return NULL;
    }
    *(struct kb_script **)lua_getextraspace(script->L) = script;
    arm(script, INSTRUCTIONS_PER_LOOK);
    if (!kb_script_call(script, open_library, NULL, err)) {
        kb_script_free(script);
        return NULL;
    }
    return script;
}

void kb_script_free(struct kb_script *script)
{
    if (!script)
        return;
    if (script->L)
        lua_close(script->L);
    kb_lua_memory_deinit(&script->memory);
    free(script);
}

static bool explain(struct kb_script *script, int status, struct kb_err *err)
{
    if (script->expired)
        return kb_err_config(err, "%sstill running after %d ms; is there a loop that never ends?",
            script->expired_at, script->limits.time_ms);
    if (status == LUA_ERRMEM)
        return kb_err_config(err, "uses more than %zu MiB of memory, which is all it may have",
            script->limits.memory >> 20);
    const char *text = lua_tostring(script->L, -1);
    return kb_err_config(err, "%s", text ? text : "failed while it reported another error");
}

/* The budget of a call is whole again. */
static void begin_budget(struct kb_script *script)
{
    script->looked = script->measured = false;
    if (script->expired)
        arm(script, INSTRUCTIONS_PER_LOOK);
    script->expired = false;
}

static bool end_call(struct kb_script *script, int status, struct kb_err *err)
{
    script->out_of_memory = status == LUA_ERRMEM;
    return status == LUA_OK || explain(script, status, err);
}

bool kb_script_call(
    struct kb_script *script, lua_CFunction function, void *context, struct kb_err *err)
{
    lua_State *L = script->L;
    begin_budget(script);
    lua_pushcfunction(L, add_place);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, context);
    bool ok = end_call(script, lua_pcall(L, 1, 0, 1), err);
    lua_settop(L, 0);
    return ok;
}

/* Nothing of this allocates before lua_pcall: a light userdata and a number are no objects, and a
 * C function without upvalues isn't one either. */
bool kb_script_ask(
    struct kb_script *script, int function, void *argument, uint32_t number, struct kb_err *err)
{
    lua_State *L = script->L;
    begin_budget(script);
    lua_pushcfunction(L, add_place);
    lua_rawgeti(L, LUA_REGISTRYINDEX, function);
    lua_pushlightuserdata(L, argument);
    if (number > 0)
        lua_pushinteger(L, number);
    return end_call(script, lua_pcall(L, number > 0 ? 2 : 1, 1, 1), err);
}

lua_State *kb_script_answer(struct kb_script *script)
{
    return script->L;
}

bool kb_script_take(struct kb_script *script, lua_CFunction take, void *context, struct kb_err *err)
{
    lua_State *L = script->L;
    lua_pushcfunction(L, take);
    lua_pushlightuserdata(L, context);
    lua_pushvalue(L, 2);
    return end_call(script, lua_pcall(L, 2, 0, 1), err);
}

void kb_script_settle(struct kb_script *script)
{
    lua_settop(script->L, 0);
}

void kb_script_set_handles(struct kb_script *script, struct kb_handles *handles)
{
    script->handles = handles;
}

struct kb_handles *kb_script_handles(lua_State *L)
{
    return script_of(L)->handles;
}

void kb_script_lock(struct kb_script *script, int time_ms)
{
    kb_script_lock_globals(script->L); /* a boolean in the registry: its slot is there already */
    script->limits.time_ms = time_ms;
}

struct text {
    const char *name;
    struct kb_slice bytes;
};

static int run_text(lua_State *L)
{
    const struct text *text = lua_touserdata(L, 1);
    kb_script_load(L, text->name, text->bytes);
    lua_call(L, 0, 0);
    return 0;
}

bool kb_script_run(
    struct kb_script *script, const char *name, struct kb_slice text, struct kb_err *err)
{
    return kb_script_call(script, run_text, &(struct text){name, text}, err);
}

const char *kb_script_where(lua_State *L, int *line)
{
    return where_from(L, 1, line);
}
