/* Functions that mean harm, or were written by somebody tired: each costs its own record, as a
 * failure of class hook, and the next record goes its way. Under sanitizers, with little memory and
 * a short time. */
#include "support/routed.h"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#define MEMORY (8 << 20)
#define BUDGET_MS 20
/* What a function in C may do beyond its budget until it looks at the clock, and what lies outside
 * of it: the collector's work, the next record. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOST_CPU_MS (50 * BUDGET_MS)
#else
#define MOST_CPU_MS (10 * BUDGET_MS)
#endif
#define VALUE "{\"l\":[1,2,3],\"a\":\"x\"}"

struct row {
    const char *name, *body;
    const char *says; /* "" = whatever */
};

static const struct row rows[] = {
    {"loop", "while true do end", "still running after"},
    {"loop in pcall", "while true do pcall(function() while true do end end) end",
        "still running after"},
    {"pcall of pcall", "local function f() return pcall(f) end while true do f() end",
        "still running after"},
    {"goto", "::a:: goto a", "still running after"},
    {"repeat with error", "repeat pcall(error, {}) until false", "still running after"},
    {"tail calls", "local function f() return f() end return f()", "still running after"},
    {"loop in a metamethod",
        "local t = setmetatable({}, { __index = function() while true do end end }) return t.x",
        "still running after"},
    {"loop in __close",
        "local x <close> = setmetatable({}, { __close = function() while true do end end })",
        "still running after"},
    {"loop in an error's __tostring",
        "error(setmetatable({}, { __tostring = function() while true do end end }))", ""},
    {"loop in a comparator",
        "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end "
        "end)",
        "still running after"},
    {"loop in gsub", "(\"x\"):gsub(\".\", function() while true do end end)",
        "still running after"},
    {"loop in an iterator", "for _ in function() return 1 end do end", "still running after"},
    {"ipairs without end",
        "for i in ipairs(setmetatable({}, { __index = function() return 1 end })) do end",
        "still running after"},
    {"coroutines", "local co = coroutine.wrap(function() while true do end end) co()", "coroutine"},
    {"patterns", "(\"a\"):rep(5000):find((\"a-\"):rep(10) .. \"b\")", "still running after"},
    {"patterns in pcall",
        "while true do pcall(string.find, (\"a\"):rep(5000), \".-.-.-.-.-b\") end",
        "still running after"},
    {"pattern nested", "(\"(\"):rep(300):find((\"((\"):rep(200))", "too many captures"},
    {"deep pattern", "(\"a\"):rep(300):find((\"a?\"):rep(300) .. (\"a\"):rep(301))", ""},
    {"balance", "for i = 1, math.huge do local s = (\"(\"):rep(1 << 20):find(\"%b()\") end",
        "still running after"},
    {"gsub of much", "local s = (\"x\"):rep(1 << 20) while true do s:gsub(\"x\", \"y\") end",
        "still running after"},
    {"frontier", "while true do (\"x\"):rep(1 << 20):find(\"%f[y]z\") end", "still running after"},
    {"rep without end", "while true do (\"x\"):rep(1 << 20) end", "still running after"},
    {"rep of nothing", "(\"\"):rep(1 << 60)", "more than 1048576 repeats"},
    {"rep of much", "(\"x\"):rep(1 << 20):rep(1 << 20)", ""},
    {"format", "while true do string.format(\"%s%s\", (\"x\"):rep(1 << 20), 1) end",
        "still running after"},
    {"format flags", "string.format(\"%099999999d\", 1)", "invalid"},
    {"concat without end", "table.concat(setmetatable({}, { __index = rawlen }), \"\", 1, 1 << 60)",
        "more than 1048576 elements"},
    {"concat of much",
        "local t = {} for i = 1, 1000 do t[i] = (\"x\"):rep(1 << 20) end table.concat(t)", ""},
    {"move without end", "table.move({}, 1, 1 << 60, 2)", "more than 1048576 elements"},
    {"unpack without end", "table.unpack({}, 1, 1 << 30)", "too many results"},
    {"insert without end",
        "table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 2)", "__len"},
    {"move through C",
        "local t = setmetatable({}, { __index = kably.uuid, __newindex = kably.uuid }) while true "
        "do table.move(t, 1, 1 << 20, 2) end",
        "still running after"},
    {"move through C that copies",
        "local t = setmetatable({}, { __index = tostring, __newindex = type, __name = "
        "(\"x\"):rep(1 << 20) }) table.move(t, 1, 1 << 20, 2)",
        "still running after"},
    {"concat through C",
        "local t = setmetatable({}, { __index = kably.uuid }) while true do pcall(table.concat, t, "
        "\"\", 1, 1 << 20) end",
        "still running after"},
    {"concat of a changing length",
        "local calls = 0 local t = setmetatable({}, { __index = type, __len = function() calls = "
        "calls + 1 return calls == 1 and 1 or 1 << 40 end }) while true do table.concat(t) end",
        "more than 1048576 elements"},
    {"insert through C",
        "local t = {} for i = 1, 1 << 16 do t[i] = i end setmetatable(t, { __index = kably.uuid }) "
        "while true do table.insert(t, 1, 0) end",
        "still running after"},
    {"remove through C",
        "local t = {} for i = 1, 1 << 16 do t[i] = i end setmetatable(t, { __index = kably.uuid }) "
        "while true do table.remove(t, 1) table.insert(t, 1) end",
        "still running after"},
    {"sort by print",
        "local t = {} for i = 1, 3000 do t[i] = i end while true do table.sort(t, print) end",
        "still running after"},
    {"sort by C that copies",
        "local m, t = { __name = (\"x\"):rep(1 << 20) }, {} for i = 1, 3000 do t[i] = "
        "setmetatable({}, m) end while true do pcall(table.sort, t, tostring) end",
        "still running after"},
    {"sort with holes",
        "local t = { 1, nil, 3, nil, 5 } setmetatable(t, { __index = kably.uuid }) table.sort(t)",
        "there is a hole at [2]"},
    {"sort of much",
        "local s, t = (\"x\"):rep(1 << 20), {} for i = 1, 1000 do t[i] = s end table.sort(t)",
        "bytes of text"},
    {"strings that grow", "local s = \"x\" while true do s = s .. s end", ""},
    {"strings that grow in pcall",
        "local s = \"x\" while true do pcall(function() s = s .. s end) end", ""},
    {"tables that grow", "local t = {} for i = 1, math.huge do t[i] = {} end", ""},
    {"tables that grow in pcall",
        "while true do pcall(function() local t = {} for i = 1, math.huge do t[i] = {} end end) "
        "end",
        ""},
    {"closures that grow",
        "local f = function() end for i = 1, math.huge do local g = f f = function() return g end "
        "end",
        ""},
    {"memory in small pieces",
        "local t = {} for i = 1, math.huge do t[i] = (\"x\"):rep(1000) .. i end", ""},
    {"comparing long texts",
        "local a, b = (\"x\"):rep(1 << 20) .. \"a\", (\"x\"):rep(1 << 20) .. \"b\" while a < b do "
        "end",
        "still running after"},
    {"deep recursion", "local function f() return 1 + f() end return f()", ""},
    {"deep recursion through C",
        "local function f() return (string.gsub(\"x\", \"x\", f)) end return f()", ""},
    {"recursion in a metamethod",
        "local t = setmetatable({}, { __index = function(t, k) return t[k .. \"x\"] end }) return "
        "t.x",
        ""},
    {"an error that is a table", "error({})", "called with a table"},
    {"an error that is nil", "error(nil)", "called with a nil"},
    {"an error that is a function", "error(print)", "called with a function"},
    {"an error in an error",
        "error(setmetatable({}, { __tostring = function() error(\"again\") end }))", ""},
    {"an error with bytes", "error(\"\\0\\255\\27[2J\")", ""},
    {"a very long error", "error((\"x\"):rep(1 << 20))", ""},
    {"returns a number", "return 5", "returned a number"},
    {"returns a text", "return \"x\"", "returned a string"},
    {"returns true", "return true", "returned a boolean"},
    {"returns a function", "return print", "returned a function"},
    {"returns headers", "return record.headers", "returned a"},
    {"returns a part", "return record.value.l", "returned a table"},
    {"returns the wrong channel", "return { channel = {} }", "channel a table"},
    {"returns the wrong name", "return { name = true }", "name a boolean"},
    {"returns the wrong client_id", "return { client_id = function() end }",
        "client_id a function"},
    {"returns the wrong encoding", "return { encoding = {} }", "encoding a table"},
    {"returns the wrong headers", "return { headers = \"x\" }", "headers a string"},
    {"returns the wrong header", "return { headers = { a = {{}} } }", "header's value"},
    {"returns the wrong extras", "return { extras = 5 }", "extras a number"},
    {"returns the wrong data", "return { data = print }", "can't be JSON"},
    {"returns a cyclic table", "local t = {} t[1] = t return { data = t }", "holds itself"},
    {"returns a deep table", "local t = {} for i = 1, 200 do t = { t } end return { data = t }",
        "nested more than 100 deep"},
    {"returns many messages", "local t = {} for i = 1, 1e5 do t[i] = record end return t",
        "returned 100000 messages"},
    {"returns much data", "return { data = (\"x\"):rep(1 << 20):rep(3):rep(3) }", ""},
    {"returns a list with holes", "return { nil, record }", ""},
    {"returns a list and names", "return { record, channel = \"x\" }", "names besides"},
    {"returns bytes as a name", "return { name = \"\\255\" }", "not UTF-8"},
    {"reads a file", "return io.open(\"/etc/passwd\")", "\"io\""},
    {"runs a program", "return os.execute(\"true\")", "\"os\""},
    {"loads C", "return require(\"posix\")", "\"require\""},
    {"loads text", "return load(\"return 1\")()", "\"load\""},
    {"loads a file", "return dofile(\"/etc/passwd\")", "\"dofile\""},
    {"debug", "return debug.getregistry()", "\"debug\""},
    {"collects garbage", "return collectgarbage()", "\"collectgarbage\""},
    {"finalizer", "setmetatable({}, { __gc = function() while true do end end })", "__gc"},
    {"sets a global", "x = 1", "read-only"},
    {"sets _G", "_G.x = 1", "read-only"},
    {"rawset of _G", "rawset(_G, \"string\", nil)", "read-only"},
    {"changes the library", "string.rep = nil", "read-only"},
    {"changes texts", "getmetatable(\"\").__index = nil", ""},
    {"changes _G's metatable", "setmetatable(_G, {})", "protected"},
    {"calls a block", "topic \"x\" { channel = \"x\" }", "once the file is loaded"},
    {"includes a file", "include(\"/etc/passwd\")", "only while"},
    {"reads another file", "file(\"/etc/passwd\")", "not asked for"},
    {"dumps a function", "string.dump(print)", ""},
    {"the record's metatable", "getmetatable(record).__index = nil", ""},
    {"edits without end", "while true do record.value.x = (\"y\"):rep(1000) end", ""},
    {"deep edits", "local v = record.value while true do v.a = {} v = v.a end", ""},
    {"headers without end",
        "while true do record.headers[#record.headers + 1] = { name = \"x\", value = \"y\" } end",
        ""},
    {"members without end", "for i = 1, math.huge do record.value[\"m\" .. i] = i end", ""},
    {"elements without end", "local l = record.value.l while true do l[#l + 1] = 1 end", ""},
    {"inserting at the front", "local l = record.value.l while true do table.insert(l, 1, 0) end",
        ""},
    {"wrong types in fields", "record.value = print", "can't be JSON"},
    {"wrong key", "record.key = { [1.5] = 1 }", "can't be JSON"},
    {"wrong header", "record.headers.x = print", "header's value"},
    {"NaN", "record.value.x = 0 / 0", "not finite"},
    {"a name with bytes", "record.value[\"\\255\"] = 1", "UTF-8"},
    {"a text with bytes", "record.value.x = \"\\255\"", "UTF-8"},
    {"cjson of much", "local t = { 1 } for i = 1, 60 do t = { t, t } end cjson.encode(t)", ""},
    {"cjson of long texts",
        "local s, t = (\"x\"):rep(1 << 20), {} for i = 1, 1000 do t[i] = s end cjson.encode(t)",
        "too large"},
    {"cjson of itself", "local t = {} t[1] = t cjson.encode(t)", ""},
    {"cjson that is deep", "cjson.decode((\"[\"):rep(1 << 20))", ""},
    {"cjson that grows", "cjson.decode(\"[\" .. (\"[],\"):rep(1 << 19) .. \"[]]\")",
        "more memory than is left"},
    {"cjson of a function", "cjson.encode(print)", ""},
    {"json that grows", "kably.json.decode(\"[\" .. (\"[],\"):rep(1 << 19) .. \"[]]\")", ""},
    {"json without end",
        "while true do kably.json.decode(\"[\" .. (\"1,\"):rep(1000) .. \"1]\") end",
        "still running after"},
    {"json of much", "local t = { 1 } for i = 1, 60 do t = { t, t } end kably.json.encode(t)", ""},
    {"caches without end",
        "local t = {} while true do t[#t + 1] = kably.cache { size = 1 << 60 } t[#t]:set(1, 2) end",
        ""},
    {"a full cache",
        "local c = kably.cache { size = 1 << 60 } for i = 1, math.huge do c:set(i, "
        "(\"x\"):rep(100) .. i) end",
        ""},
    {"counters without end", "for i = 1, 1e6 do kably.counter(\"c\" .. i) end", "kably.counter"},
    {"base64 without end", "while true do kably.base64.encode((\"x\"):rep(1 << 19)) end",
        "still running after"},
    {"sha without end", "while true do kably.hash.sha256((\"x\"):rep(1 << 19)) end",
        "still running after"},
    {"the smallest time", "kably.time.iso(math.mininteger)", "beyond the years"},
    {"the largest time", "kably.time.iso(math.maxinteger)", "beyond the years"},
    {"kably is read-only", "kably.null = 1", "read-only"},
};

