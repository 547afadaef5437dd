/* Every status from 100 to 599 alone, and every code of the table, at both levels. */
#include "ably/classify.h"

#include "base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(int status, int code, enum kb_level level, enum kb_ably_class class)
{
    enum kb_ably_class got = kb_classify(status, code, level);
    if (got != class)
        fail_msg("HTTP %d, code %d, %s: expected %s, got %s", status, code,
            level == KB_LEVEL_SPEC ? "spec" : "request", kb_ably_class_name(class),
            kb_ably_class_name(got));
}

/* A status with no code, as the rules say it, in another way than the table. */
static enum kb_ably_class status_class(int status, enum kb_level level)
{
    bool spec = level == KB_LEVEL_SPEC;
    switch (status) {
    case 401:
    case 403:
        return KB_ABLY_CREDENTIALS;
    case 407:
        return KB_ABLY_PROXY;
    case 404:
        return spec ? KB_ABLY_PERMANENT : KB_ABLY_CREDENTIALS;
    case 413:
        return spec ? KB_ABLY_PERMANENT : KB_ABLY_REQUEST_BUG;
    case 408:
    case 421:
    case 425:
        return KB_ABLY_TRANSIENT;
    case 429:
        return KB_ABLY_RATE;
    default:
        break;
    }
    if (status >= 500)
        return KB_ABLY_TRANSIENT;
    if (status >= 400)
        return spec ? KB_ABLY_REQUEST_BUG : KB_ABLY_FOREIGN;
    return status >= 200 && status < 300 && !spec ? KB_ABLY_OK : KB_ABLY_FOREIGN;
}

static void test_every_status_without_a_code(void **state)
{
    (void)state;
    for (int status = 100; status <= 599; status++) {
        expect(status, 0, KB_LEVEL_REQUEST, status_class(status, KB_LEVEL_REQUEST));
        expect(status, 0, KB_LEVEL_SPEC, status_class(status, KB_LEVEL_SPEC));
    }
    expect(0, 0, KB_LEVEL_REQUEST, KB_ABLY_TRANSIENT); /* no answer */
    expect(0, 0, KB_LEVEL_SPEC, KB_ABLY_FOREIGN);
    expect(600, 0, KB_LEVEL_REQUEST, KB_ABLY_FOREIGN);
}

/* Only one status alone is ever held against what was sent: anybody in between can answer the
 * others. */
static void test_no_status_alone_blames_a_record_but_413(void **state)
{
    (void)state;
    for (int status = 100; status <= 599; status++)
        assert_int_equal(
            kb_ably_class_refuses(kb_classify(status, 0, KB_LEVEL_REQUEST)), status == 413);
}

static void test_every_code_of_the_facts(void **state)
{
    (void)state;
    static const struct {
        enum kb_ably_class class;
        int codes[40];
    } rows[] = {
        {KB_ABLY_TOKEN, {40140, 40141, 40142, 40143, 40144, 40145, 40149}},
        {KB_ABLY_CREDENTIALS,
            {40100, 40101, 40103, 40005, 40102, 40106, 40110, 40113, 40120, 40130, 40131, 40132,
                40171, 40111, 40112, 40114, 40115, 40300, 40310, 40170}},
        {KB_ABLY_RATE, {42910, 42911, 42912, 42915, 42916, 42917, 42918, 42920, 42921, 42922, 42924,
                           42925, 90021}},
        {KB_ABLY_RATE_CHANNEL, {42913, 42914}},
        {KB_ABLY_TRANSIENT, {50000, 50001, 50002, 50003, 50004, 50005, 50006, 50010, 50200, 50320,
                                50330, 50410, 40014}},
        {KB_ABLY_PERMANENT, {40009, 40010, 40012, 40013, 40016, 40030, 40031, 40032, 40034, 42210,
                                42211, 42212, 42213}},
        {KB_ABLY_REQUEST_BUG, {40000, 40001, 40002, 40003, 40004, 40008, 40017, 40020, 40099}},
    };
    /* The code decides, whatever status stands beside it. */
    static const int statuses[] = {0, 200, 400, 401, 404, 413, 429, 500, 503};
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        for (const int *code = rows[i].codes; *code; code++) {
            for (size_t k = 0; k < KB_COUNT(statuses); k++) {
                expect(statuses[k], *code, KB_LEVEL_REQUEST, rows[i].class);
                expect(statuses[k], *code, KB_LEVEL_SPEC, rows[i].class);
            }
        }
    }
}

/* ---- the tables themselves, row by row ---- */

struct row {
    int first, last;
    enum kb_ably_class at_request, at_spec;
};

#define X(first, last, at_request, at_spec) {first, last, KB_ABLY_##at_request, KB_ABLY_##at_spec},
static const struct row codes[] = {KB_ABLY_CODES(X)};
static const struct row statuses[] = {KB_ABLY_STATUSES(X)};
#undef X

/* The row that has the number to itself or stands before the others that hold it; counts its part.
 */
