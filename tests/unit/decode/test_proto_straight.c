/* The two ways of reading a Protobuf record, straight and thorough, tell the same of any; and the
 * usual record goes straight. */
#include "decode/proto_run.h"

#include "decode/protobuf.h"
#include "support/prop.h"

#define TEXT_MAX (4 << 20)

static const char schema[] =
    "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; message A {"
    "int32 i = 1; string s = 2; repeated int32 p = 3; repeated string l = 4; A a = 5;"
    "map<string, A> m = 6; oneof o { bool x = 7; A y = 8; } repeated A r = 9;"
    "google.protobuf.Timestamp t = 10; optional sint64 w = 11; double d = 12;"
    "map<int32, int64> n = 13; }";

/* ---- reading ---- */

struct fixture {
    struct kb_proto *proto;
    struct kb_buf payload, text, heard, printed;
    struct kb_arena arena;
};

static void setup(struct fixture *f)
{
    struct kb_err err;
    size_t size;
    f->proto = kb_protobuf_compile(kb_slice_of(schema), NULL, 0, &size, &err);
    assert_non_null(f->proto);
    kb_buf_init(&f->payload, TEXT_MAX);
    kb_buf_init(&f->text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&f->heard, TEXT_MAX);
    kb_buf_init(&f->printed, TEXT_MAX);
    kb_arena_init(&f->arena, 64 << 20);
}

static void teardown(struct fixture *f)
{
    kb_protobuf_free(f->proto);
    kb_buf_deinit(&f->payload);
    kb_buf_deinit(&f->text);
    kb_buf_deinit(&f->heard);
    kb_buf_deinit(&f->printed);
    kb_arena_deinit(&f->arena);
}

struct counting_sink {
    struct kb_json_writer writer;
    int restarts;
};

static void count_restart(struct kb_events *sink)
{
    struct counting_sink *self = (struct counting_sink *)sink;
    self->restarts++;
    kb_json_writer_init(&self->writer, self->writer.out);
    kb_buf_reset(self->writer.out);
}

/* How often it began again, -1 = it failed; `out` is the JSON or the error. What the sink heard is
 * that JSON too, when the same writer prints both. */
static int decode(
    struct fixture *f, const struct kb_format_options *options, bool straight, char out[TEXT_MAX])
{
    struct kb_value value;
    struct kb_err err = {0};
    struct counting_sink sink = {0};
    struct kb_json_writer printer;
    kb_arena_reset(&f->arena);
    kb_buf_reset(&f->heard);
    kb_buf_reset(&f->printed);
    kb_json_writer_init(&sink.writer, &f->heard);
    struct kb_events_ops ops = *sink.writer.events.ops;
    ops.restart = count_restart;
    sink.writer.events.ops = &ops;
    struct kb_decoding with = {
        .options = options, .text = &f->text, .arena = &f->arena, .sink = &sink.writer.events};
    bool ok = kb_proto_decode(f->proto, kb_buf_slice(&f->payload), &with, straight, &value, &err);
    snprintf(out, TEXT_MAX, KB_FMT, KB_ARG(ok ? value.bytes : kb_slice_of(err.text)));
    if (!ok)
        return -1;
    kb_json_writer_init(&printer, &f->printed);
    assert_true(kb_json_read(value.bytes, &printer.events, &err));
    assert_slice(kb_buf_slice(&f->heard), kb_buf_slice(&f->printed));
    return sink.restarts;
}

/* ---- records ---- */

static void put_varint(struct kb_buf *out, uint64_t bits)
{
    for (; bits > 127; bits >>= 7)
        kb_buf_byte(out, (char)(bits | 128));
    kb_buf_byte(out, (char)bits);
}

static void put_bytes(struct kb_buf *out, unsigned number, struct kb_slice bytes)
{
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len);
    kb_buf_add(out, bytes);
}

static void put_number(struct kb_buf *out, unsigned number)
{
    static const uint64_t bits[] = {0, 1, 7, 300, UINT64_C(1) << 32, UINT64_MAX};
    put_varint(out, number << 3);
    put_varint(out, bits[prop_below(KB_COUNT(bits))]);
}

static void put_message(struct kb_buf *out, int depth, bool in_order);

/* The field `number`, a message that is again an A. */
static void put_inside(struct kb_buf *out, unsigned number, int depth, bool in_order)
{
    struct kb_buf inside;
    kb_buf_init(&inside, TEXT_MAX);
    if (depth > 0)
        put_message(&inside, depth - 1, in_order);
    put_bytes(out, number, kb_buf_slice(&inside));
    kb_buf_deinit(&inside);
}

