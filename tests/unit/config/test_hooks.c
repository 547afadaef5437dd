/* tests/golden/hooks.txt: a topic block with functions and a record, and what becomes of it, by the
 * way that a worker goes: the file is loaded, its functions are taken, the record is routed. */
#include "golden_message.h"
#include "support/routed.h"

#define BASE                                                                        \
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' } "       \
    "ably { key = 'app.id:secret' } limits { hook_memory = '4MiB', hook_ms = 20 } " \
    "dead_letter { topic = 'dlq' }\n"                                               \
    "topic 'orders' {\n"

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
        golden_result(out, &routed->router, result, &err, true);
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
    routed_load(&routed, kb_buf_slice(&file));
    show_route(&routed, &record.rec, &got);
    golden_check(golden, c, kb_buf_slice(&expected), kb_buf_slice(&got));
    routed_unload(&routed);
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