/* The longer a text is, the longer takes one call that reads it: with 64 MiB of memory. */
static const struct row large_rows[] = {
    {"unpack through C",
        "local t = setmetatable({}, { __index = kably.uuid }) while true do pcall(table.unpack, t, "
        "1, 900000) end",
        "still running after"},
    {"utf8.len", "local s = (\"1\"):rep(1 << 20):rep(28) while true do utf8.len(s) end",
        "still running after"},
    {"utf8.offset", "local s = (\"1\"):rep(1 << 20):rep(28) while true do utf8.offset(s, #s) end",
        "still running after"},
    {"utf8.codes",
        "local s = (\"\\x80\"):rep(1 << 20):rep(28) local step = utf8.codes(\"a\") while true do "
        "pcall(step, s, 1) end",
        "still running after"},
    {"tonumber", "local s = (\" \"):rep(1 << 20):rep(28) while true do tonumber(s) end",
        "still running after"},
    {"calculating with text",
        "local s = (\" \"):rep(1 << 20):rep(14) .. \"1\" while true do local n = s + 1 - s * s end",
        "still running after"},
    {"rawequal",
        "local a, b = (\"1\"):rep(1 << 20):rep(14), (\"1\"):rep(1 << 20):rep(14) while "
        "rawequal(a, b) do end",
        "still running after"},
    {"packsize", "string.packsize((\"x\"):rep(1 << 20))", "a format of more than 65536 bytes"},
    {"packsize without end", "local s = (\"x\"):rep(1 << 16) while true do string.packsize(s) end",
        "still running after"},
    {"a time with a very long fraction",
        "local s = \"2020-01-01T00:00:00.\" .. (\"1\"):rep(1 << 20):rep(14) .. \"Z\" "
        "assert(not kably.time.parse(s), \"a time\") while true do kably.time.parse(s) end",
        "still running after"},
};

