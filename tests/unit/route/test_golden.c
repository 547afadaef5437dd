/* tests/golden/message.txt: a topic block and a record, and the whole message it becomes. */
#include "golden_message.h"

struct block {
    struct kb_slice channel, name, client_id, cluster;
    enum kb_format key_format, value_format;
    enum kb_null_value null_value;
};

static bool parse_format(struct kb_slice text, enum kb_format *out)
{
    for (int i = 0; i < KB_FORMAT_COUNT; i++) {
        *out = (enum kb_format)i;
        if (kb_slice_is(text, kb_format_name(*out)))
            return true;
    }
    return false;
}

static bool parse_null_value(struct kb_slice text, enum kb_null_value *out)
{
    static const char *const names[] = {
#define X(id, name) [KB_NULL_##id] = name,
        KB_NULL_VALUES(X)
#undef X
    };
    for (size_t i = 0; i < KB_COUNT(names); i++) {
        if (kb_slice_is(text, names[i])) {
            *out = (enum kb_null_value)i;
            return true;
        }
    }
    return false;
}

/* True where the line was the block's and good. */
static bool block_line(struct block *block, struct kb_slice label, struct kb_slice text)
{
    if (kb_slice_is(label, "channel"))
        block->channel = text;
    else if (kb_slice_is(label, "name"))
        block->name = text;
    else if (kb_slice_is(label, "client_id"))
        block->client_id = text;
    else if (kb_slice_is(label, "cluster"))
        block->cluster = text;
    else if (kb_slice_is(label, "key_format"))
        return parse_format(text, &block->key_format);
    else if (kb_slice_is(label, "value_format"))
        return parse_format(text, &block->value_format);
    else if (kb_slice_is(label, "null_value"))
        return parse_null_value(text, &block->null_value);
    else
        return false;
    return true;
}

static struct kb_template *compile(struct kb_slice text, struct kb_rules *rules)
{
    struct kb_err err;
    if (!text.ptr)
        return NULL;
    struct kb_template *tmpl =
        kb_template_compile(text, rules->key_paths, rules->value_paths, &err);
    if (!tmpl)
        fail_msg(KB_FMT ": %s", KB_ARG(text), err.text);
    return tmpl;
}

static struct kb_rules make_rules(const struct block *block)
{
    struct kb_rules rules = {.key_format = block->key_format,
        .value_format = block->value_format,
        .null_value = block->null_value,
        .key_paths = kb_paths_new(),
        .value_paths = kb_paths_new()};
    rules.channel = compile(block->channel, &rules);
    rules.name = compile(block->name, &rules);
    rules.client_id = compile(block->client_id, &rules);
    return rules;
}

static void run_case(struct golden *golden, const struct golden_case *c, struct kb_router *router,
    struct kb_buf *expected, struct kb_buf *got)
{
    struct golden_record record;
    struct block block = {.cluster = KB_S("MkU3OEVBNTcwNTJENDM2Qg")};
    struct kb_slice label, text;
    golden_record_init(&record);
    kb_buf_reset(expected);
    kb_buf_reset(got);
    for (size_t i = 0; i < c->n; i++) {
        struct kb_slice line = c->lines[i];
        if (kb_slice_starts(line, KB_S("= "))) {
            kb_buf_add(expected, line);
            kb_buf_byte(expected, '\n');
        } else if (!golden_label(line, &label, &text) ||
                   (!block_line(&block, label, text) &&
                       !golden_record_line(&record, label, text))) {
            golden_fail(golden, c, "not understood:", line);
        }
    }

    struct kb_rules rules = make_rules(&block);
    struct kb_err err = {0};
    kb_router_set_cluster(router, block.cluster);
    golden_result(got, router, kb_route(router, &rules, &record.rec, &err), &err, false);
    golden_check(golden, c, kb_buf_slice(expected), kb_buf_slice(got));
    kb_rules_deinit(&rules);
}

static void test_messages_are_as_the_golden_file_says(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    struct kb_router router;
    struct kb_buf expected, got;
    kb_buf_init(&expected, 1 << 20);
    kb_buf_init(&got, 1 << 20);
    assert_true(kb_router_init(&router, (struct kb_slice){NULL, 0}));
    golden_open(&golden, "message.txt");
    while (golden_next(&golden, &c))
        run_case(&golden, &c, &router, &expected, &got);
    golden_close(&golden);
    kb_router_deinit(&router);
    kb_buf_deinit(&expected);
    kb_buf_deinit(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_as_the_golden_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