static bool row_of(const struct row *rows, size_t n, int number, size_t *out)
{
    for (*out = 0; *out < n; (*out)++)
        if (number >= rows[*out].first && number <= rows[*out].last)
            return true;
    return false;
}

static void test_every_code_of_the_table_at_every_status(void **state)
{
    (void)state;
    size_t met[KB_COUNT(codes)] = {0}, row;
    for (int code = 1; code <= 99999; code++) {
        if (!row_of(codes, KB_COUNT(codes), code, &row))
            continue;
        met[row]++;
        for (int status = 100; status <= 599; status += code >= 50000 ? 7 : 1) {
            expect(status, code, KB_LEVEL_REQUEST, codes[row].at_request);
            expect(status, code, KB_LEVEL_SPEC, codes[row].at_spec);
        }
    }
    for (row = 0; row < KB_COUNT(codes); row++)
        assert_true(met[row] > 0); /* a row behind a wider one says nothing */
}

static void test_every_status_of_the_table(void **state)
{
    (void)state;
    size_t met[KB_COUNT(statuses)] = {0}, row;
    for (int status = 100; status <= 599; status++) {
        if (!row_of(statuses, KB_COUNT(statuses), status, &row)) {
            expect(status, 0, KB_LEVEL_REQUEST, KB_ABLY_FOREIGN);
            expect(status, 77777, KB_LEVEL_SPEC, KB_ABLY_FOREIGN);
            continue;
        }
        met[row]++;
        expect(status, 0, KB_LEVEL_REQUEST, statuses[row].at_request);
        expect(status, 0, KB_LEVEL_SPEC, statuses[row].at_spec);
        expect(status, 77777, KB_LEVEL_SPEC, statuses[row].at_spec);
        bool foreign = statuses[row].at_request == KB_ABLY_FOREIGN;
        expect(status, 77777, KB_LEVEL_REQUEST,
            foreign ? statuses[row].at_spec : statuses[row].at_request);
    }
    for (row = 0; row < KB_COUNT(statuses); row++)
        assert_true(met[row] > 0);
}

/* One outcome each: an outage is nobody's refusal, and only what was accepted is published. */
static void test_a_class_is_one_outcome(void **state)
{
    (void)state;
    for (int status = 100; status <= 599; status++)
        for (size_t row = 0; row < KB_COUNT(codes); row++)
            assert_int_not_equal(
                kb_classify(status, codes[row].first, KB_LEVEL_REQUEST), KB_ABLY_OK);
}

static void test_where_it_stands_matters_for_two(void **state)
{
    (void)state;
    expect(401, 40160, KB_LEVEL_SPEC, KB_ABLY_DENIED);
    expect(401, 40160, KB_LEVEL_REQUEST, KB_ABLY_CREDENTIALS);
    expect(404, 40400, KB_LEVEL_SPEC, KB_ABLY_PERMANENT);
    expect(404, 40400, KB_LEVEL_REQUEST, KB_ABLY_CREDENTIALS);
}

static void test_an_unknown_code_leaves_it_to_the_status(void **state)
{
    (void)state;
    static const int unknown[] = {1, 39999, 41000, 77777, 99999};
    for (size_t i = 0; i < KB_COUNT(unknown); i++) {
        expect(400, unknown[i], KB_LEVEL_REQUEST, KB_ABLY_REQUEST_BUG); /* Ably has spoken */
        expect(400, unknown[i], KB_LEVEL_SPEC, KB_ABLY_REQUEST_BUG);
        expect(401, unknown[i], KB_LEVEL_REQUEST, KB_ABLY_CREDENTIALS);
        expect(429, unknown[i], KB_LEVEL_SPEC, KB_ABLY_RATE);
        expect(503, unknown[i], KB_LEVEL_REQUEST, KB_ABLY_TRANSIENT);
        expect(0, unknown[i], KB_LEVEL_SPEC, KB_ABLY_FOREIGN);
    }
}

static void test_what_refuses(void **state)
{
    (void)state;
    for (int class = 0; class < KB_ABLY_CLASS_COUNT; class ++) {
        assert_int_equal(kb_ably_class_refuses((enum kb_ably_class) class),
            class == KB_ABLY_DENIED || class == KB_ABLY_PERMANENT || class == KB_ABLY_REQUEST_BUG);
        assert_true(strlen(kb_ably_class_name((enum kb_ably_class) class)) > 0);
        assert_true(strlen(kb_ably_class_help((enum kb_ably_class) class)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_without_a_code),
        cmocka_unit_test(test_no_status_alone_blames_a_record_but_413),
        cmocka_unit_test(test_every_code_of_the_facts),
        cmocka_unit_test(test_every_code_of_the_table_at_every_status),
        cmocka_unit_test(test_every_status_of_the_table),
        cmocka_unit_test(test_a_class_is_one_outcome),
        cmocka_unit_test(test_where_it_stands_matters_for_two),
        cmocka_unit_test(test_an_unknown_code_leaves_it_to_the_status),
        cmocka_unit_test(test_what_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