static void load(struct routed *routed, size_t memory, int ms, const char *first, const char *body)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n"
                    "ably { key = 'app.id:secret' } limits { hook_memory = %zu, hook_ms = %d }\n"
                    "%s topic 'orders' { channel = 'c', transform = function(record)\n"
                    "if record.key == 'good' then return record end\n"
                    "do %s end end }",
                    memory, ms, first, body) > 0);
    routed_load(routed, kb_slice_of(text));
    free(text);
}

static enum kb_route_result route(struct routed *routed, const char *key, struct kb_err *err)
{
    const struct kb_record rec = {
        .topic = KB_S("orders"), .key = kb_slice_of(key), .value = KB_S(VALUE)};
    return routed_route(routed, &rec, err);
}

static double cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static bool complain(const struct row *row, const char *what, const char *got)
{
    print_error("%s: %s: %s\n", row->name, what, got);
    return false;
}

/* The bad record fails as it should, the good one behind it goes its way. */
static bool try_row(struct routed *routed, const struct row *row, size_t memory)
{
    struct kb_err err = {0};
    double begun = cpu_ms();
    if (route(routed, "bad", &err) != KB_FAILED)
        return complain(row, "it did not fail", row->body);
    double took = cpu_ms() - begun;
    if (took > MOST_CPU_MS) {
        print_error("%s: %.0f ms of CPU time, at most %d\n", row->name, took, MOST_CPU_MS);
        return false;
    }
    if (err.class != KB_ERR_RECORD || err.failure != KB_FAILURE_HOOK ||
        !strstr(err.text, row->says) || strncmp(err.text, "transform: ", 11) != 0)
        return complain(row, row->says, err.text);
    if (kb_script_memory(kb_hooks_script(routed->hooks)) > memory)
        return complain(row, "holds more memory than it may", "");
    if (route(routed, "good", &err) != KB_ROUTED)
        return complain(row, "the next record failed", err.text);
    struct kb_slice data = routed->router.messages[0].data.bytes;
    return kb_slice_is(data, VALUE) || complain(row, "the next record's data", "changed");
}

