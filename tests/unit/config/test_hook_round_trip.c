/* Random JSON through a function and back: what it does not touch keeps its bytes; what goes
 * through Lua's own values keeps its digits, its kinds, its nulls, its names and their order. */
#include "support/prop.h"
#include "support/routed.h"
#include "value/json.h"

#include <inttypes.h>
#include <stdio.h>

#define DOCUMENTS 100000
#define TEXT_MAX (1 << 20)

static const char file[] =
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n"
    "ably { key = 'app.id:secret' } limits { hook_ms = 60000 }\n"
    /* an object becomes the list of its names and values, so that their order can be seen */
    "local function through(v)\n"
    "  if type(v) ~= 'table' then return v end\n"
    "  local list, is_array = kably.array {}, kably.json.encode(v):find('^%s*%[') ~= nil\n"
    "  for k, x in pairs(v) do\n"
    "    x = through(x)\n"
    "    if not is_array then x = { k, x } end\n"
    "    list[#list + 1] = x\n"
    "  end\n"
    "  return is_array and { 'array', list } or { 'object', list }\n"
    "end\n"
    "defaults { channel = 'c', value = 'json' }\n"
    "topic 'through' { transform = function(r)\n"
    "  r.value = { through(r.value[1]), through(kably.json.decode(kably.json.encode(r.value))[1]) "
    "}\n"
    "  return r end }\n"
    "topic 'beside' { transform = function(r) r.value[2] = 'new' return r end }\n";

/* ---- a document, and what `through` makes of it ---- */

static void put(struct kb_buf *in, struct kb_buf *out, const char *text)
{
    kb_buf_add(in, kb_slice_of(text));
    kb_buf_add(out, kb_slice_of(text));
}

static void put_space(struct kb_buf *in)
{
    static const char *const spaces[] = {"", "", "", " ", "\n\t"};
    kb_buf_add(in, kb_slice_of(spaces[prop_below(KB_COUNT(spaces))]));
}

/* Numbers that are already as short as they go, or that no float holds. */
static void put_number(struct kb_buf *in, struct kb_buf *out)
{
    char text[64];
    uint64_t bits = prop_random.random.next(&prop_random.random);
    switch (prop_below(4)) {
    case 0:
        snprintf(text, sizeof(text), "%" PRId64, (int64_t)bits);
        break;
    case 1:
        snprintf(text, sizeof(text), "%d", (int)prop_below(2000) - 1000);
        break;
    case 2:
        snprintf(text, sizeof(text), "%s%zu.%zu%d", prop_below(2) ? "-" : "", prop_below(100000),
            prop_below(1000), (int)prop_below(9) + 1);
        break;
    default:
        snprintf(text, sizeof(text), "%s%" PRIu64 "%020" PRIu64 "1.5%de%d",
            prop_below(2) ? "-" : "", bits / 2 + 1, bits, (int)prop_below(9) + 1,
            (int)prop_below(500) - 250);
    }
    put(in, out, text);
}

static const struct {
    const char *in, *out;
} pieces[] = {{"plain ", "plain "}, {"\\u0041", "A"}, {"\\/", "/"}, {"\\n", "\\n"},
    {"\xc3\xa9", "\xc3\xa9"}, {"\\u00e9", "\xc3\xa9"}, {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\\\"", "\\\""}, {"\\\\", "\\\\"}, {"\\u0000", "\\u0000"}, {"]}", "]}"}};

static void put_string(struct kb_buf *in, struct kb_buf *out)
{
    put(in, out, "\"");
    for (size_t n = prop_below(4); n > 0; n--) {
        size_t i = prop_below(KB_COUNT(pieces));
        kb_buf_add(in, kb_slice_of(pieces[i].in));
        kb_buf_add(out, kb_slice_of(pieces[i].out));
    }
    put(in, out, "\"");
}

static void put_value(struct kb_buf *in, struct kb_buf *out, int depth);

