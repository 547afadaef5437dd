/* The demo's books notice each thing that may be wrong: a demo that succeeds must mean something.
 */
#include "demo/ledger.h"

#include "base/hash.h"
#include "route/route.h"
#include "support/prop.h"

enum { RECORDS = 200, TIMESTAMP = 1700000000 };

#define CLUSTER "mock"

static struct kb_ledger *ledger;

/* Partition 1 for all: the books don't ask how it was chosen. */
static void send_all(void)
{
    ledger = kb_ledger_new(RECORDS, KB_S(CLUSTER));
    assert_non_null(ledger);
    for (size_t i = 0; i < RECORDS; i++)
        assert_int_equal(kb_ledger_send(ledger, 1, TIMESTAMP + (int64_t)i, (int64_t)i * 10), i);
    assert_int_equal(kb_ledger_room(ledger), 0);
}

static void id_of(size_t number, int64_t timestamp, struct kb_buf *out)
{
    const struct kb_ledger_entry *entry = kb_ledger_entry(ledger, number);
    struct kb_record rec = {
        .topic = kb_slice_of(kb_sample_topics[number % KB_SAMPLE_TOPIC_COUNT].name),
        .partition = entry->partition,
        .offset = entry->offset,
        .timestamp = timestamp};
    kb_buf_reset(out);
    kb_message_id(out, &rec, 0, kb_hash64_stable(KB_S(CLUSTER)));
}

struct twist {
    size_t channel_by; /* added to the channel's index */
    const char *data;  /* instead of the record's own */
};

static enum kb_arrival arrive(size_t number, struct twist twist)
{
    struct kb_sample sample;
    struct kb_buf id;
    size_t got = SIZE_MAX;
    kb_sample_make((uint32_t)number, &sample);
    kb_buf_init(&id, 200);
    id_of(number, TIMESTAMP + (int64_t)number, &id);
    enum kb_arrival arrival =
        kb_ledger_arrive(ledger, (sample.channel + twist.channel_by) % kb_n_sample_channels,
            kb_buf_slice(&id), twist.data ? kb_slice_of(twist.data) : kb_sample_value(&sample),
            (int64_t)number * 10 + 7, &got);
    kb_buf_deinit(&id);
    assert_int_equal(got, number);
    return arrival;
}

static void bury(size_t number)
{
    size_t got;
    assert_true(kb_ledger_dead_letter(ledger,
        kb_slice_of(kb_sample_topics[number % KB_SAMPLE_TOPIC_COUNT].name), 1,
        kb_ledger_entry(ledger, number)->offset, &got));
    assert_int_equal(got, number);
}

/* All as it should be, from record `first` on. */
static void arrive_all(size_t first)
{
    for (size_t i = first; i < RECORDS; i++) {
        if (i == KB_SAMPLE_POISON)
            bury(i);
        else
            assert_int_equal(arrive(i, (struct twist){0}), KB_ARRIVAL_GOOD);
    }
}

static struct kb_ledger_report end(void)
{
    struct kb_ledger_report report;
    kb_ledger_report(ledger, &report);
    assert_int_equal(report.missing, RECORDS - kb_ledger_settled_count(ledger));
    kb_ledger_free(ledger);
    return report;
}

static void test_all_good(void **state)
{
    (void)state;
    send_all();
    arrive_all(0);
    assert_true(kb_ledger_settled(ledger, RECORDS - 1));
    assert_int_equal(kb_ledger_entry(ledger, 9)->arrived_us, 97);
    struct kb_ledger_report report = end();
    assert_true(report.good);
    assert_int_equal(report.all.sent, RECORDS);
    assert_int_equal(report.all.arrived, RECORDS - 1);
    assert_int_equal(report.all.dead, 1);
    assert_int_equal(report.topics[KB_SAMPLE_ORDERS].dead, 1);
    assert_int_equal(report.topics[KB_SAMPLE_CHAT].arrived, report.topics[KB_SAMPLE_CHAT].sent);
}

static void test_missing(void **state)
{
    (void)state;
    send_all();
    assert_false(kb_ledger_settled(ledger, 0));
    arrive_all(1);
    struct kb_ledger_report report = end();
    assert_false(report.good);
    assert_int_equal(report.missing, 1);
    assert_int_equal(report.wrong, 0);
}

static void test_twice(void **state)
{
    (void)state;
    send_all();
    arrive_all(0);
    assert_int_equal(arrive(150, (struct twist){0}), KB_ARRIVAL_AGAIN);
    struct kb_ledger_report report = end();
    assert_false(report.good);
    assert_int_equal(report.arrivals[KB_ARRIVAL_AGAIN], 1);
    assert_int_equal(report.missing, 0);
}

