/* "did you mean": near enough to help, never so far that it misleads. */
#include "base/compiler.h"
#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const known[] = {"topic", "key", "value", "header", "values", "", "tls"};

static void test_the_nearest_word_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *word, *meant;
    } rows[] = {
        {"topik", "topic"},
        {"TOPIC", "topic"},
        {"tpic", "topic"},
        {"ttopicc", "topic"},
        {"otpic", "topic"},
        {"valeus", "values"},
        {"value", "value"},
        {"headers", "header"},
        {"kez", "key"},
        {"kye", "key"},
        {"ekyy", "key"},
        {"ke", "key"},
        {"ssl", NULL}, /* three letters: one may be wrong, not two */
        {"k", NULL},
        {"", NULL},
        {"topology", NULL},
        {"xyzzy", NULL},
    };
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        const char *got = kb_suggest(kb_slice_of(rows[i].word), known, KB_COUNT(known));
        if (!rows[i].meant ? got != NULL : !got || strcmp(got, rows[i].meant) != 0)
            fail_msg("\"%s\": expected %s, got %s", rows[i].word,
                rows[i].meant ? rows[i].meant : "nothing", got ? got : "nothing");
    }
}

static void test_long_words_are_left_alone(void **state)
{
    (void)state;
    char word[66];
    memset(word, 'a', sizeof(word));
    char name[66] = "";
    memset(name, 'a', 64);
    const char *const names[] = {name};
    assert_ptr_equal(kb_suggest((struct kb_slice){word, 64}, names, 1), name);
    assert_null(kb_suggest((struct kb_slice){word, 65}, names, 1));
    memset(name, 'a', 65);
    assert_null(kb_suggest((struct kb_slice){word, 64}, names, 1));
    assert_null(kb_suggest(KB_S("topic"), NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nearest_word_is_found),
        cmocka_unit_test(test_long_words_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
