/* The heaviest records of a megabyte, Kafka's own limit for one, that could be thought of: each is
 * a value or a clean error, within the time and memory that support/cost.h allows. */
#include "decode/decoder.h"
#include "decode/schema.h"

#include "support/cost.h"
#include "support/prop.h"

#define SIZE (1u << 20)
#define ARENA_MAX (64u << 20) /* the router's */

/* Schemas of many fields: LISTED of them behind `int32 i = 1; repeated A l = 2;`. */
#define LISTED 8000u
#define FIRST 16u

struct giant {
    struct kb_buf bytes;
    struct kb_format_options options;
};

/* ---- pieces ---- */

static void put_varint(struct kb_buf *out, uint64_t bits)
{
    for (; bits > 127; bits >>= 7)
        kb_buf_byte(out, (char)(bits | 128));
    kb_buf_byte(out, (char)bits);
}

static void put_long(struct kb_buf *out, int64_t number)
{
    put_varint(out, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

static void put_random(struct kb_buf *out, size_t n)
{
    for (; n > 0; n--)
        kb_buf_byte(out, (char)prop_below(256));
}

static void put_many(struct kb_buf *out, struct kb_slice piece)
{
    while (out->len + piece.len <= SIZE)
        kb_buf_add(out, piece);
}

/* ---- Avro ---- */

static void nulls(struct giant *g)
{
    put_long(&g->bytes, KB_DECODE_TEXT_MAX / 6);
    put_long(&g->bytes, 0);
}

static void too_many_nulls(struct giant *g)
{
    for (int i = 0; i < 8; i++)
        put_long(&g->bytes, KB_DECODE_TEXT_MAX);
}

static void doubles(struct giant *g)
{
    size_t n = SIZE / 8 - 8;
    put_long(&g->bytes, (int64_t)n);
    put_random(&g->bytes, 8 * n);
    put_long(&g->bytes, 0);
}

static void decimals(struct giant *g)
{
    put_long(&g->bytes, 1000);
    for (int i = 0; i < 1000; i++) {
        put_long(&g->bytes, 1024);
        put_random(&g->bytes, 1024);
    }
    put_long(&g->bytes, 0);
}

static void empty_keys(struct giant *g)
{
    put_long(&g->bytes, SIZE - 16);
    for (unsigned i = 0; i < SIZE - 16; i++)
        kb_buf_byte(&g->bytes, 0);
    put_long(&g->bytes, 0);
}

static void one_text(struct giant *g)
{
    put_long(&g->bytes, 1);
    put_long(&g->bytes, SIZE - 16);
    for (unsigned i = 0; i < SIZE - 16; i++)
        kb_buf_byte(&g->bytes, 1);
    put_long(&g->bytes, 0);
}

static void latin1(struct giant *g)
{
    one_text(g);
    g->options.binary = KB_BINARY_LATIN1;
}

static void many_branches(struct giant *g)
{
    put_long(&g->bytes, SIZE / 2 - 16);
    for (unsigned i = 0; i < SIZE / 2 - 16; i++)
        put_long(&g->bytes, 0), kb_buf_byte(&g->bytes, 2);
    put_long(&g->bytes, 0);
    g->options.unions = KB_UNION_CONNECT;
}

/* ---- Protobuf: the message index first ---- */

static void mixed(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    put_many(&g->bytes, KB_S("\x08\x01\x10\x01\x18\x01\x20\x01\x28\x01\x30\x01"));
}

static void empty_entries(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    put_many(&g->bytes, KB_S("\x3a\0"));
}

static void unsorted_entries(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    while (g->bytes.len + 9 <= SIZE) {
        kb_buf_add(&g->bytes, KB_S("\x3a\x07\x0a\x05"));
        for (int i = 0; i < 5; i++)
            kb_buf_byte(&g->bytes, (char)('a' + prop_below(26)));
    }
}

static void empty_messages(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    put_many(&g->bytes, KB_S("\x42\0"));
}

static void merged(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    put_many(&g->bytes, KB_S("\x42\x04\x42\x02\x42\0"));
}

/* At each of the levels two of what is one: half of it all is merged again and again. */
static void merged_deep(struct giant *g)
{
    static char room[SIZE];
    char *at = room + SIZE - SIZE / 2;
    memset(at, 0, SIZE / 2);
    for (int i = 0; i < 98; i++) {
        struct kb_buf head;
        kb_buf_init(&head, 32);
        kb_buf_add(&head, KB_S("\x42\0\x42"));
        put_varint(&head, (uint64_t)(room + SIZE - at));
        at -= head.len;
        memcpy(at, head.ptr, head.len);
        kb_buf_deinit(&head);
        if (i == 0)
            memcpy(room + SIZE - SIZE / 2, "\x6a\xfa\xff\x1f", 4); /* unknown, to the end */
    }
    kb_buf_byte(&g->bytes, 0);
    kb_buf_add(&g->bytes, (struct kb_slice){at, (size_t)(room + SIZE - at)});
}

static void packed_doubles(struct giant *g)
{
    size_t n = SIZE / 8 - 8;
    kb_buf_add(&g->bytes, KB_S("\0\x4a"));
    put_varint(&g->bytes, 8 * n);
    put_random(&g->bytes, 8 * n);
}

static void packed_numbers(struct giant *g)
{
    kb_buf_add(&g->bytes, KB_S("\0\x0a"));
    put_varint(&g->bytes, SIZE - 16);
    for (unsigned i = 0; i < SIZE - 16; i++)
        kb_buf_byte(&g->bytes, (char)prop_below(128));
}

static void values(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    put_many(&g->bytes, KB_S("\x52\x02\x08\0"));
}

/* What is out of order is read the thorough way: here `i` is, behind the rest. */
static void wide(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    put_many(&g->bytes, KB_S("\x12\0"));
    kb_buf_add(&g->bytes, KB_S("\x08\x01"));
}

static void wide_defaults(struct giant *g)
{
    wide(g);
    g->options.proto_defaults = true;
}

/* Each message has as many fields as fit, the last of the schema first. */
static void wide_reversed(struct giant *g)
{
    struct kb_buf inside;
    kb_buf_init(&inside, SIZE);
    for (unsigned number = LISTED; number-- > 0;) {
        put_varint(&inside, (FIRST + number) << 3);
        kb_buf_byte(&inside, 1);
    }
    kb_buf_byte(&g->bytes, 0);
    while (g->bytes.len + inside.len + 8 < SIZE) {
        kb_buf_byte(&g->bytes, 0x12);
        put_varint(&g->bytes, inside.len);
        kb_buf_add(&g->bytes, kb_buf_slice(&inside));
    }
    kb_buf_add(&g->bytes, KB_S("\x08\x01"));
    kb_buf_deinit(&inside);
}

static void mixed_lists(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    while (g->bytes.len + LISTED * 3 < SIZE)
        for (unsigned i = 0; i < LISTED; i++) {
            put_varint(&g->bytes, (FIRST + i) << 3);
            kb_buf_byte(&g->bytes, (char)i & 127);
        }
}

/* Of each message two halves, and all first halves first. */
static void mixed_halves(struct giant *g)
{
    kb_buf_byte(&g->bytes, 0);
    while (g->bytes.len + LISTED * 5 < SIZE)
        for (unsigned i = 0; i < LISTED; i++) {
            put_varint(&g->bytes, (FIRST + i) << 3 | 2);
            kb_buf_add(&g->bytes, KB_S("\x02\x08\x01"));
        }
}

/* ---- Connect's JSON ---- */

static void missing_fields(struct giant *g)
{
    kb_buf_add(&g->bytes, KB_S("{\"schema\":{\"type\":\"struct\",\"fields\":["));
    for (int i = 0; i < 5000; i++)
        kb_buf_printf(&g->bytes, "%s{\"type\":\"int8\",\"optional\":true,\"field\":\"f%d\"}",
            i ? "," : "", i);
    kb_buf_add(&g->bytes, KB_S("]},\"payload\":{\"x\":[0"));
    put_many(&g->bytes, KB_S(",0"));
    kb_buf_add(&g->bytes, KB_S("]}}"));
}

static void connect_array(struct giant *g)
{
    kb_buf_add(&g->bytes,
        KB_S("{\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[{\"type\":"
             "\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{"
             "\"scale\":\"2\"},\"field\":\"d\"}]}},\"payload\":[{\"d\":\"AQ==\"}"));
    put_many(&g->bytes, KB_S(",{\"d\":\"AQ==\"}"));
    kb_buf_add(&g->bytes, KB_S("]}"));
}

/* ---- JSON and text ---- */

static void brackets(struct giant *g)
{
    kb_buf_byte(&g->bytes, '[');
    put_many(&g->bytes, KB_S("[],"));
    kb_buf_add(&g->bytes, KB_S("0]"));
}

static void open_brackets(struct giant *g)
{
    put_many(&g->bytes, KB_S("["));
}

static const char proto[] =
    "syntax = \"proto3\"; import \"google/protobuf/struct.proto\"; message A {"
    "repeated int32 a = 1; repeated int32 b = 2; repeated int32 c = 3; repeated int32 d = 4;"
    "repeated int32 e = 5; repeated int32 f = 6; map<string, string> m = 7; A s = 8;"
    "repeated double x = 9; repeated google.protobuf.Value v = 10; repeated A l = 11; }";

static const struct {
    const char *name;
    enum kb_format format;
    const char *schema;
    void (*make)(struct giant *g);
} giants[] = {
    {"nulls", KB_FORMAT_AVRO, "{\"type\":\"array\",\"items\":\"null\"}", nulls},
    {"too many nulls", KB_FORMAT_AVRO, "{\"type\":\"array\",\"items\":\"null\"}", too_many_nulls},
    {"doubles", KB_FORMAT_AVRO, "{\"type\":\"array\",\"items\":\"double\"}", doubles},
    {"decimals", KB_FORMAT_AVRO,
        "{\"type\":\"array\",\"items\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
        "\"precision\":2000,\"scale\":9}}",
        decimals},
    {"empty keys", KB_FORMAT_AVRO, "{\"type\":\"map\",\"values\":\"null\"}", empty_keys},
    {"control characters", KB_FORMAT_AVRO, "{\"type\":\"array\",\"items\":\"string\"}", one_text},
    {"latin1", KB_FORMAT_AVRO, "{\"type\":\"array\",\"items\":\"bytes\"}", latin1},
    {"branches", KB_FORMAT_AVRO,
        "{\"type\":\"array\",\"items\":[\"int\",\"long\",\"string\",\"bytes\",\"float\",\"double\","
        "\"boolean\"]}",
        many_branches},
    {"mixed lists", KB_FORMAT_PROTOBUF, proto, mixed},
    {"empty entries", KB_FORMAT_PROTOBUF, proto, empty_entries},
    {"unsorted entries", KB_FORMAT_PROTOBUF, proto, unsorted_entries},
    {"empty messages", KB_FORMAT_PROTOBUF, proto, empty_messages},
    {"merged", KB_FORMAT_PROTOBUF, proto, merged},
    {"merged at every level", KB_FORMAT_PROTOBUF, proto, merged_deep},
    {"packed doubles", KB_FORMAT_PROTOBUF, proto, packed_doubles},
    {"packed numbers", KB_FORMAT_PROTOBUF, proto, packed_numbers},
    {"values", KB_FORMAT_PROTOBUF, proto, values},
    {"wide", KB_FORMAT_PROTOBUF, "optional int32", wide},
    {"wide, defaults", KB_FORMAT_PROTOBUF, "optional int32", wide_defaults},
    {"wide, reversed", KB_FORMAT_PROTOBUF, "optional int32", wide_reversed},
    {"wide, mixed lists", KB_FORMAT_PROTOBUF, "repeated int32", mixed_lists},
    {"wide, merged", KB_FORMAT_PROTOBUF, "optional A", mixed_halves},
    {"missing fields", KB_FORMAT_CONNECT_JSON, NULL, missing_fields},
    {"decimals", KB_FORMAT_CONNECT_JSON, NULL, connect_array},
    {"brackets", KB_FORMAT_JSON, NULL, brackets},
    {"open brackets", KB_FORMAT_AUTO, NULL, open_brackets},
};

/* A message with LISTED fields of that type. */
static void put_wide_schema(struct kb_buf *out, const char *type)
{
    kb_buf_add(out, KB_S("message A { optional int32 i = 1; repeated A l = 2;"));
    for (unsigned i = 0; i < LISTED; i++)
        kb_buf_printf(out, " %s f%u = %u;", type, i, FIRST + i);
    kb_buf_byte(out, '}');
}

static struct kb_schema *compile(size_t i, struct kb_err *err)
{
    struct kb_buf text;
    bool wide_one = strncmp(giants[i].name, "wide", 4) == 0;
    kb_buf_init(&text, SIZE);
    wide_one ? put_wide_schema(&text, giants[i].schema)
             : kb_buf_add(&text, kb_slice_of(giants[i].schema));
    struct kb_schema *schema =
        kb_schema_compile(giants[i].format == KB_FORMAT_AVRO ? KB_SCHEMA_AVRO : KB_SCHEMA_PROTOBUF,
            kb_buf_slice(&text), NULL, 0, err);
    kb_buf_deinit(&text);
    return schema;
}

/* Records that are a value and nothing else. */
static bool is_legal(size_t i)
{
    return strncmp(giants[i].name, "wide", 4) == 0;
}

static void decode(size_t i, const struct giant *g)
{
    struct kb_buf text;
    struct kb_arena arena;
    struct kb_value value;
    struct kb_err err = {0};
    struct kb_schema *schema = NULL;
    if (giants[i].schema)
        schema = compile(i, &err);
    if (giants[i].schema && !schema)
        fail_msg("%s: %s", giants[i].name, err.text);
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_arena_init(&arena, ARENA_MAX);
    struct kb_decoding with = {.options = &g->options, .text = &text, .arena = &arena};
    struct kb_slice raw = kb_buf_slice(&g->bytes);
    cost_begin();
    bool ok = schema ? kb_schema_decode(schema, raw, &with, &value, &err)
                     : kb_decode(giants[i].format, raw, &with, &value, &err);
    struct cost cost = cost_end();
    print_message("%-12s %-22s %8.1f ms %6.1f MiB of memory, %5.1f MiB of JSON %s\n",
        kb_format_name(giants[i].format), giants[i].name, cost.cpu_ms,
        (double)cost.memory / (1 << 20), (double)text.len / (1 << 20), ok ? "" : err.text);
    assert_true(ok || (err.class == KB_ERR_RECORD && !is_legal(i)));
    kb_buf_deinit(&text);
    kb_arena_deinit(&arena);
    kb_schema_free(schema);
}

static void test_the_heaviest_records(void **state)
{
    (void)state;
    prop_seed();
    for (size_t i = 0; i < KB_COUNT(giants); i++) {
        struct giant g = {0};
        kb_buf_init(&g.bytes, 2 * SIZE);
        giants[i].make(&g);
        assert_false(g.bytes.failed);
        decode(i, &g);
        kb_buf_deinit(&g.bytes);
    }
}

/* A schema costs no more than a record: 8,000 records, each with a field of the one before. */
static void test_a_chain_of_records(void **state)
{
    (void)state;
    struct kb_buf text;
    struct kb_err err;
    kb_buf_init(&text, SIZE);
    kb_buf_add(&text, KB_S("[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}"));
    for (int i = 1; i < 8000; i++)
        kb_buf_printf(&text,
            ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"f\",\"type\":\"R%d\"}]"
            "}",
            i, i - 1);
    kb_buf_add(&text, KB_S("]"));
    assert_false(text.failed);
    cost_begin();
    struct kb_schema *schema =
        kb_schema_compile(KB_SCHEMA_AVRO, kb_buf_slice(&text), NULL, 0, &err);
    print_message("a chain of records: %.1f ms\n", cost_end().cpu_ms);
    assert_non_null(schema);
    kb_schema_free(schema);
    kb_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chain_of_records),
        cmocka_unit_test(test_the_heaviest_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
