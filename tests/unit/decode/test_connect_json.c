/* Kafka Connect's JSON envelope: what is published, as the golden file says, under the way to show
 * logical types that stands before a case; what a sink hears is
 * the same; and the bounds. */
#include "decode/connect_json.h"

#include "golden.h"
#include "value/json.h"

static const char *const forms[] = {[KB_FORM_NULL] = "null",
    [KB_FORM_TEXT] = "text",
    [KB_FORM_BYTES] = "bytes",
    [KB_FORM_JSON] = "json"};

/* Of JSON the sink hears the same values; its own white space is its own. */
static void check_heard(struct golden *golden, const struct golden_case *c,
    const struct kb_value *value, struct kb_slice heard)
{
    struct kb_buf printed;
    struct kb_json_writer writer;
    struct kb_err err;
    kb_buf_init(&printed, 1 << 20);
    kb_json_writer_init(&writer, &printed);
    if (value->form == KB_FORM_TEXT)
        kb_emit_string(&writer.events, value->bytes);
    else if (value->form == KB_FORM_BYTES)
        kb_emit_bytes(&writer.events, value->bytes);
    else
        assert_true(kb_json_read(value->bytes, &writer.events, &err));
    golden_check(golden, c, kb_buf_slice(&printed), heard);
    kb_buf_deinit(&printed);
}

static struct kb_format_options options_of(struct golden *golden, const struct golden_case *c)
{
    static const char *const ways[] = {
#define X(id, name, help) [KB_SHOWN_##id] = name,
        KB_SHOWN(X)
#undef X
    };
    struct kb_format_options options = {0};
    bool known = c->n == 2;
    for (size_t i = 0; !known && i < KB_COUNT(ways); i++) {
        if (!kb_slice_is(c->lines[0], ways[i]))
            continue;
        known = true;
        for (size_t type = 0; type < KB_LOGICAL_COUNT; type++)
            options.logical[type] = (enum kb_shown)i;
    }
    if (!known)
        golden_fail(golden, c, "a way to show logical types, not", c->lines[0]);
    return options;
}

static void check_case(struct golden *golden, const struct golden_case *c)
{
    const struct kb_format_options options = options_of(golden, c);
    struct kb_buf text, heard, got;
    struct kb_json_writer writer;
    struct kb_value value;
    struct kb_err err = {0};
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&heard, 1 << 20);
    kb_buf_init(&got, 1 << 20);
    kb_json_writer_init(&writer, &heard);
    struct kb_decoding with = {.options = &options, .text = &text, .sink = &writer.events};
    if (kb_connect_json_decode(c->lines[c->n - 2], &with, &value, &err)) {
        kb_buf_printf(&got, "%s ", forms[value.form]);
        kb_buf_add(&got, value.bytes);
        check_heard(golden, c, &value, kb_buf_slice(&heard));
    } else {
        kb_buf_printf(&got, "failed %s", err.text);
        assert_int_equal(err.class, KB_ERR_RECORD);
        assert_int_equal(err.failure, KB_FAILURE_DECODE);
    }
    golden_check(golden, c, c->lines[c->n - 1], kb_buf_slice(&got));
    kb_buf_deinit(&text);
    kb_buf_deinit(&heard);
    kb_buf_deinit(&got);
}

static void test_as_the_golden_file_says(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    golden_open(&golden, "connect_json.txt");
    while (golden_next(&golden, &c)) {
        if (c.n != 2 && c.n != 3)
            golden_fail(&golden, &c, "a case has two or three lines, this one", c.lines[0]);
        else
            check_case(&golden, &c);
    }
    golden_close(&golden);
}

static bool decode(struct kb_buf *record, struct kb_err *err)
{
    struct kb_buf text;
    struct kb_value value;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    static const struct kb_format_options options;
    struct kb_decoding with = {.options = &options, .text = &text};
    assert_false(record->failed);
    bool ok = kb_connect_json_decode(kb_buf_slice(record), &with, &value, err);
    kb_buf_deinit(&text);
    return ok;
}

static void repeat(struct kb_buf *out, int times, struct kb_slice text)
{
    while (times-- > 0)
        kb_buf_add(out, text);
}

static void nest(struct kb_buf *out, int depth)
{
    kb_buf_reset(out);
    kb_buf_add(out, KB_S("{\"schema\":"));
    repeat(out, depth - 1, KB_S("{\"type\":\"array\",\"items\":"));
    kb_buf_add(out, KB_S("{\"type\":\"int32\"}"));
    repeat(out, depth - 1, KB_S("}"));
    kb_buf_add(out, KB_S(",\"payload\":"));
    repeat(out, depth - 1, KB_S("["));
    kb_buf_byte(out, '7');
    repeat(out, depth - 1, KB_S("]"));
    kb_buf_byte(out, '}');
}

static void test_depth(void **state)
{
    (void)state;
    struct kb_buf record;
    struct kb_err err;
    kb_buf_init(&record, 1 << 20);
    nest(&record, KB_DECODE_DEPTH_MAX);
    assert_true(decode(&record, &err));
    nest(&record, KB_DECODE_DEPTH_MAX + 1);
    assert_false(decode(&record, &err));
    assert_string_equal(err.text, "format connect_json: the schema is nested more than 64 deep");
    kb_buf_deinit(&record);
}

/* Fields that are all missing from a payload of as many members: each looks through all of them. */
static void test_work(void **state)
{
    (void)state;
    struct kb_buf record;
    struct kb_err err;
    kb_buf_init(&record, 4 << 20);
    kb_buf_add(&record, KB_S("{\"schema\":{\"type\":\"struct\",\"fields\":["));
    for (int i = 0; i < 9000; i++)
        kb_buf_printf(
            &record, "%s{\"type\":\"int32\",\"optional\":true,\"field\":\"f%d\"}", i ? "," : "", i);
    kb_buf_add(&record, KB_S("]},\"payload\":{"));
    for (int i = 0; i < 9000; i++)
        kb_buf_printf(&record, "%s\"g%d\":1", i ? "," : "", i);
    kb_buf_add(&record, KB_S("}}"));
    assert_false(decode(&record, &err));
    assert_string_equal(
        err.text, "format connect_json: schema and payload take more than 64 MiB of reading");
    kb_buf_deinit(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_golden_file_says),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
