/* table's functions that walk, beside Lua's own: the same results, the same errors, and the same
 * elements read and written in the same order. That they end is shown by
 * unit_config_hostile_hooks. */
#include "script/lua_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

/* Returns what every function makes of every table with every argument, a line each. */
static const char judge[] =
    "local lines, trace = {}, {}\n"
    "local function keep(...) return ... end\n"
    "local calls = {\n"
    "  insert = function(...) return keep(table.insert(...)) end,\n"
    "  remove = function(...) return keep(table.remove(...)) end,\n"
    "  concat = function(...) return keep(table.concat(...)) end,\n"
    "  unpack = function(...) return keep(table.unpack(...)) end,\n"
    "  move = function(...) return keep(table.move(...)) end,\n"
    "  sort = function(...) return keep(table.sort(...)) end,\n"
    "}\n"
    "local function traced(data)\n"
    "  return setmetatable({}, {\n"
    "    __index = function(_, k) trace[#trace + 1] = 'r' .. tostring(k) return data[k] end,\n"
    "    __newindex = function(_, k, v) trace[#trace + 1] = 'w' .. k data[k] = v end,\n"
    "  })\n"
    "end\n"
    "local function sized(data)\n"
    "  return setmetatable({}, { __index = data, __len = function() return #data end })\n"
    "end\n"
    "local fixtures = {\n"
    "  function() return {} end,\n"
    "  function() return { 1, 2, 3 } end,\n"
    "  function() return { 'c', 'a', 'd', 'b', 'e' } end,\n"
    "  function() return { 1, {}, 3 } end,\n"
    "  function() return { [0] = 'zero', 1, [-1] = 'minus' } end,\n"
    "  function() return traced { 'a', 'b', 'c' } end,\n"
    "  function() return setmetatable({ 5, 4, 6 }, { __index = { x = 1 } }) end,\n"
    "  function() return nil end,\n"
    "  function() return 'text' end,\n"
    "  function() return 7 end,\n"
    "}\n"
    "local function text(v) return type(v) == 'table' and 'table' or tostring(v) end\n"
    "local function note(name, make, ...)\n"
    "  local t, line = make(), { name }\n"
    "  trace = {}\n"
    "  local got = table.pack(pcall(calls[name], t, ...))\n"
    "  for i = 1, got.n do line[#line + 1] = text(got[i]) end\n"
    "  if got[2] == t then line[#line + 1] = 'same' end\n"
    "  for i = -2, 9 do line[#line + 1] = type(t) == 'table' and text(rawget(t, i)) or '' end\n"
    "  for _, step in ipairs(trace) do line[#line + 1] = step end\n"
    "  line = table.concat(line, ' ')\n" /* what Lua's releases word differently: */
    "  line = line:gsub('argument #%d', 'argument'):gsub('invalid value .- for', 'invalid for')\n"
    "  lines[#lines + 1] = line\n"
    "end\n"
    "local values = { -1, 0, 1, 2, 3, 4, 6, '2', 1.5, 'x', false, nil }\n"
    "for _, make in ipairs(fixtures) do\n"
    "  note('insert', make) note('remove', make) note('concat', make) note('unpack', make)\n"
    "  note('move', make) note('sort', make)\n"
    "  note('sort', make, function(a, b) return a > b end)\n"
    "  note('concat', make, ', ') note('concat', make, {}) note('sort', make, 5)\n"
    "  note('insert', make, 1, 2, 3)\n"
    "  for i = 1, #values + 1 do\n"
    "    local a = values[i]\n"
    "    note('insert', make, a) note('insert', make, a, 'new') note('remove', make, a)\n"
    "    note('concat', make, '-', a) note('unpack', make, a)\n"
    "    for k = 1, #values + 1 do\n"
    "      local b = values[k]\n"
    "      note('concat', make, '-', a, b) note('unpack', make, a, b)\n"
    "      for _, c in ipairs { -1, 1, 2, 5, 'x', math.maxinteger } do\n"
    "        note('move', make, a, b, c) note('move', make, a, b, c, {})\n"
    "        note('move', make, a, b, c, traced {}) note('move', make, a, b, c, 5)\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local list = sized { 'p', 'q' }\n"
    "local function make() return list end\n"
    "note('concat', make, '+') note('unpack', make)\n"
    "note('unpack', fixtures[1], 1, 1e8) note('unpack', fixtures[1], math.mininteger, "
    "math.maxinteger)\n"
    "return lines\n";

static void run_judge(lua_State *L)
{
    if (luaL_loadbuffer(L, judge, sizeof(judge) - 1, "@judge") != LUA_OK)
        lua_error(L);
    lua_call(L, 0, 1);
}

/* Context: Lua's own state, its lines on top of the stack. */
static int compare(lua_State *L)
{
    lua_State *plain = lua_touserdata(L, 1);
    run_judge(L);
    size_t n = lua_rawlen(plain, -1);
    luaL_argcheck(L, n > 1000 && lua_rawlen(L, -1) == n, 1, "not as many lines");
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(plain, -1, (lua_Integer)i);
        lua_rawgeti(L, -1, (lua_Integer)i);
        if (strcmp(lua_tostring(L, -1), lua_tostring(plain, -1)) != 0)
            return luaL_error(L, "%s\nbut Lua: %s", lua_tostring(L, -1), lua_tostring(plain, -1));
        lua_pop(plain, 1);
        lua_pop(L, 1);
    }
    return 0;
}

static int64_t no_time(struct kb_clock *clock)
{
    (void)clock;
    return 0;
}

static void tables_are_walked_as_lua_walks_them(void **state)
{
    (void)state;
    struct kb_clock clock = {no_time, no_time};
    const struct kb_script_limits limits = {.memory = 64 << 20, .time_ms = 1000, .clock = &clock};
    struct kb_err err;
    struct kb_script *ours = kb_script_new(&limits, &err);
    lua_State *plain = luaL_newstate();
    luaL_openlibs(plain);
    run_judge(plain);
    if (!kb_script_call(ours, compare, plain, &err))
        fail_msg("%s", err.text);
    lua_close(plain);
    kb_script_free(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_walked_as_lua_walks_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