static void put_container(struct kb_buf *in, struct kb_buf *out, int depth, bool object)
{
    size_t n = prop_below(5);
    kb_buf_add(in, object ? KB_S("{") : KB_S("["));
    kb_buf_add(out, object ? KB_S("[\"object\",[") : KB_S("[\"array\",["));
    for (size_t i = 0; i < n; i++) {
        char name[16];
        if (i > 0)
            put(in, out, ",");
        put_space(in);
        if (object) {
            snprintf(name, sizeof(name), "\"%c%zu\"", (char)('z' - prop_below(26)), i);
            kb_buf_add(out, KB_S("["));
            put(in, out, name);
            put_space(in);
            kb_buf_add(in, KB_S(":"));
            kb_buf_add(out, KB_S(","));
            put_space(in);
        }
        put_value(in, out, depth - 1);
        if (object)
            kb_buf_add(out, KB_S("]"));
    }
    put_space(in);
    kb_buf_add(in, object ? KB_S("}") : KB_S("]"));
    kb_buf_add(out, KB_S("]]"));
}

static void put_value(struct kb_buf *in, struct kb_buf *out, int depth)
{
    static const char *const words[] = {"null", "true", "false"};
    switch (prop_below(depth > 0 ? 5 : 3)) {
    case 0:
        put(in, out, words[prop_below(3)]);
        break;
    case 1:
        put_number(in, out);
        break;
    case 2:
        put_string(in, out);
        break;
    default:
        put_container(in, out, depth, prop_below(2));
    }
}

/* ---- */

static struct kb_slice route(struct routed *routed, const char *topic, struct kb_slice value)
{
    struct kb_err err;
    const struct kb_record rec = {.topic = kb_slice_of(topic), .value = value};
    if (routed_route(routed, &rec, &err) != KB_ROUTED)
        fail_msg(KB_FMT ": %s", KB_ARG(value), err.text);
    return routed->router.messages[0].data.bytes;
}

/* `[THROUGH,` ... `]`: the first is exact; the second went through tables, whose names have no
 * order, and is only compared in its length and its sum of bytes, which order does not change. */
static void check_through(struct kb_slice got, struct kb_slice expected, struct kb_slice value)
{
    size_t sums[2] = {0, 0};
    if (got.len != 2 * expected.len + 3 || memcmp(got.ptr + 1, expected.ptr, expected.len) != 0)
        fail_msg(KB_FMT "\nbecame\n" KB_FMT "\ninstead of\n[" KB_FMT ",...]", KB_ARG(value),
            KB_ARG(got), KB_ARG(expected));
    for (size_t i = 0; i < expected.len; i++) {
        sums[0] += (unsigned char)expected.ptr[i];
        sums[1] += (unsigned char)got.ptr[expected.len + 2 + i];
    }
    assert_int_equal(sums[0], sums[1]);
}

static void run(struct routed *routed, struct kb_buf *in, struct kb_buf *out)
{
    struct kb_buf beside;
    kb_buf_reset(in);
    kb_buf_reset(out);
    kb_buf_add(in, KB_S("["));
    put_value(in, out, 4);
    struct kb_slice document = {in->ptr + 1, in->len - 1};
    kb_buf_init(&beside, TEXT_MAX);
    kb_buf_printf(&beside, "[" KB_FMT ",\"new\"]", KB_ARG(document));
    kb_buf_add(in, KB_S(", 1]"));
    struct kb_slice value = kb_buf_slice(in);
    assert_slice(route(routed, "beside", value), kb_buf_slice(&beside));
    check_through(route(routed, "through", value), kb_buf_slice(out), value);
    kb_buf_deinit(&beside);
}

static void json_to_lua_to_json(void **state)
{
    (void)state;
    struct routed routed = {0};
    struct kb_buf in, out;
    prop_seed();
    kb_buf_init(&in, TEXT_MAX);
    kb_buf_init(&out, TEXT_MAX);
    routed_load(&routed, kb_slice_of(file));
    for (int i = 0; i < DOCUMENTS; i++)
        run(&routed, &in, &out);
    routed_unload(&routed);
    kb_buf_deinit(&in);
    kb_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_to_lua_to_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
