/* kably.hash, kably.base64, kably.url, kably.uuid; see kably_library.h. The results are bounded by
 * the texts that are given, which are bounded by the state's memory. */
#include "base/base64.h"
#include "base/hash.h"
#include "base/random.h"
#include "script/kably_library.h"
#include "script/lua_state.h"

#include <ctype.h>
#include <lauxlib.h>
#include <openssl/evp.h>

#define ROOM 64 /* more than the coders ask for beyond their result */
#define UUID_LEN 36
#define UUID_COST 100 /* of kb_script_charge's units */

static struct kb_slice check_text(lua_State *L, int index)
{
    struct kb_slice text;
    text.ptr = luaL_checklstring(L, index, &text.len);
    kb_script_charge(L, 2 * text.len);
    return text;
}

static char *put_hex(char *to, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 15];
    return to;
}

static void push_hex(lua_State *L, const unsigned char *bytes, size_t n)
{
    char hex[2 * EVP_MAX_MD_SIZE], *to = hex;
    for (size_t i = 0; i < n; i++)
        to = put_hex(to, bytes[i]);
    lua_pushlstring(L, hex, 2 * n);
}

static int sha256(lua_State *L)
{
    struct kb_slice text = check_text(L, 1);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_Digest(text.ptr, text.len, digest, &n, EVP_sha256(), NULL))
        return luaL_error(L, "sha256 is not available here");
    push_hex(L, digest, n);
    return 1;
}

static int fnv64(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)kb_hash64_stable(check_text(L, 1)));
    return 1;
}

/* Runs in a buffer of Lua's: nothing to free where an error takes the way out. */
static int base64_encode(lua_State *L)
{
    struct kb_slice text = check_text(L, 1);
    size_t len = KB_BASE64_LEN(text.len) + ROOM;
    luaL_Buffer buffer;
    struct kb_buf out = {.ptr = luaL_buffinitsize(L, &buffer, len), .cap = len, .max = len};
    kb_base64_add(&out, text);
    luaL_pushresultsize(&buffer, out.len);
    return 1;
}

static int base64_decode(lua_State *L)
{
    struct kb_slice text = check_text(L, 1);
    luaL_Buffer buffer;
    size_t len = text.len + ROOM;
    struct kb_buf out = {.ptr = luaL_buffinitsize(L, &buffer, len), .cap = len, .max = len};
    if (!kb_base64_decode(&out, text)) {
        lua_pushnil(L);
        return 1;
    }
    luaL_pushresultsize(&buffer, out.len);
    return 1;
}

static int url_encode(lua_State *L)
{
    static const char digits[] = "0123456789ABCDEF";
    struct kb_slice text = check_text(L, 1);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (isalnum(c) || (c && strchr("-._~", c))) {
            luaL_addchar(&buffer, (char)c);
        } else {
            luaL_addchar(&buffer, '%');
            luaL_addchar(&buffer, digits[c >> 4]);
            luaL_addchar(&buffer, digits[c & 15]);
        }
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int url_decode(lua_State *L)
{
    struct kb_slice text = check_text(L, 1);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? kb_hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? kb_hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                lua_pushnil(L);
                return 1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        luaL_addchar(&buffer, c);
    }
    luaL_pushresult(&buffer);
    return 1;
}

/* Version 4. */
static int uuid(lua_State *L)
{
    struct kb_random *random = kb_random_system();
    unsigned char bytes[16];
    uint64_t halves[2] = {random->next(random), random->next(random)};
    char text[UUID_LEN], *to = text;
    kb_script_charge(L, UUID_COST);
    memcpy(bytes, halves, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        to = put_hex(to, bytes[i]);
    }
    lua_pushlstring(L, text, UUID_LEN);
    return 1;
}

void kb_script_push_texts(lua_State *L)
{
    static const luaL_Reg hash[] = {{"sha256", sha256}, {"fnv64", fnv64}, {NULL, NULL}};
    static const luaL_Reg base64[] = {
        {"encode", base64_encode}, {"decode", base64_decode}, {NULL, NULL}};
    static const luaL_Reg url[] = {{"encode", url_encode}, {"decode", url_decode}, {NULL, NULL}};
    lua_newtable(L);
    luaL_newlib(L, hash);
    lua_setfield(L, -2, "hash");
    luaL_newlib(L, base64);
    lua_setfield(L, -2, "base64");
    luaL_newlib(L, url);
    lua_setfield(L, -2, "url");
    lua_pushcfunction(L, uuid);
    lua_setfield(L, -2, "uuid");
}
