/* Calls a user's functions; see hook.h. All that touches the Lua state happens in functions given
 * to kb_script_call: a failed allocation, a wrong type or a spent budget ends the call, not the
 * process. Conversion of what was returned is inside the call too. */
#include "script/hook.h"

#include "script/fan_out.h"
#include "script/hook_clock.h"
#include "script/kably_library.h"
#include "script/lua_json.h"
#include "script/record_view.h"

#include "base/log.h"
#include "base/utf8.h"
#include "metrics/metrics.h"

#include <lauxlib.h>

#define LOAD_MS 2000
#define CUTS_TO_TELL 3

struct function {
    int ref;     /* LUA_NOREF = none */
    char *place; /* "config/orders.lua:12", where it is written */
    uint64_t cuts;
    struct kb_log_repeat repeat;
};

struct owned {
    void *what;
    void (*free_it)(void *);
};

struct kb_hooks {
    struct kb_script *script;
    struct kb_hook_limits limits;
    struct function *functions; /* KB_HOOK_COUNT for each topic */
    size_t n_topics;
    struct owned owned;
    struct kb_arena arena; /* one record's */
    struct kb_buf scratch;
    struct kb_viewed_record viewed;
    struct kb_hook_record left;
    struct kb_fan_out fan_out;
    bool worn;
};

const char *kb_hook_name(enum kb_hook hook)
{
    static const char *const names[KB_HOOK_COUNT] = {
#define X(id, key) [KB_HOOK_##id] = key,
        KB_HOOKS(X)
#undef X
    };
    return names[hook];
}

/* ---- life ---- */

struct kb_hooks *kb_hooks_new(
    const struct kb_hook_limits *limits, size_t n_topics, struct kb_err *err)
{
    const struct kb_script_limits script_limits = {.memory = limits->memory,
        .time_ms = LOAD_MS,
        .clock = kb_hook_clock(),
        .coarse = kb_hook_clock_coarse()};
    struct kb_hooks *hooks = calloc(1, sizeof(*hooks));
    if (hooks)
        hooks->functions = calloc(n_topics * KB_HOOK_COUNT + 1, sizeof(*hooks->functions));
    if (!hooks || !hooks->functions) {
        kb_err_fatal(err, "no memory for hooks");
        free(hooks);
        return NULL;
    }
    hooks->limits = *limits;
    hooks->n_topics = n_topics;
    for (size_t i = 0; i < n_topics * KB_HOOK_COUNT; i++)
        hooks->functions[i].ref = LUA_NOREF;
    kb_arena_init(&hooks->arena, limits->memory);
    kb_buf_init(&hooks->scratch, limits->memory);
    hooks->viewed.arena = &hooks->arena;
    hooks->viewed.scratch = &hooks->scratch;
    hooks->script = kb_script_new(&script_limits, err);
    if (hooks->script)
        return hooks;
    kb_hooks_free(hooks);
    return NULL;
}

void kb_hooks_free(struct kb_hooks *hooks)
{
    if (!hooks)
        return;
    kb_script_free(hooks->script);
    if (hooks->owned.free_it)
        hooks->owned.free_it(hooks->owned.what);
    for (size_t i = 0; i < hooks->n_topics * KB_HOOK_COUNT; i++)
        free(hooks->functions[i].place);
    free(hooks->functions);
    kb_arena_deinit(&hooks->arena);
    kb_buf_deinit(&hooks->scratch);
    free(hooks);
}

struct kb_script *kb_hooks_script(struct kb_hooks *hooks)
{
    return hooks->script;
}

void kb_hooks_own(struct kb_hooks *hooks, void *what, void (*free_it)(void *))
{
    hooks->owned = (struct owned){what, free_it};
}

static struct function *function_of(const struct kb_hooks *hooks, size_t topic, enum kb_hook hook)
{
    return &hooks->functions[topic * KB_HOOK_COUNT + hook];
}