static size_t try_rows(const struct row *some, size_t n, size_t memory)
{
    size_t failed = 0;
    for (const struct row *row = some; row < some + n; row++) {
        struct routed routed = {0};
        load(&routed, memory, BUDGET_MS, "", row->body);
        bool ok = try_row(&routed, row, memory) && try_row(&routed, row, memory);
        failed += !ok;
        routed_unload(&routed);
    }
    return failed;
}

static void hostile_hooks_cost_their_own_record(void **state)
{
    (void)state;
    assert_true(KB_COUNT(rows) >= 40);
    assert_int_equal(try_rows(rows, KB_COUNT(rows), MEMORY), 0);
}

static void long_texts_cost_no_more_time(void **state)
{
    (void)state;
    assert_int_equal(try_rows(large_rows, KB_COUNT(large_rows), 64 << 20), 0);
}

/* What a function keeps for ever leaves no room for the next record: its state is begun anew. */
static void a_state_that_is_full_is_worn(void **state)
{
    (void)state;
    struct kb_err err;
    struct routed routed = {0};
    load(&routed, MEMORY, 5000, "local kept = {}",
        "kept[1] = ('x'):rep(1 << 20) while true do kept[1] = kept[1] .. kept[1] end");
    assert_int_equal(route(&routed, "bad", &err), KB_FAILED);
    assert_false(kb_hooks_worn(routed.hooks));
    routed_unload(&routed);
    load(&routed, MEMORY, 5000, "local kept = {}",
        "while true do kept[#kept + 1] = ('x'):rep(9999) .. #kept end");
    assert_int_equal(route(&routed, "bad", &err), KB_FAILED);
    assert_non_null(strstr(err.text, "memory"));
    assert_true(kb_hooks_worn(routed.hooks));
    routed_unload(&routed);
}