static void put_entry(struct kb_buf *out, unsigned number, int depth, bool in_order)
{
    struct kb_buf entry;
    kb_buf_init(&entry, TEXT_MAX);
    if (number == 13) {
        put_number(&entry, 1);
        put_number(&entry, 2);
    } else {
        put_bytes(&entry, 1, prop_below(2) ? KB_S("k") : KB_S("a"));
        put_inside(&entry, 2, depth, in_order);
    }
    put_bytes(out, number, kb_buf_slice(&entry));
    kb_buf_deinit(&entry);
}

static void put_field(struct kb_buf *out, unsigned number, int depth, bool in_order)
{
    switch (number) {
    case 1:
    case 7:
    case 11:
        put_number(out, number);
        break;
    case 2:
    case 4:
        put_bytes(out, number, KB_S("\"text\"\xc3\xa9"));
        break;
    case 3:
        if (prop_below(2))
            put_number(out, number);
        else
            put_bytes(out, number, prop_below(3) ? KB_S("\x01\x00\x7f") : KB_S(""));
        break;
    case 6:
    case 13:
        put_entry(out, number, depth, in_order);
        break;
    case 10:
        put_bytes(out, number, KB_S("\x08\x05"));
        break;
    case 12:
        put_varint(out, 12 << 3 | 1);
        kb_buf_add(out, KB_S("\0\0\0\0\0\0\xf0\x3f"));
        break;
    default:
        put_inside(out, number, depth, in_order); /* 14 is unknown */
    }
}

static bool is_list(unsigned number)
{
    return number == 3 || number == 4 || number == 6 || number == 9 || number == 13;
}

/* Of each field none, one, or of lists some; in the schema's order, as serializers write them, or
 * any fields in any order. */
static void put_message(struct kb_buf *out, int depth, bool in_order)
{
    for (size_t n = in_order ? 0 : prop_below(8); n > 0; n--)
        put_field(out, (unsigned)prop_below(14) + 1, depth, false);
    for (unsigned number = 1; in_order && number <= 14; number++) {
        for (size_t n = prop_below(is_list(number) ? 4 : 2); n > 0; n--)
            put_field(out, number, depth, true);
        number += number == 6 && prop_below(2); /* one of the oneof at most */
        number += number == 7;
    }
}

/* ---- tests ---- */

static void test_both_ways_are_the_same(void **state)
{
    (void)state;
    static const struct kb_format_options plain,
        other = {.proto_defaults = true, .proto_names = true};
    static char straight[TEXT_MAX], thorough[TEXT_MAX];
    struct fixture f;
    int again = 0, direct = 0, failed = 0;
    setup(&f);
    prop_seed();
    for (int i = 0; i < 20000; i++) {
        const struct kb_format_options *options = prop_below(3) ? &plain : &other;
        kb_buf_reset(&f.payload);
        kb_buf_byte(&f.payload, 0);
        put_message(&f.payload, (int)prop_below(3), prop_below(2));
        int way = decode(&f, options, true, straight);
        assert_int_equal(decode(&f, options, false, thorough) < 0, way < 0);
        assert_string_equal(straight, thorough);
        direct += way == 0;
        again += way > 0;
        failed += way < 0;
    }
    print_message("%d straight, %d begun again, %d failed\n", direct, again, failed);
    assert_true(direct > 8000 && again > 2000);
    teardown(&f);
}

static void test_the_usual_record_is_read_once(void **state)
{
    (void)state;
    static const struct kb_format_options options;
    static char text[TEXT_MAX];
    static const char payload[] =
        "\0\x08\x01\x12\x01"
        "a\x1a\x02\x01\x02\"\x01x\"\x01y*\x02\x08\x02" /* i s p l a */
        "2\x0a\x0a\x01"
        "b\x12\x05\x12\x03you2\x03\x0a\x01"
        "aB\0J\0J\x02\x08\x03R\x02\x08\x05X\0j\x04\x08\x03\x10\x04"; /* m y r t w n */
    struct fixture f;
    setup(&f);
    kb_buf_add(&f.payload, (struct kb_slice){payload, sizeof(payload) - 1});
    assert_int_equal(decode(&f, &options, true, text), 0);
    assert_string_equal(text,
        "{\"i\":1,\"s\":\"a\",\"p\":[1,2],\"l\":[\"x\",\"y\"],\"a\":{\"i\":2},"
        "\"m\":{\"a\":{},\"b\":{\"s\":\"you\"}},\"y\":{},\"r\":[{},{\"i\":3}],"
        "\"t\":\"1970-01-01T00:00:05Z\",\"w\":\"0\",\"n\":{\"3\":\"4\"}}");
    kb_buf_add(&f.payload, KB_S("\x08\x05"));
    assert_int_equal(decode(&f, &options, true, text), 1);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_usual_record_is_read_once),
        cmocka_unit_test(test_both_ways_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
