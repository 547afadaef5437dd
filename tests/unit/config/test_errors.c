/* Runs tests/golden/config_errors.txt, whose head explains its form. A case that fails names its
 * line there; fewer cases than the file has headings, or none at all, is a failure too. */
#include "base/buf.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define GOLDEN KABLY_SOURCE_DIR "/tests/golden/config_errors.txt"

static const struct {
    const char *block, *text;
} whole[] = {
    {"kafka", "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n"},
    {"ably", "ably { key = 'app.id:secret' }\n"},
    {"topic", "topic 'added' { channel = 'x' }\n"},
};

struct golden_case {
    int line; /* of its heading */
    bool part;
    struct kb_buf text, says;
};

static bool has_block(struct kb_slice text, const char *block)
{
    size_t len = strlen(block);
    for (size_t i = 0; i + len < text.len; i++)
        if ((i == 0 || text.ptr[i - 1] == '\n') && memcmp(text.ptr + i, block, len) == 0 &&
            strchr(" ({", text.ptr[i + len]))
            return true;
    return false;
}

static void complete(struct kb_buf *text)
{
    struct kb_slice written = kb_buf_slice(text);
    bool missing[KB_COUNT(whole)];
    for (size_t i = 0; i < KB_COUNT(whole); i++)
        missing[i] = !has_block(written, whole[i].block);
    for (size_t i = 0; i < KB_COUNT(whole); i++)
        if (missing[i])
            kb_buf_add(text, kb_slice_of(whole[i].text));
}

static void trim(struct kb_buf *buf)
{
    while (buf->len > 0 && buf->ptr[buf->len - 1] == '\n')
        buf->len--;
}

/* Lines that begin with "# ----" and empty lines end what is said. */
static bool run_case(struct golden_case *golden)
{
    struct kb_problems problems;
    struct kb_buf got;
    if (golden->part)
        complete(&golden->text);
    kb_problems_init(&problems);
    kb_buf_init(&got, 1 << 20);
    struct kb_config *config = kb_config_load_text("a.lua", kb_buf_slice(&golden->text), &problems);
    for (size_t i = 0; i < problems.count; i++)
        kb_buf_printf(
            &got, "%s%s\n", problems.list[i].text, problems.list[i].warning ? " (warning)" : "");
    trim(&got);
    trim(&golden->says);
    bool same = kb_slice_eq(kb_buf_slice(&got), kb_buf_slice(&golden->says)) &&
                (config != NULL) == (problems.errors == 0);
    if (!same)
        print_error("%s:%d: expected\n" KB_FMT "\ngot\n" KB_FMT "\n", GOLDEN, golden->line,
            KB_ARG(kb_buf_slice(&golden->says)), KB_ARG(kb_buf_slice(&got)));
    kb_config_unref(config);
    kb_problems_deinit(&problems);
    kb_buf_deinit(&got);
    return same;
}

static void golden_errors(void **state)
{
    (void)state;
    FILE *file = fopen(GOLDEN, "r");
    assert_non_null(file);
    struct golden_case golden = {0};
    kb_buf_init(&golden.text, 1 << 20);
    kb_buf_init(&golden.says, 1 << 20);
    enum { BEFORE, TEXT, SAYS } where = BEFORE;
    int line = 0, headings = 0, run = 0, failed = 0;
    char *text = NULL;
    size_t size = 0;
    bool more = true;
    while (more) {
        more = getline(&text, &size, file) > 0;
        line++;
        bool heading = more && (strncmp(text, "%%FILE", 6) == 0 || strncmp(text, "%%PART", 6) == 0);
        if (heading || !more) {
            if (where == SAYS) {
                failed += !run_case(&golden);
                run++;
            }
            kb_buf_reset(&golden.text);
            kb_buf_reset(&golden.says);
            golden.line = line;
            golden.part = more && text[2] == 'P';
            headings += heading;
            where = TEXT;
        } else if (strncmp(text, "%%SAYS", 6) == 0) {
            where = SAYS;
        } else if (where == TEXT) {
            kb_buf_add(&golden.text, kb_slice_of(text));
        } else if (where == SAYS && strncmp(text, "# ----", 6) != 0) {
            kb_buf_add(&golden.says, kb_slice_of(text));
        }
    }
    free(text);
    fclose(file);
    kb_buf_deinit(&golden.text);
    kb_buf_deinit(&golden.says);
    print_message("%d cases\n", run);
    assert_true(run > 0);
    assert_int_equal(run, headings);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
