/* The block admin: when there is a server at all, and that its token is never shown. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WHOLE                                                                  \
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n" \
    "ably { key = 'app.id:secret' }\n"                                         \
    "topic 'a' { channel = 'x' }\n"

static struct kb_config *load(const char *block, struct kb_problems *problems)
{
    char text[1000];
    snprintf(text, sizeof(text), WHOLE "%s", block);
    kb_problems_init(problems);
    struct kb_config *config = kb_config_load_text("a.lua", kb_slice_of(text), problems);
    kb_problems_print(problems, stderr);
    assert_non_null(config);
    return config;
}

static void without_the_block_there_is_no_server(void **state)
{
    (void)state;
    struct kb_problems problems;
    struct kb_config *config = load("", &problems);
    assert_null(config->admin.listen);
    assert_null(config->admin.token);
    kb_config_unref(config);
    kb_problems_deinit(&problems);
}

static void an_empty_block_listens_on_this_machine(void **state)
{
    (void)state;
    struct kb_problems problems;
    struct kb_config *config = load("admin {}", &problems);
    assert_string_equal(config->admin.listen, "127.0.0.1:8088");
    assert_null(config->admin.token);
    kb_config_unref(config);
    kb_problems_deinit(&problems);
}

static void the_token_is_not_printed(void **state)
{
    (void)state;
    struct kb_problems problems;
    struct kb_config *config =
        load("admin { listen = '[::]:9', token = 'correct-horse-battery' }", &problems);
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    kb_config_print(config, to);
    fclose(to);
    assert_string_equal(config->admin.token, "correct-horse-battery");
    assert_non_null(strstr(text, "listen = \"[::]:9\""));
    assert_non_null(strstr(text, "token = \"***\""));
    assert_null(strstr(text, "horse"));
    assert_int_equal(problems.count, 0);
    free(text);
    kb_config_unref(config);
    kb_problems_deinit(&problems);
}

static void a_short_token_is_warned_of(void **state)
{
    (void)state;
    struct kb_problems problems;
    struct kb_config *config = load("admin { token = 'tiny' }", &problems);
    assert_int_equal(problems.count, 1);
    assert_true(problems.list[0].warning);
    assert_non_null(strstr(problems.list[0].text, "a.lua:4: admin: token: has only 4"));
    assert_null(strstr(problems.list[0].text, "tiny"));
    kb_config_unref(config);
    kb_problems_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_block_there_is_no_server),
        cmocka_unit_test(an_empty_block_listens_on_this_machine),
        cmocka_unit_test(the_token_is_not_printed),
        cmocka_unit_test(a_short_token_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