void kb_hooks_take(lua_State *L, struct kb_hooks *hooks, size_t topic, enum kb_hook hook)
{
    struct function *function = function_of(hooks, topic, hook);
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    free(function->place);
    function->place = NULL;
    if (asprintf(&function->place, "%s:%d", ar.source + (*ar.source == '@' || *ar.source == '='),
            ar.linedefined) < 0)
        function->place = NULL;
    function->ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void kb_hooks_loaded(struct kb_hooks *hooks)
{
    kb_script_lock(hooks->script, hooks->limits.time_ms);
}

static int run_forget(lua_State *L)
{
    kb_script_clear_caches(L);
    return 0;
}

void kb_hooks_forget(struct kb_hooks *hooks)
{
    struct kb_err err;
    if (!kb_script_call(hooks->script, run_forget, NULL, &err))
        hooks->worn = true; /* no memory even for that: the state is begun anew */
}

/* ---- a record ---- */

bool kb_hooks_has(const struct kb_hooks *hooks, size_t topic, enum kb_hook hook)
{
    return function_of(hooks, topic, hook)->ref != LUA_NOREF;
}

void kb_hooks_begin(
    struct kb_hooks *hooks, const struct kb_record *rec, struct kb_value key, struct kb_value value)
{
    struct kb_viewed_record *viewed = &hooks->viewed;
    kb_arena_reset(&hooks->arena);
    viewed->rec = rec;
    viewed->generation++; /* from here on every view of the record before is stale */
    viewed->key.viewed.generation = viewed->value.viewed.generation = viewed->generation;
    viewed->key.value = key;
    viewed->value.value = value;
    viewed->key.opened = viewed->value.opened = false;
    viewed->headers = (struct kb_headers_edited){0};
    hooks->left = (struct kb_hook_record){*rec, key, value};
    hooks->fan_out.n = 0;
}

const struct kb_hook_record *kb_hooks_record(const struct kb_hooks *hooks)
{
    return &hooks->left;
}

const struct kb_hook_message *kb_hooks_messages(const struct kb_hooks *hooks, size_t *n)
{
    *n = hooks->fan_out.n;
    return hooks->fan_out.list;
}

/* One call, from C through Lua and back. */
struct call {
    struct kb_hooks *hooks;
    struct function *function;
    bool returned; /* the function is done: what fails now is what it gave */
    enum kb_hook_fate fate;
    struct kb_slice text;
};

/* Calls the function; what it gave is on top of the stack. */
static void call_function(lua_State *L, struct call *call)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->function->ref);
    kb_record_view_push(L, &call->hooks->viewed);
    lua_call(L, 1, 1);
    call->returned = true;
}

bool kb_hooks_worn(const struct kb_hooks *hooks)
{
    return hooks->worn;
}

static bool nearly_full(const struct kb_hooks *hooks)
{
    return kb_script_memory(hooks->script) > hooks->limits.memory / 4 * 3;
}

/* Is it garbage of the call that failed, or does somebody hold it for ever? */
static void look_at_memory(struct kb_hooks *hooks)
{
    if (nearly_full(hooks))
        kb_script_collect(hooks->script);
    hooks->worn = nearly_full(hooks);
}

/* One cut is told by the record's failure. That it happens again and again is a fault of the
 * function. */
static void count_cut(struct call *call, enum kb_hook hook, const struct kb_err *err)
{
    struct function *function = call->function;
    uint64_t suppressed;
    kb_metric_add(KB_METRIC_HOOK_CUTS, 1);
    function->cuts++;
    int64_t now = kb_hook_clock_coarse()->now_ms(kb_hook_clock_coarse());
    if (function->cuts < CUTS_TO_TELL || !kb_log_repeat(&function->repeat, now, &suppressed))
        return;
    kb_log_warn("hook", "%s at %s has been cut %llu times; the last time: %s", kb_hook_name(hook),
        function->place ? function->place : "?", (unsigned long long)function->cuts, err->text);
}

static bool protected_call(
    struct call *call, lua_CFunction run, enum kb_hook hook, struct kb_err *err)
{
    bool ok = kb_script_call(call->hooks->script, run, call, err);
    if (ok)
        return true;
    err->class = KB_ERR_RECORD;
    err->failure = KB_FAILURE_HOOK;
    look_at_memory(call->hooks);
    if (kb_script_cut(call->hooks->script))
        count_cut(call, hook, err);
    if (call->returned && call->function->place)
        kb_err_wrap(err, "%s: the function at %s", kb_hook_name(hook), call->function->place);
    else
        kb_err_wrap(err, "%s", kb_hook_name(hook));
    return false;
}

