/* The log as it arrives on standard error: a pipe stands there during each test. */
#include "base/log.h"

#include "support/prop.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static int saved_stderr, read_end;

static void capture_begin(void)
{
    int ends[2];
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    read_end = ends[0];
}

/* What was logged since capture_begin; NUL-terminated. */
static size_t capture_end(char *out, size_t size)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    size_t len = 0;
    for (ssize_t n; (n = read(read_end, out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    close(read_end);
    out[len] = '\0';
    return len;
}

static void test_a_line_of_text(void **state)
{
    (void)state;
    char out[4096];
    capture_begin();
    kb_log_setup(KB_LOG_INFO, KB_LOG_TEXT);
    errno = ENOENT;
    kb_log_warn("ably", "HTTP %d from %s", 503, "a\nb");
    kb_log_debug("ably", "not at this level");
    assert_int_equal(errno, ENOENT);
    capture_end(out, sizeof(out));
    /* 2026-11-22T10:00:00.123Z, and no colour: this is no terminal */
    assert_string_equal(
        out + strlen("2026-11-22T10:00:00.123Z"), " WARN ably: HTTP 503 from a b\n");
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; shape[i]; i++)
        assert_true(shape[i] == 'd' ? out[i] >= '0' && out[i] <= '9' : out[i] == shape[i]);
}

/* Standard error may be closed, or a pipe nobody reads: whoever logs does not notice. */
static void test_a_line_that_cannot_be_written(void **state)
{
    (void)state;
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOENT;
    kb_log_error("test", "to nobody");
    int after = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(after, ENOENT);
}

static void test_levels(void **state)
{
    (void)state;
    for (int level = KB_LOG_ERROR; level <= KB_LOG_DEBUG; level++) {
        char out[4096];
        capture_begin();
        kb_log_setup((enum kb_log_level)level, KB_LOG_TEXT);
        for (int each = KB_LOG_ERROR; each <= KB_LOG_DEBUG; each++)
            kb_log((enum kb_log_level)each, "test", "x");
        capture_end(out, sizeof(out));
        int lines = 0;
        for (const char *p = out; *p; p++)
            lines += *p == '\n';
        assert_int_equal(lines, level + 1);
        assert_true(kb_log_enabled((enum kb_log_level)level));
    }
    kb_log_setup(KB_LOG_INFO, KB_LOG_TEXT);
}

static void test_a_json_object(void **state)
{
    (void)state;
    char out[4096];
    capture_begin();
    kb_log_setup(KB_LOG_INFO, KB_LOG_JSON);
    kb_log_error("config", "say \"%s\" \\ \x01\xff", "hi");
    capture_end(out, sizeof(out));
    kb_log_setup(KB_LOG_INFO, KB_LOG_TEXT);
    static const char head[] = "{\"ts\":\"";
    assert_memory_equal(out, head, strlen(head));
    assert_string_equal(out + strlen(head) + 24,
        "\",\"level\":\"error\",\"group\":\"config\",\"msg\":\"say \\\"hi\\\" \\\\ ??\"}\n");
}

/* The longest line there can be: cut, ended, whole. */
static void test_overlong_text_is_cut(void **state)
{
    (void)state;
    char quotes[5000], out[10000];
    memset(quotes, '"', sizeof(quotes));
    quotes[sizeof(quotes) - 1] = '\0';
    for (int format = KB_LOG_TEXT; format <= KB_LOG_JSON; format++) {
        capture_begin();
        kb_log_setup(KB_LOG_INFO, (enum kb_log_format)format);
        kb_log_info(quotes, "%s", quotes); /* a group should not be that long either */
        size_t len = capture_end(out, sizeof(out));
        assert_in_range(len, 1900, 4096);
        assert_int_equal(out[len - 1], '\n');
    }
    kb_log_setup(KB_LOG_INFO, KB_LOG_TEXT);
}

static void *log_lines(void *arg)
{
    for (int i = 0; i < 100; i++)
        kb_log_info("thread", "%s", (const char *)arg);
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    static char out[65536];
    static char texts[][40] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    pthread_t threads[2];
    capture_begin();
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, texts[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    capture_end(out, sizeof(out));
    int lines = 0;
    for (char *line = out, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        const char *text = strstr(line, "thread: ");
        assert_non_null(text);
        text += strlen("thread: ");
        assert_true(strcmp(text, texts[0]) == 0 || strcmp(text, texts[1]) == 0);
        lines++;
    }
    assert_int_equal(lines, 200);
}

static void test_repeats_are_counted(void **state)
{
    (void)state;
    struct kb_log_repeat repeat = {0};
    uint64_t suppressed = 99;
    assert_true(kb_log_repeat(&repeat, 0, &suppressed)); /* the first at once, also at time 0 */
    assert_int_equal(suppressed, 0);
    for (int64_t now = 1; now < 10000; now += 1000)
        assert_false(kb_log_repeat(&repeat, now, &suppressed));
    assert_true(kb_log_repeat(&repeat, 10000, &suppressed));
    assert_int_equal(suppressed, 10);
    assert_true(kb_log_repeat(&repeat, 99999, &suppressed));
    assert_int_equal(suppressed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_of_text),
        cmocka_unit_test(test_a_line_that_cannot_be_written),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_a_json_object),
        cmocka_unit_test(test_overlong_text_is_cut),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
        cmocka_unit_test(test_repeats_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
