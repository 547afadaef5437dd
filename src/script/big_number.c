/* Numbers beyond Lua's; see big_number.h. A userdata with the text. */
#include "script/big_number.h"

#include "value/json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

#define DIGITS_MAX 20            /* a double is written with 17 at most */
#define EXPONENT_MAX 1000000000L /* far beyond a double's; sums of it stay in a long */

static const char big_meta;

struct big {
    size_t len;
    char text[];
};

/* ---- are two decimals the same? ---- */

/* 0.DIGITS * 10^point, without zeros at either end; n = -1: too many digits. */
struct decimal {
    char digits[DIGITS_MAX];
    int n;
    long point;
    bool minus;
};

/* The text has a NUL behind it, or a quote. strtol's limits are longs that nothing may be added to.
 */
static long to_exponent(const char *text)
{
    long exponent = strtol(text, NULL, 10);
    if (exponent < -EXPONENT_MAX)
        return -EXPONENT_MAX;
    return exponent < EXPONENT_MAX ? exponent : EXPONENT_MAX;
}

static struct decimal to_decimal(struct kb_slice text)
{
    struct decimal d = {.n = 0};
    const char *p = text.ptr, *end = p + text.len;
    bool behind_point = false;
    long zeros = 0; /* not written yet: they count only where a digit follows */
    if (p < end && *p == '-') {
        d.minus = true;
        p++;
    }
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            behind_point = true;
        } else if (*p == '0' && d.n == 0) {
            d.point -= behind_point;
        } else {
            d.point += !behind_point;
            zeros = *p == '0' ? zeros + 1 : zeros;
            if (*p == '0')
                continue;
            if (d.n + zeros + 1 > DIGITS_MAX) {
                d.n = -1;
                return d;
            }
            for (; zeros > 0; zeros--)
                d.digits[d.n++] = '0';
            d.digits[d.n++] = *p;
        }
    }
    if (p < end)
        d.point += to_exponent(p + 1);
    if (d.n == 0)
        d.point = 0;
    return d;
}

bool kb_is_same_decimal(struct kb_slice text, double number)
{
    char printed[KB_JSON_REAL_MAX + 1];
    char copy[64];
    if (!isfinite(number) || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    size_t len = kb_json_real_text(printed, number);
    printed[len] = '\0';
    struct decimal a = to_decimal((struct kb_slice){copy, text.len});
    struct decimal b = to_decimal((struct kb_slice){printed, len});
    return a.n >= 0 && a.n == b.n && a.point == b.point && a.minus == b.minus &&
           memcmp(a.digits, b.digits, (size_t)a.n) == 0;
}

/* ---- in Lua ---- */

void kb_big_number_push(lua_State *L, struct kb_slice text)
{
    struct big *big = lua_newuserdatauv(L, sizeof(*big) + text.len + 1, 0);
    big->len = text.len;
    memcpy(big->text, text.ptr, text.len);
    big->text[text.len] = '\0';
    lua_rawgetp(L, LUA_REGISTRYINDEX, &big_meta);
    lua_setmetatable(L, -2);
}

bool kb_big_number_text(lua_State *L, int index, struct kb_slice *out)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &big_meta);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (same) {
        const struct big *big = lua_touserdata(L, index);
        *out = (struct kb_slice){big->text, big->len};
    }
    return same;
}

/* The value as a number of Lua's own, pushed. */
static void push_plain(lua_State *L, int index)
{
    struct kb_slice text;
    if (kb_big_number_text(L, index, &text))
        lua_pushnumber(L, strtod(text.ptr, NULL));
    else
        lua_pushvalue(L, index);
}

/* Upvalue: which operation. */
static int on_arith(lua_State *L)
{
    int op = (int)lua_tointeger(L, lua_upvalueindex(1));
    push_plain(L, 1);
    if (op != LUA_OPUNM)
        push_plain(L, 2);
    lua_arith(L, op);
    return 1;
}

static int on_compare(lua_State *L)
{
    struct kb_slice a, b;
    int op = (int)lua_tointeger(L, lua_upvalueindex(1));
    if (op == LUA_OPEQ && kb_big_number_text(L, 1, &a) && kb_big_number_text(L, 2, &b) &&
        kb_slice_eq(a, b)) {
        lua_pushboolean(L, 1);
        return 1;
    }
    push_plain(L, 1);
    push_plain(L, 2);
    lua_pushboolean(L, lua_compare(L, -2, -1, op));
    return 1;
}

static int on_tostring(lua_State *L)
{
    struct kb_slice text;
    if (!kb_big_number_text(L, 1, &text))
        return 0;
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

static int on_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

static void set_operation(lua_State *L, const char *name, lua_CFunction function, int op)
{
    lua_pushinteger(L, op);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void kb_big_numbers_open(lua_State *L)
{
    static const luaL_Reg texts[] = {
        {"__tostring", on_tostring}, {"__concat", on_concat}, {NULL, NULL}};
    static const struct {
        const char *name;
        lua_CFunction function;
        int op;
    } operations[] = {{"__add", on_arith, LUA_OPADD}, {"__sub", on_arith, LUA_OPSUB},
        {"__mul", on_arith, LUA_OPMUL}, {"__div", on_arith, LUA_OPDIV},
        {"__mod", on_arith, LUA_OPMOD}, {"__pow", on_arith, LUA_OPPOW},
        {"__idiv", on_arith, LUA_OPIDIV}, {"__unm", on_arith, LUA_OPUNM},
        {"__eq", on_compare, LUA_OPEQ}, {"__lt", on_compare, LUA_OPLT},
        {"__le", on_compare, LUA_OPLE}};
    lua_newtable(L);
    luaL_setfuncs(L, texts, 0);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        set_operation(L, operations[i].name, operations[i].function, operations[i].op);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "number with too many digits");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &big_meta);
}
