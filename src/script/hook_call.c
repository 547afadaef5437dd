/* Calls a user's functions; see hook.h. The function is asked, then what it gave is taken: both are
 * protected calls, so that a failed allocation, a wrong type or a spent budget ends the call, not
 * the process. What can be taken without anything that fails needs no second call. */
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
    bool nil;         /* it gave nothing */
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
    hooks->worn |= nearly_full(hooks);
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

static void count_failure(struct call *call, struct kb_err *err)
{
    err->class = KB_ERR_RECORD;
    err->failure = KB_FAILURE_HOOK;
    look_at_memory(call->hooks);
    if (kb_script_cut(call->hooks->script))
        count_cut(call, err);
    if (call->returned)
        kb_err_wrap(err, "the function at %s", call->function->place);
    if (*label_of(call))
        kb_err_wrap(err, "%s", label_of(call));
}

/* How an answer is taken: at once where it can be, else protected, as take(call, answer). */
struct taking {
    bool (*simple)(lua_State *L, struct call *call); /* NULL = none is that simple */
    lua_CFunction take;
};

/* Asks the function; of nil nothing is taken. */
static bool call_function(struct call *call, const struct taking *taking, struct kb_err *err)
{
    struct kb_script *script = call->hooks->script;
    void *record = kb_handle(&call->hooks->viewed.handles, KB_PLACE_RECORD);
    call->function->calls++;
    bool ok = kb_script_ask(script, call->function->ref, record, call->message, err);
    lua_State *L = kb_script_answer(script);
    call->returned = ok;
    call->nil = ok && lua_isnil(L, -1);
    if (ok && !call->nil && !(taking->simple && taking->simple(L, call)))
        ok = kb_script_take(script, taking->take, call, err);
    kb_script_settle(script);
    if (!ok)
        count_failure(call, err);
    return ok;
}

static bool is_untouched(const struct kb_viewed_side *side)
{
    return !side->opened || !side->viewed.doc.root->edited;
}

/* Most often the record itself. */
static bool take_untouched_record(lua_State *L, struct call *call)
{
    const struct kb_viewed_record *viewed = &call->hooks->viewed;
    call->fate = KB_HOOK_RECORD;
    return kb_is_record_view(L, viewed, -1) && is_untouched(&viewed->key) &&
           is_untouched(&viewed->value);
}

static int take_transformed(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    struct kb_hooks *hooks = call->hooks;
    struct kb_viewed_record *viewed = &hooks->viewed;
    kb_viewed_side_close(L, viewed, &viewed->key);
    kb_viewed_side_close(L, viewed, &viewed->value);
    if (kb_is_record_view(L, viewed, 2))
        return 0;
    call->fate = KB_HOOK_MESSAGES;
    kb_fan_out_take(L, viewed, 2, &hooks->fan_out);
    if (hooks->fan_out.n == 0)
        call->fate = KB_HOOK_DROP;
    return 0;
}

enum kb_hook_fate kb_hooks_transform(struct kb_hooks *hooks, size_t topic, struct kb_err *err)
{
    static const struct taking taking = {take_untouched_record, take_transformed};
    struct call call = call_of(hooks, topic, KB_HOOK_TRANSFORM, 0);
    struct kb_viewed_record *viewed = &hooks->viewed;
    viewed->handles.writable = true;
    bool ok = call_function(&call, &taking, err);
    viewed->handles.writable = false;
    if (!ok)
        return KB_HOOK_FAILED;
    if (call.nil)
        return KB_HOOK_DROP;
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
    kb_lua_json_put(L, 2, &call->hooks->scratch);
    return kb_buf_slice(&call->hooks->scratch);
}

/* A text that is in order. */
static bool take_plain_text(lua_State *L, struct call *call)
{
    struct kb_slice text;
    if (lua_type(L, -1) != LUA_TSTRING)
        return false;
    text.ptr = lua_tolstring(L, -1, &text.len);
    if (!kb_utf8_valid(text))
        return false;
    kb_buf_add(call->out, text);
    return true;
}

static int take_text(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    if (lua_type(L, 2) == LUA_TSTRING)
        return luaL_error(L, "returned a text that is not UTF-8");
    if (strcmp(kb_lua_type_name(L, 2), "number") != 0)
        return luaL_error(L, "returned %s; expected a text", kb_lua_what(L, 2));
    kb_buf_add(call->out, as_json(L, call));
    return 0;
}

bool kb_hooks_text(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message,
    struct kb_buf *out, struct kb_err *err)
{
    static const struct taking taking = {take_plain_text, take_text};
    struct call call = call_of(hooks, topic, number, message);
    call.out = out;
    return call_function(&call, &taking, err);
}

static int take_json(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    kb_buf_add(call->out, as_json(L, call));
    return 0;
}

bool kb_hooks_json(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message,
    struct kb_buf *out, struct kb_err *err)
{
    static const struct taking taking = {NULL, take_json};
    struct call call = call_of(hooks, topic, number, message);
    call.out = out;
    if (!call_function(&call, &taking, err))
        return false;
    if (call.nil)
        kb_buf_add(out, KB_S("null"));
    return true;
}

/* Calls a hook and hands out what `take` took of what it gave; ptr NULL for nil. */
static bool take_slice(
    struct call call, lua_CFunction take, struct kb_slice *out, struct kb_err *err)
{
    if (!call_function(&call, &(struct taking){NULL, take}, err))
        return false;
    *out = call.text;
    return true;
}

static int take_push(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call->text = keep(L, call, as_json(L, call));
    return 0;
}

bool kb_hooks_push(struct kb_hooks *hooks, size_t topic, uint32_t message, struct kb_slice *out,
    struct kb_err *err)
{
    return take_slice(call_of(hooks, topic, KB_HOOK_PUSH, message), take_push, out, err);
}

static int take_extras(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call->text = kb_fan_out_extras(L, &call->hooks->viewed, 2);
    return 0;
}

bool kb_hooks_extras(struct kb_hooks *hooks, size_t topic, uint32_t message, struct kb_slice *out,
    struct kb_err *err)
{
    return take_slice(call_of(hooks, topic, KB_HOOK_EXTRAS, message), take_extras, out, err);
}

static int take_null_value(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    struct kb_slice word;
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(
            L, "returned %s; expected \"publish\", \"skip\" or \"dlq\"", kb_lua_what(L, 2));
    word.ptr = lua_tolstring(L, 2, &word.len);
    call->text = keep(L, call, word);
    return 0;
}

bool kb_hooks_null_value(
    struct kb_hooks *hooks, size_t topic, struct kb_slice *out, struct kb_err *err)
{
    return take_slice(call_of(hooks, topic, KB_HOOK_NULL_VALUE, 0), take_null_value, out, err);
}
