/* The functions that search, beside Lua's own: the same results and the same errors, for random
 * texts and patterns. That their cost is bounded is shown by unit_config_hostile_texts. */
#include "script/lua_load.h"
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

/* Ours and Lua's own, each with the judge loaded. */
struct judges {
    struct kb_clock clock;
    struct kb_script *ours;
    lua_State *plain;
};

static void judges_begin(struct judges *j)
{
    j->clock = (struct kb_clock){no_time, no_time};
    const struct kb_script_limits limits = {.memory = 8 << 20, .time_ms = 1000, .clock = &j->clock};
    struct kb_err err;
    j->ours = kb_script_new(&limits, &err);
    j->plain = luaL_newstate();
    luaL_openlibs(j->plain);
    assert_int_equal(luaL_loadbuffer(j->plain, judge, strlen(judge), "@judge"), LUA_OK);
    lua_call(j->plain, 0, 1);
    assert_true(kb_script_call(j->ours, load_judge, NULL, &err));
}

static void judges_end(struct judges *j)
{
    lua_close(j->plain);
    kb_script_free(j->ours);
}

/* True where both raise an error for one of the functions at least. */
static bool assert_same(struct judges *j, struct kb_slice text, struct kb_slice pattern, int init)
{
    struct question ours = {text, pattern, init, ""}, theirs = ours;
    struct kb_err err;
    lua_pushvalue(j->plain, 1);
    ask(j->plain, &theirs);
    if (!kb_script_call(j->ours, ask_ours, &ours, &err))
        fail_msg("%s", err.text);
    if (strcmp(ours.answer, theirs.answer) != 0)
        fail_msg("text \"" KB_FMT "\" pattern \"" KB_FMT "\" init %d:\n%s\nbut Lua:\n%s",
            KB_ARG(text), KB_ARG(pattern), init, ours.answer, theirs.answer);
    return strstr(theirs.answer, "false");
}

static void random_patterns_mean_what_they_mean_to_lua(void **state)
{
    (void)state;
    struct judges judges;
    char text[16], pattern[16];
    size_t errors = 0;
    prop_seed();
    judges_begin(&judges);
    for (size_t i = 0; i < PAIRS; i++) {
        size_t len = random_text("aab(B ]", text, 12);
        const char *letters = i % 2 ? "abB.%%()[]^$*+-?1fwA" : "ab.%*+-?(()))";
        size_t pattern_len = random_text(letters, pattern, 10);
        errors += assert_same(&judges, (struct kb_slice){text, len},
            (struct kb_slice){pattern, pattern_len}, (int)prop_below(20) - 6);
    }
    assert_in_range(errors, 1, PAIRS - 1);
    judges_end(&judges);
}

/* Which the manual leaves open, and what a random pattern seldom hits. */
static void corners_of_sets_mean_what_they_mean_to_lua(void **state)
{
    (void)state;
    static const char *const patterns[] = {"[a-%%]", "[^a-%%]", "[%%]", "[%]", "[a-]", "[-a]",
        "[]]", "[^]]", "[]-a]", "[^^]", "[a-b-]", "[%a-]", "[a-%]", "[%w-%]]"};
    struct judges judges;
    judges_begin(&judges);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
        assert_same(&judges, KB_S("a]%-^ab%]B&"), kb_slice_of(patterns[i]), 1);
    judges_end(&judges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns_mean_what_they_mean_to_lua),
        cmocka_unit_test(corners_of_sets_mean_what_they_mean_to_lua),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
