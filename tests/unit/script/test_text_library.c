/* The functions that search, beside Lua's own: the same results and the same errors, for random
 * texts and patterns. That their cost is bounded is shown by unit_config_hostile_hooks. */
#include "script/lua_state.h"
#include "support/prop.h"

#include <lauxlib.h>
#include <lualib.h>

#ifdef __SANITIZE_THREAD__ /* it loses frames at each of Lua's errors, and has room for 65,536 */
#define PAIRS 1000
#else
#define PAIRS 30000
#endif

/* What all of them make of `S` and `P`, as one text. */
static const char judge[] =
    "local out = {}\n"
    "local function show(...)\n"
    "  for i = 1, select('#', ...) do out[#out + 1] = tostring((select(i, ...))) end\n"
    "  out[#out + 1] = '|'\n"
    "end\n"
    "local function all(S, P, init)\n"
    "  local found = {}\n"
    "  for a, b in string.gmatch(S, P, init) do\n"
    "    found[#found + 1] = tostring(a) .. '/' .. tostring(b)\n"
    "    if #found > 50 then error('no end', 0) end\n"
    "  end\n"
    "  return table.concat(found, ',')\n"
    "end\n"
    "return function(S, P, init)\n"
    "  out = {}\n"
    "  show(pcall(string.find, S, P, init))\n"
    "  show(pcall(string.find, S, P, init, true))\n"
    "  show(pcall(string.match, S, P, init))\n"
    "  show(pcall(string.gsub, S, P, '<%0>'))\n"
    "  show(pcall(string.gsub, S, P, '<%1%%>', 2))\n"
    "  show(pcall(string.gsub, S, P, { a = 'x', ab = 5, b = false }))\n"
    "  show(pcall(string.gsub, S, P, function(a, b) return b or (a ~= 'b' and a) end))\n"
    "  show(pcall(all, S, P, init))\n"
    "  return table.concat(out, ' ')\n"
    "end\n";

struct question {
    struct kb_slice text, pattern;
    int init;
    char answer[4096];
};

/* The judge is on the stack's place 1 of a plain state, or in the registry of ours. */
static void ask(lua_State *L, struct question *q)
{
    lua_pushlstring(L, q->text.ptr, q->text.len);
    lua_pushlstring(L, q->pattern.ptr, q->pattern.len);
    lua_pushinteger(L, q->init);
    lua_call(L, 3, 1);
    snprintf(q->answer, sizeof(q->answer), "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

static int load_judge(lua_State *L)
{
    kb_script_load(L, "judge", kb_slice_of(judge));
    lua_call(L, 0, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "judge");
    return 0;
}

static int ask_ours(lua_State *L)
{
    struct question *q = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "judge");
    ask(L, q);
    return 0;
}

static size_t random_text(const char *letters, char *out, size_t max)
{
    size_t len = prop_below(max + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = letters[prop_below(strlen(letters))];
    return len;
}

static int64_t no_time(struct kb_clock *clock)
{
    (void)clock;
    return 0;
}

static void same_as_lua(void **state)
{
    (void)state;
    struct kb_clock clock = {no_time, no_time};
    const struct kb_script_limits limits = {.memory = 8 << 20, .time_ms = 1000, .clock = &clock};
    struct kb_err err;
    struct kb_script *script = kb_script_new(&limits, &err);
    lua_State *plain = luaL_newstate();
    char text[16], pattern[16];
    prop_seed();
    luaL_openlibs(plain);
    assert_int_equal(luaL_loadbuffer(plain, judge, strlen(judge), "@judge"), LUA_OK);
    lua_call(plain, 0, 1);
    assert_true(kb_script_call(script, load_judge, NULL, &err));
    size_t errors = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        struct question ours, theirs;
        ours.text.ptr = text;
        ours.text.len = random_text("aab(B ]", text, 12);
        ours.pattern.ptr = pattern;
        ours.pattern.len =
            random_text(i % 2 ? "abB.%%()[]^$*+-?1fwA" : "ab.%*+-?(()))", pattern, 10);
        ours.init = (int)prop_below(20) - 6;
        theirs = ours;
        lua_pushvalue(plain, 1);
        ask(plain, &theirs);
        if (!kb_script_call(script, ask_ours, &ours, &err))
            fail_msg("%s", err.text);
        errors += strstr(theirs.answer, "false") != NULL;
        if (strcmp(ours.answer, theirs.answer) != 0)
            fail_msg("text \"" KB_FMT "\" pattern \"" KB_FMT "\" init %d:\n%s\nbut Lua:\n%s",
                KB_ARG(ours.text), KB_ARG(ours.pattern), ours.init, ours.answer, theirs.answer);
    }
    assert_in_range(errors, 1, PAIRS - 1);
    lua_close(plain);
    kb_script_free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_lua),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
