/* tests/golden/hooks.txt: a topic block with functions and a record, and what becomes of it, by the
 * way that a worker goes: the file is loaded, its functions are taken, the record is routed. */
#include "config/config.h"
#include "golden_record.h"
#include "route/route.h"

#define BASE                                                                         \
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' } "        \
    "ably { key = 'app.id:secret' } limits { hook_memory = '4MiB', hook_ms = 20 }\n" \
    "topic 'orders' {\n"

static void show_text(struct kb_buf *out, const char *what, struct kb_slice text)
{
    if (text.ptr)
        kb_buf_printf(out, "= %s " KB_FMT "\n", what, KB_ARG(text));
}

static void show_value(struct kb_buf *out, const char *what, const struct kb_value *value)
{
    static const char *const forms[] = {
        [KB_FORM_TEXT] = "text", [KB_FORM_BYTES] = "bytes", [KB_FORM_JSON] = "json"};
    if (value->form == KB_FORM_NULL) {
        kb_buf_printf(out, "= %s null\n", what);
        return;
    }
    kb_buf_printf(out, "= %s %s ", what, forms[value->form]);
    kb_buf_add(out, value->bytes); /* may hold zero bytes */
    kb_buf_byte(out, '\n');
}

static void show_header(struct kb_buf *out, const struct kb_header *header)
{
    kb_buf_printf(out, "= header " KB_FMT, KB_ARG(header->name));
    if (header->value.ptr)
        kb_buf_printf(out, "=" KB_FMT, KB_ARG(header->value));
    kb_buf_byte(out, '\n');
}

static void show_message(struct kb_buf *out, const struct kb_message *msg)
{
    show_text(out, "channel", msg->channel);
    show_text(out, "id", msg->id);
    show_text(out, "name", msg->name);
    show_text(out, "client_id", msg->client_id);
    show_value(out, "data", &msg->data);
    show_value(out, "key", &msg->key);
    show_text(out, "encoding", msg->encoding);
    show_text(out, "push", msg->push);
    show_text(out, "extras", msg->extras);
    for (size_t i = 0; i < msg->n_headers; i++)
        show_header(out, &msg->headers[i]);
}

static void show_result(struct kb_buf *out, const struct kb_router *router,
    enum kb_route_result result, const struct kb_err *err)
{
    switch (result) {
    case KB_ROUTED:
        for (size_t i = 0; i < router->n_messages; i++)
            show_message(out, &router->messages[i]);
        return;
    case KB_DROPPED:
        kb_buf_add(out, KB_S("= dropped\n"));
        return;
    case KB_DEAD_LETTER:
        assert_int_equal(err->class, KB_ERR_RECORD);
        assert_int_equal(err->failure, KB_FAILURE_DECODE);
        kb_buf_printf(out, "= dead letter: %s\n", err->text);
        return;
    case KB_WAITS:
    case KB_FAILED:
        assert_int_equal(err->class, KB_ERR_RECORD);
        kb_buf_printf(out, "= failed %s: %s\n", kb_failure_name(err->failure), err->text);
    }
}

struct routed {
    struct kb_config *config;
    struct kb_hooks *hooks;
    struct kb_router router;
};

static void load(struct routed *routed, struct kb_slice text)
{
    struct kb_problems problems;
    struct kb_err err;
    kb_problems_init(&problems);
    routed->config = kb_config_load_text("hooks.lua", text, &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    assert_non_null(routed->config);
    if (!kb_config_hooks(routed->config, &routed->hooks, &err))
        fail_msg("%s", err.text);
    assert_true(kb_router_init(&routed->router, KB_S("MkU3OEVBNTcwNTJENDM2Qg")));
    kb_router_set_hooks(&routed->router, routed->hooks);
}

static void unload(struct routed *routed)
{
    kb_router_deinit(&routed->router);
    kb_hooks_free(routed->hooks);
    kb_config_unref(routed->config);
}

/* Routes the record twice: nothing of the first time may be left the second. */
static void show_route(struct routed *routed, const struct kb_record *rec, struct kb_buf *got)
{
    struct kb_buf first;
    kb_buf_init(&first, 1 << 20);
    for (int i = 0; i < 2; i++) {
        struct kb_err err = {0};
        struct kb_buf *out = i == 0 ? &first : got;
        enum kb_route_result result =
            kb_route(&routed->router, &routed->config->topics[0], rec, &err);
        show_result(out, &routed->router, result, &err);
    }
    if (!kb_slice_eq(kb_buf_slice(&first), kb_buf_slice(got)))
        fail_msg("the second time it is not\n" KB_FMT "but\n" KB_FMT, KB_ARG(kb_buf_slice(&first)),
            KB_ARG(kb_buf_slice(got)));
    kb_buf_deinit(&first);
}

static void run_case(struct golden *golden, const struct golden_case *c)
{
    struct golden_record record;
    struct kb_slice label, text;
    struct kb_buf file, expected, got;
    kb_buf_init(&file, 1 << 20);
    kb_buf_init(&expected, 1 << 20);
    kb_buf_init(&got, 1 << 20);
    golden_record_init(&record);
    kb_buf_add(&file, KB_S(BASE));
    for (size_t i = 0; i < c->n; i++) {
        struct kb_slice line = c->lines[i];
        if (kb_slice_starts(line, KB_S("= "))) {
            kb_buf_add(&expected, line);
            kb_buf_byte(&expected, '\n');
        } else if (kb_slice_starts(line, KB_S("| "))) {
            kb_buf_add(&file, (struct kb_slice){line.ptr + 2, line.len - 2});
            kb_buf_byte(&file, '\n');
        } else if (!golden_label(line, &label, &text) ||
                   !golden_record_line(&record, label, text)) {
            golden_fail(golden, c, "not understood:", line);
        }
    }
    if (!memmem(file.ptr, file.len, "\nchannel = ", 11))
        kb_buf_add(&file, KB_S("channel = 'c',\n"));
    kb_buf_add(&file, KB_S("}"));

    struct routed routed = {0};
    load(&routed, kb_buf_slice(&file));
    show_route(&routed, &record.rec, &got);
    golden_check(golden, c, kb_buf_slice(&expected), kb_buf_slice(&got));
    unload(&routed);
    kb_buf_deinit(&file);
    kb_buf_deinit(&expected);
    kb_buf_deinit(&got);
}

static void test_hooks_are_as_the_golden_file_says(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    golden_open(&golden, "hooks.txt");
    while (golden_next(&golden, &c))
        run_case(&golden, &c);
    golden_close(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hooks_are_as_the_golden_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
