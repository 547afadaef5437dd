/* The life of a worker's hooks: made, given their functions, begun anew for each record; see
 * hook.h. Their calls are hook_call.c's. */
#include "script/hook_clock.h"
#include "script/hook_inside.h"
#include "script/kably_library.h"

#include <lauxlib.h>

#define LOAD_MS 2000
#define SCRATCH_KEPT (1 << 20) /* what the room for JSON may hold on to between records */

struct kb_hooks *kb_hooks_new(
    const struct kb_hook_limits *limits, size_t n_topics, struct kb_err *err)
{
    const struct kb_script_limits script_limits = {.memory = limits->memory,
        .time_ms = LOAD_MS,
        .clock = kb_hook_clock(),
        .coarse = kb_hook_clock_coarse(),
        .lines = limits->lines};
    struct kb_hooks *hooks = calloc(1, sizeof(*hooks));
    if (hooks)
        hooks->topics = calloc(n_topics + 1, sizeof(*hooks->topics));
    if (!hooks || !hooks->topics) {
        kb_err_fatal(err, "no memory for hooks");
        free(hooks);
        return NULL;
    }
    hooks->limits = *limits;
    hooks->n_topics = n_topics;
    kb_arena_init(&hooks->arena, limits->memory);
    kb_buf_init(&hooks->scratch, limits->memory);
    hooks->viewed.arena = &hooks->arena;
    hooks->viewed.scratch = &hooks->scratch;
    hooks->viewed.handles.arena = &hooks->arena;
    hooks->script = kb_script_new(&script_limits, err);
    if (!hooks->script) {
        kb_hooks_free(hooks);
        return NULL;
    }
    kb_script_set_handles(hooks->script, &hooks->viewed.handles);
    return hooks;
}

static void free_topic(struct kb_hook_topic *topic)
{
    for (size_t i = 0; i < topic->n; i++) {
        free(topic->functions[i].name);
        free(topic->functions[i].place);
    }
    free(topic->functions);
}

void kb_hooks_free(struct kb_hooks *hooks)
{
    if (!hooks)
        return;
    kb_script_free(hooks->script);
    if (hooks->owned.free_it)
        hooks->owned.free_it(hooks->owned.what);
    for (size_t i = 0; i < hooks->n_topics; i++)
        free_topic(&hooks->topics[i]);
    free(hooks->topics);
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
    hooks->owned = (struct kb_hook_owned){what, free_it};
}

struct kb_hook_function *kb_hooks_function(
    const struct kb_hooks *hooks, size_t topic, size_t number)
{
    const struct kb_hook_topic *of = &hooks->topics[topic];
    return number < of->n && of->functions[number].ref != LUA_NOREF ? &of->functions[number] : NULL;
}

static bool reserve(struct kb_hook_topic *topic, size_t n)
{
    struct kb_hook_function *functions = topic->functions;
    if (n > topic->n)
        functions = realloc(functions, n * sizeof(*functions));
    if (!functions)
        return false;
    topic->functions = functions;
    for (; topic->n < n; topic->n++)
        functions[topic->n] = (struct kb_hook_function){.ref = LUA_NOREF};
    return true;
}

void kb_hooks_take(
    lua_State *L, struct kb_hooks *hooks, size_t topic, size_t number, const char *name)
{
    lua_Debug ar;
    if (!reserve(&hooks->topics[topic], number + 1))
        luaL_error(L, "no memory for a function");
    struct kb_hook_function *function = &hooks->topics[topic].functions[number];
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    function->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    function->name = strdup(name);
    if (asprintf(&function->place, "%s:%d", ar.source + (*ar.source == '@' || *ar.source == '='),
            ar.linedefined) < 0)
        function->place = NULL;
    if (!function->name || !function->place)
        luaL_error(L, "no memory for a function");
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
    kb_handles_begin(&hooks->viewed.handles); /* the last record's memory is its source's again */
    if (!kb_script_call(hooks->script, run_forget, NULL, &err))
        hooks->worn = true; /* no memory even for that: the state is begun anew */
}

/* ---- a record ---- */

uint64_t kb_hooks_calls(const struct kb_hooks *hooks, size_t topic, size_t number)
{
    const struct kb_hook_function *function = kb_hooks_function(hooks, topic, number);
    return function ? function->calls : 0;
}

void kb_hooks_begin(struct kb_hooks *hooks, const struct kb_record *rec, struct kb_value key,
    struct kb_value value, const struct kb_json_members *members)
{
    kb_arena_reset(&hooks->arena);
    kb_buf_settle(&hooks->scratch, SCRATCH_KEPT);
    kb_viewed_begin(&hooks->viewed, rec, key, value, members);
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
