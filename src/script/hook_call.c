/* Calls a user's functions; see hook.h. All that touches the Lua state happens in functions given
 * to kb_script_call: a failed allocation, a wrong type or a spent budget ends the call, not the
 * process. Conversion of what was returned is inside the call too. */
#include "script/hook_clock.h"
#include "script/hook_inside.h"
#include "script/lua_json.h"

#include "base/utf8.h"
#include "metrics/metrics.h"

#include <lauxlib.h>

#define CUTS_TO_TELL 3

/* One call, from C through Lua and back. */
struct call {
    struct kb_hooks *hooks;
    struct kb_hook_function *function;
    uint32_t message; /* which one it is for, from 1; 0 = for the record */
    bool returned;    /* the function is done: what fails now is what it gave */
    enum kb_hook_fate fate;
    struct kb_slice text;
    struct kb_buf *out; /* of a text */
};

static struct call call_of(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message)
{
    return (struct call){.hooks = hooks,
        .function = kb_hooks_function(hooks, topic, number),
        .message = message,
        .fate = KB_HOOK_FAILED};
}

/* Calls the function; what it gave is on top of the stack. */
static void call_function(lua_State *L, struct call *call)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->function->ref);
    kb_record_view_push(L, &call->hooks->viewed);
    if (call->message > 0)
        lua_pushinteger(L, call->message);
    lua_call(L, call->message > 0 ? 2 : 1, 1);
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
static void count_cut(struct call *call, const struct kb_err *err)
{
    struct kb_hook_function *function = call->function;
    uint64_t suppressed;
    kb_metric_add(KB_METRIC_HOOK_CUTS, 1);
    function->cuts++;
    int64_t now = kb_hook_clock_coarse()->now_ms(kb_hook_clock_coarse());
    if (function->cuts < CUTS_TO_TELL || !kb_log_repeat(&function->repeat, now, &suppressed))
        return;
    kb_log_warn("hook", "%s at %s has been cut %llu times; the last time: %s", function->name,
        function->place, (unsigned long long)function->cuts, err->text);
}

/* Who asks for a text says for which key of the block; the function knows where in it. */
static const char *label_of(const struct call *call)
{
    const char *name = call->function->name, *inside = strchr(name, '.');
    return !call->out ? name : inside ? inside + 1 : "";
}

static bool protected_call(struct call *call, lua_CFunction run, struct kb_err *err)
{
    struct kb_hook_function *function = call->function;
    function->calls++;
    bool ok = kb_script_call(call->hooks->script, run, call, err);
    if (ok)
        return true;
    err->class = KB_ERR_RECORD;
    err->failure = KB_FAILURE_HOOK;
    look_at_memory(call->hooks);
    if (kb_script_cut(call->hooks->script))
        count_cut(call, err);
    if (call->returned)
        kb_err_wrap(err, "the function at %s", function->place);
    if (*label_of(call))
        kb_err_wrap(err, "%s", label_of(call));
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
    struct call call = call_of(hooks, topic, KB_HOOK_TRANSFORM, 0);
    struct kb_viewed_record *viewed = &hooks->viewed;
    viewed->writable = true;
    bool ok = protected_call(&call, run_transform, err);
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

/* NUL-terminated behind its length. */
static struct kb_slice keep(lua_State *L, struct call *call, struct kb_slice text)
{
    char *copy = kb_arena_alloc(&call->hooks->arena, text.len + 1);
    if (!copy)
        luaL_error(L, "returned more than %d MiB", (int)(call->hooks->limits.memory >> 20));
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return (struct kb_slice){copy, text.len};
}

/* What the function gave, until the next one is asked. */
static struct kb_slice as_json(lua_State *L, struct call *call)
{
    kb_buf_reset(&call->hooks->scratch);
    kb_lua_json_put(L, -1, &call->hooks->scratch);
    return kb_buf_slice(&call->hooks->scratch);
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
        kb_buf_add(call->out, text);
        return 0;
    }
    if (strcmp(kb_lua_type_name(L, -1), "number") != 0)
        return luaL_error(L, "returned a %s; expected a text", kb_lua_type_name(L, -1));
    kb_buf_add(call->out, as_json(L, call));
    return 0;
}

bool kb_hooks_text(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message,
    struct kb_buf *out, struct kb_err *err)
{
    struct call call = call_of(hooks, topic, number, message);
    call.out = out;
    return protected_call(&call, run_text, err);
}

static int run_json(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call_function(L, call);
    if (lua_isnil(L, -1))
        kb_buf_add(call->out, KB_S("null"));
    else
        kb_buf_add(call->out, as_json(L, call));
    return 0;
}

bool kb_hooks_json(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message,
    struct kb_buf *out, struct kb_err *err)
{
    struct call call = call_of(hooks, topic, number, message);
    call.out = out;
    return protected_call(&call, run_json, err);
}

/* Calls a hook and hands out what `run` took of what it gave. */
static bool take_slice(
    struct call call, lua_CFunction run, struct kb_slice *out, struct kb_err *err)
{
    if (!protected_call(&call, run, err))
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
    call->text = keep(L, call, as_json(L, call));
    return 0;
}

bool kb_hooks_push(struct kb_hooks *hooks, size_t topic, uint32_t message, struct kb_slice *out,
    struct kb_err *err)
{
    return take_slice(call_of(hooks, topic, KB_HOOK_PUSH, message), run_push, out, err);
}

static int run_extras(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call_function(L, call);
    if (!lua_isnil(L, -1))
        call->text = kb_fan_out_extras(L, &call->hooks->viewed, lua_gettop(L));
    return 0;
}

bool kb_hooks_extras(struct kb_hooks *hooks, size_t topic, uint32_t message, struct kb_slice *out,
    struct kb_err *err)
{
    return take_slice(call_of(hooks, topic, KB_HOOK_EXTRAS, message), run_extras, out, err);
}

static int run_null_value(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    struct kb_slice word;
    call_function(L, call);
    if (lua_isnil(L, -1))
        return 0;
    if (lua_type(L, -1) != LUA_TSTRING)
        return luaL_error(
            L, "returned a %s; expected \"publish\", \"skip\" or \"dlq\"", kb_lua_type_name(L, -1));
    word.ptr = lua_tolstring(L, -1, &word.len);
    call->text = keep(L, call, word);
    return 0;
}

bool kb_hooks_null_value(
    struct kb_hooks *hooks, size_t topic, struct kb_slice *out, struct kb_err *err)
{
    return take_slice(call_of(hooks, topic, KB_HOOK_NULL_VALUE, 0), run_null_value, out, err);
}