/* Bytes that malloc has given out; a sanitizer's own malloc is asked where there is one. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t c_heap(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* JSON is written and read in memory that Lua's collector does not see. */
static void json_that_fails_leaves_no_memory_behind(void **state)
{
    (void)state;
    static const struct {
        const char *first, *body;
    } bombs[] = {
        {"local s, t = ('x'):rep(1 << 20), {} for i = 1, 70 do t[i] = s end",
            "assert(not pcall(kably.json.encode, t))"},
        {"local s = '[' .. ('[],'):rep(1 << 18) .. '1]'",
            "assert(not pcall(kably.json.decode, s))"},
    };
    for (size_t i = 0; i < KB_COUNT(bombs); i++) {
        struct kb_err err;
        struct routed routed = {0};
        load(&routed, MEMORY, 5000, bombs[i].first, bombs[i].body);
        assert_int_not_equal(route(&routed, "bad", &err), KB_FAILED);
        size_t before = c_heap();
        for (int n = 0; n < 30; n++)
            assert_int_not_equal(route(&routed, "bad", &err), KB_FAILED);
        size_t after = c_heap();
        if (after > before + MEMORY)
            print_error("%s: %zu KiB, then %zu KiB\n", bombs[i].body, before >> 10, after >> 10);
        assert_true(after <= before + MEMORY);
        routed_unload(&routed);
    }
}

static int lines_of(FILE *file)
{
    int lines = 0;
    rewind(file);
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    return lines;
}

/* A hundred lines a second, however they are written; a new second may begin once meanwhile. */
static void the_log_is_not_flooded(void **state)
{
    (void)state;
    static const char *const floods[] = {
        "for i = 1, 2000 do print(i) end",
        "for i = 1, 1000 do print(i) kably.log.info(i) end",
        "local t = {} for i = 1, 500 do t[i] = i end pcall(table.sort, t, print)",
    };
    for (size_t i = 0; i < KB_COUNT(floods); i++) {
        struct kb_err err;
        struct routed routed = {0};
        load(&routed, MEMORY, 5000, "", floods[i]);
        FILE *log = tmpfile();
        int saved = dup(STDERR_FILENO);
        dup2(fileno(log), STDERR_FILENO);
        enum kb_route_result result = route(&routed, "bad", &err);
        dup2(saved, STDERR_FILENO);
        close(saved);
        int lines = lines_of(log);
        fclose(log);
        routed_unload(&routed);
        assert_int_not_equal(result, KB_FAILED);
        assert_in_range(lines, 100, 2 * 100 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_hooks_cost_their_own_record),
        cmocka_unit_test(long_texts_cost_no_more_time),
        cmocka_unit_test(the_log_is_not_flooded),
        cmocka_unit_test(json_that_fails_leaves_no_memory_behind),
        cmocka_unit_test(a_state_that_is_full_is_worn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