static int run_transform(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    struct kb_hooks *hooks = call->hooks;
    struct kb_viewed_record *viewed = &hooks->viewed;
    call_function(L, call);
    if (lua_isnil(L, -1)) {
        call->fate = KB_HOOK_DROP;
        return 0;
    }
    kb_viewed_side_close(L, viewed, &viewed->key);
    kb_viewed_side_close(L, viewed, &viewed->value);
    call->fate = KB_HOOK_RECORD;
    if (kb_is_record_view(L, -1))
        return 0;
    call->fate = KB_HOOK_MESSAGES;
    kb_fan_out_take(L, viewed, lua_gettop(L), &hooks->fan_out);
    if (hooks->fan_out.n == 0)
        call->fate = KB_HOOK_DROP;
    return 0;
}

enum kb_hook_fate kb_hooks_transform(struct kb_hooks *hooks, size_t topic, struct kb_err *err)
{
    struct call call = {
        hooks, function_of(hooks, topic, KB_HOOK_TRANSFORM), false, KB_HOOK_FAILED, {NULL, 0}};
    struct kb_viewed_record *viewed = &hooks->viewed;
    viewed->writable = true;
    bool ok = protected_call(&call, run_transform, KB_HOOK_TRANSFORM, err);
    viewed->writable = false;
    if (!ok)
        return KB_HOOK_FAILED;
    hooks->left.key = viewed->key.value;
    hooks->left.value = viewed->value.value;
    if (viewed->headers.list) {
        hooks->left.record.headers = viewed->headers.list;
        hooks->left.record.n_headers = viewed->headers.n;
    }
    return call.fate;
}

static struct kb_slice keep(lua_State *L, struct call *call, struct kb_slice text)
{
    struct kb_slice copy;
    if (!kb_arena_copy(&call->hooks->arena, text, &copy))
        luaL_error(L, "returned more than %d MiB", (int)(call->hooks->limits.memory >> 20));
    return copy;
}

static int run_text(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call_function(L, call);
    if (lua_isnil(L, -1))
        return 0;
    if (lua_type(L, -1) == LUA_TSTRING) {
        struct kb_slice text;
        text.ptr = lua_tolstring(L, -1, &text.len);
        if (!kb_utf8_valid(text))
            return luaL_error(L, "returned a text that is not UTF-8");
        call->text = keep(L, call, text);
        return 0;
    }
    if (strcmp(kb_lua_type_name(L, -1), "number") != 0)
        return luaL_error(L, "returned a %s; expected a text", kb_lua_type_name(L, -1));
    kb_buf_reset(&call->hooks->scratch);
    kb_lua_json_put(L, -1, &call->hooks->scratch);
    call->text = keep(L, call, kb_buf_slice(&call->hooks->scratch));
    return 0;
}

bool kb_hooks_text(struct kb_hooks *hooks, size_t topic, enum kb_hook hook, struct kb_slice *out,
    struct kb_err *err)
{
    struct call call = {hooks, function_of(hooks, topic, hook), false, KB_HOOK_FAILED, {NULL, 0}};
    if (!protected_call(&call, run_text, hook, err))
        return false;
    *out = call.text;
    return true;
}

static int run_push(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call_function(L, call);
    if (lua_isnil(L, -1))
        return 0;
    kb_buf_reset(&call->hooks->scratch);
    kb_lua_json_put(L, -1, &call->hooks->scratch);
    call->text = keep(L, call, kb_buf_slice(&call->hooks->scratch));
    return 0;
}

bool kb_hooks_push(struct kb_hooks *hooks, size_t topic, struct kb_slice *out, struct kb_err *err)
{
    struct call call = {
        hooks, function_of(hooks, topic, KB_HOOK_PUSH), false, KB_HOOK_FAILED, {NULL, 0}};
    if (!protected_call(&call, run_push, KB_HOOK_PUSH, err))
        return false;
    *out = call.text;
    return true;
}
