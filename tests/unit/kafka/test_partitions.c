/* What a step back of a partition's offsets means: a record that librdkafka hands out again, or the
 * first one of another log. */
#include "kafka/partitions.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Records carry the time 1000 + offset, but for those of a second log. */
static struct kb_record_place old(int64_t offset)
{
    return (struct kb_record_place){offset, 1000 + offset};
}

static struct kb_record_place anew(int64_t offset)
{
    return (struct kb_record_place){offset, 5000 + offset};
}

static struct kb_partitions parts;

/* Each test has a partition as its *state. */
static int begin(void **state)
{
    kb_partitions_init(&parts);
    assert_true(kb_partitions_add(&parts, "orders", 0, 0));
    *state = kb_partitions_by_slot(&parts, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kb_partitions_deinit(&parts);
    return 0;
}

static int64_t time_ms = 1000;

static int64_t now_ms(struct kb_clock *clock)
{
    (void)clock;
    return time_ms;
}

static bool came(struct kb_partition *part, struct kb_record_place place)
{
    struct kb_clock clock = {now_ms, NULL};
    return kb_partition_came(part, place, &clock);
}

static void come(struct kb_partition *part, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++)
        assert_false(came(part, old(i)));
}

static void test_gaps_are_no_news(void **state)
{
    struct kb_partition *part = *state;
    come(part, 100, 110);
    come(part, 500, 510);
}

static void test_the_last_record_once_more(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    come(part, 9, 20);
}

static void test_a_seek_that_lands_late(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    kb_partition_sought(part, 10);
    come(part, 10, 250);
    come(part, 10, 300);
    assert_true(came(part, old(9))); /* it never led there */
}

/* The library's own pause (a rebalance begins) fell between taking record 9 off its queue and
 * noting that, so a resume goes on at 9; the worker's seek to 10 is carried out only after 9..14
 * have come. */
static void test_a_seek_behind_a_repeated_record(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    kb_partition_sought(part, 10);
    come(part, 9, 15);
    come(part, 10, 20);
}

/* A first seek, to 10, lands after 10..14 have come; the worker pauses before anything comes from
 * there again, so that the next resume and its seek, to 15, begin at 10 once more. */
static void test_two_seeks_that_land_late(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    kb_partition_sought(part, 10);
    come(part, 10, 15);
    kb_partition_sought(part, 15);
    come(part, 10, 18);
    come(part, 15, 20);
}

/* The first lands after records behind the place of the second have come. */
static void test_two_seeks_that_both_land_late(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    kb_partition_sought(part, 10);
    come(part, 10, 15);
    kb_partition_sought(part, 15);
    come(part, 15, 18);
    come(part, 10, 12);
    come(part, 15, 30);
    assert_true(came(part, old(11)));
}

/* Paused and resumed before anything came, the library may begin once more. */
static void test_the_assignment_begins_once_more(void **state)
{
    struct kb_partition *part = *state;
    kb_partition_paused(part);
    come(part, 7, 100);
    for (int64_t seek = 100; seek < 100 + 2 * KB_SEEKS_MAX; seek++) {
        kb_partition_sought(part, seek);
        come(part, seek, seek + 1);
    }
    come(part, 7, 200);
    assert_true(came(part, old(6)));
}

/* With no such pause it has no reason to: the log was cut back to there. */
static void test_the_first_record_once_more_is_a_new_log(void **state)
{
    struct kb_partition *part = *state;
    come(part, 7, 100);
    kb_partition_paused(part);
    assert_true(came(part, old(7)));
}

/* No seek takes so long: it is the log that was cut back to there. */
static void test_a_step_back_long_after_a_seek_is_none_of_its(void **state)
{
    struct kb_partition *part = *state;
    kb_partition_sought(part, 0);
    come(part, 0, 10);
    time_ms += 60000;
    come(part, 0, 10);
    time_ms += 1;
    assert_true(came(part, old(0)));
}

static void test_a_topic_made_again(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 200);
    assert_true(came(part, anew(0)));
    for (int64_t i = 1; i < 100; i++) /* told once */
        assert_false(came(part, anew(i)));
    assert_true(came(part, old(0)));
}

static void test_made_again_behind_a_seek(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    kb_partition_sought(part, 10);
    assert_true(came(part, anew(3)));
    assert_false(came(part, anew(4)));
    assert_false(came(part, anew(3))); /* the seek: out of range, and back once more */
    kb_partition_sought(part, 5);
    come(part, 10, 20);
    assert_true(came(part, anew(10)));
}

/* Logs of one record each: the offset alone would say that it is the last one once more. */
static void test_time_tells_records_of_one_offset_apart(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 1);
    come(part, 0, 1);
    assert_true(came(part, anew(0)));
    assert_false(came(part, anew(0)));
}

static void test_each_assignment_begins_anew(void **state)
{
    struct kb_partition *part = *state;
    come(part, 0, 10);
    kb_partitions_remove(&parts, part);
    assert_true(kb_partitions_add(&parts, "orders", 0, 0));
    assert_false(came(kb_partitions_by_slot(&parts, 0), anew(0)));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gaps_are_no_news),
        TEST(test_the_last_record_once_more),
        TEST(test_a_seek_that_lands_late),
        TEST(test_a_seek_behind_a_repeated_record),
        TEST(test_two_seeks_that_land_late),
        TEST(test_two_seeks_that_both_land_late),
        TEST(test_the_assignment_begins_once_more),
        TEST(test_the_first_record_once_more_is_a_new_log),
        TEST(test_a_step_back_long_after_a_seek_is_none_of_its),
        TEST(test_a_topic_made_again),
        TEST(test_made_again_behind_a_seek),
        TEST(test_time_tells_records_of_one_offset_apart),
        TEST(test_each_assignment_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