/* 0 and 3 are orders of one user. */
static void test_out_of_order(void **state)
{
    (void)state;
    send_all();
    assert_int_equal(arrive(3, (struct twist){0}), KB_ARRIVAL_GOOD);
    assert_int_equal(arrive(0, (struct twist){0}), KB_ARRIVAL_DISORDER);
    struct kb_ledger_report report = end();
    assert_int_equal(report.wrong, 1);
    assert_int_equal(report.arrivals[KB_ARRIVAL_DISORDER], 1);
}

static void test_at_another_channel(void **state)
{
    (void)state;
    send_all();
    assert_int_equal(arrive(0, (struct twist){.channel_by = 1}), KB_ARRIVAL_ELSEWHERE);
    arrive_all(1);
    struct kb_ledger_report report = end();
    assert_false(report.good);
    assert_int_equal(report.arrivals[KB_ARRIVAL_ELSEWHERE], 1);
}

static void test_changed(void **state)
{
    (void)state;
    send_all();
    assert_int_equal(arrive(0, (struct twist){.data = "{}"}), KB_ARRIVAL_CHANGED);
    arrive_all(1);
    struct kb_ledger_report report = end();
    assert_false(report.good);
    assert_int_equal(report.arrivals[KB_ARRIVAL_CHANGED], 1);
}

static void test_wrong_fates(void **state)
{
    (void)state;
    send_all();
    bury(0);
    arrive(KB_SAMPLE_POISON, (struct twist){0});
    kb_ledger_skip(ledger, 1);
    struct kb_ledger_report report = end();
    assert_int_equal(report.wrong_fate, 3);
    assert_false(report.good);
}

static void test_buried_twice(void **state)
{
    (void)state;
    send_all();
    arrive_all(0);
    bury(KB_SAMPLE_POISON);
    struct kb_ledger_report report = end();
    assert_int_equal(report.repeated_death, 1);
    assert_false(report.good);
}

static void test_the_poison_may_be_skipped(void **state)
{
    (void)state;
    send_all();
    for (size_t i = 0; i < RECORDS; i++)
        if (i != KB_SAMPLE_POISON)
            arrive(i, (struct twist){0});
    kb_ledger_skip(ledger, KB_SAMPLE_POISON);
    struct kb_ledger_report report = end();
    assert_true(report.good);
    assert_int_equal(report.all.skipped, 1);
}

/* On a real account others may use the channels, and an earlier run's ids differ by the timestamp
 * alone. */
static void test_strangers(void **state)
{
    (void)state;
    send_all();
    struct kb_buf old;
    kb_buf_init(&old, 200);
    id_of(0, TIMESTAMP - 1, &old);
    const struct kb_slice ids[] = {kb_buf_slice(&old), KB_S("orders/1/0"), KB_S("orders/1/0/"),
        KB_S("orders/1/99999999999999999999/x:0"), KB_S("orders/3/0/AAAAAAAAAAA:0"),
        KB_S("orders/9/0/AAAAAAAAAAA:0"), KB_S("orders/-1/0/AAAAAAAAAAA:0"),
        KB_S("elsewhere/1/0/AAAAAAAAAAA:0"), KB_S("orders"), KB_S(""), {NULL, 0}};
    for (size_t i = 0; i < KB_COUNT(ids); i++) {
        size_t number;
        if (kb_ledger_arrive(ledger, 0, ids[i], KB_S("x"), 0, &number) != KB_ARRIVAL_STRANGER)
            fail_msg("\"" KB_FMT "\" is taken for a record of ours", KB_ARG(ids[i]));
    }
    kb_buf_deinit(&old);
    size_t number;
    assert_false(kb_ledger_dead_letter(ledger, KB_S("orders"), 1, RECORDS, &number));
    assert_false(kb_ledger_dead_letter(ledger, KB_S("orders"), -1, 0, &number));
    assert_false(kb_ledger_dead_letter(ledger, KB_S("elsewhere"), 1, 0, &number));
    assert_int_equal(kb_ledger_settled_count(ledger), 0);
    arrive_all(0);
    struct kb_ledger_report report = end();
    assert_true(report.good);
    assert_int_equal(report.arrivals[KB_ARRIVAL_STRANGER], KB_COUNT(ids));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_good),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_at_another_channel),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_wrong_fates),
        cmocka_unit_test(test_buried_twice),
        cmocka_unit_test(test_the_poison_may_be_skipped),
        cmocka_unit_test(test_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
