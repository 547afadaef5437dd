/* The history and the log of deliveries, each against a plain list, with both bounds met again and
 * again. */
#include "sandbox/deliveries.h"
#include "sandbox/store.h"

#include "support/prop.h"

struct kept {
    size_t channel, len;
    uint64_t seq;
    bool gone;
};

#define STEPS 4000
#define CHANNELS 600 /* more than the first buckets */
#define PER_CHANNEL 5
#define BYTES ((size_t)80 << 10)

static struct kb_slice channel_name(size_t channel, char text[32])
{
    return (struct kb_slice){text, (size_t)snprintf(text, 32, "channel-%zu", channel)};
}

static void add(struct kb_store *store, struct kb_slice channel, struct kb_slice json, uint64_t seq)
{
    const struct kb_local_message msg = {channel, json, json.len, seq, 0};

    kb_store_add(store, &msg);
}

/* The model: a channel over its number loses its oldest, then everything over the bytes does. */
static void keep_bounds(struct kept *kept, size_t n)
{
    size_t bytes = 0, of_channel = 0;

    for (size_t i = n; i-- > 0;) {
        if (kept[i].gone)
            continue;
        if (kept[i].channel == kept[n - 1].channel && ++of_channel > PER_CHANNEL)
            kept[i].gone = true;
        else
            bytes += sizeof(struct kb_stored) + kept[i].len;
    }
    for (size_t i = 0; bytes > BYTES; i++) {
        bytes -= kept[i].gone ? 0 : sizeof(struct kb_stored) + kept[i].len;
        kept[i].gone = true;
    }
}

static void check_channel(
    const struct kb_store *store, const struct kept *kept, size_t n, size_t channel)
{
    char text[32];
    const struct kb_stored *up = kb_store_oldest(store, channel_name(channel, text));
    const struct kb_stored *down = kb_store_newest(store, channel_name(channel, text));

    for (size_t i = 0; i < n; i++) {
        if (kept[i].gone || kept[i].channel != channel)
            continue;
        assert_non_null(up);
        assert_int_equal(up->seq, kept[i].seq);
        assert_int_equal(up->len, kept[i].len);
        up = up->newer;
    }
    assert_null(up);
    for (size_t i = n; i-- > 0;) {
        if (kept[i].gone || kept[i].channel != channel)
            continue;
        assert_non_null(down);
        assert_int_equal(down->seq, kept[i].seq);
        down = down->older;
    }
    assert_null(down);
}

static void test_store_against_a_list(void **state)
{
    static char json[2000];
    struct kept *kept = calloc(STEPS, sizeof(*kept));
    char text[32];

    (void)state;
    prop_seed();
    assert_non_null(kept);
    memset(json, 'j', sizeof(json));
    struct kb_store *store = kb_store_new(PER_CHANNEL, BYTES);
    for (size_t n = 1; n <= STEPS; n++) {
        size_t wide = n % 1000 < 500 ? CHANNELS : 10, left = 0;
        kept[n - 1] =
            (struct kept){prop_below(wide), prop_below(2) ? prop_below(sizeof(json)) : 9, n, false};
        add(store, channel_name(kept[n - 1].channel, text),
            (struct kb_slice){json, kept[n - 1].len}, n);
        keep_bounds(kept, n);
        check_channel(store, kept, n, kept[n - 1].channel);
        check_channel(store, kept, n, prop_below(CHANNELS));
        for (size_t i = 0; i < n; i++)
            left += !kept[i].gone;
        assert_int_equal(kb_store_messages(store), left);
        assert_true(kb_store_bytes(store) <= BYTES);
        assert_true(kb_store_channels(store) <= left);
    }
    kb_store_clear(store);
    assert_int_equal(
        kb_store_channels(store) + kb_store_messages(store) + kb_store_bytes(store), 0);
    add(store, KB_S("again"), KB_S("{}"), 1);
    assert_int_equal(kb_store_channels(store), 1);
    kb_store_free(store);
    kb_store_free(NULL);
    free(kept);
}

static void test_store_of_nothing(void **state)
{
    (void)state;
    struct kb_store *store = kb_store_new(0, BYTES);
    assert_false(kb_store_keeps(store));
    add(store, KB_S("c"), KB_S("{}"), 1);
    assert_null(kb_store_newest(store, KB_S("c")));
    kb_store_free(store);
}

/* One message larger than the whole bound is not kept, and takes the others with it. */
static void test_store_message_above_the_bound(void **state)
{
    static char json[1000];

    (void)state;
    struct kb_store *store = kb_store_new(5, 500);
    add(store, KB_S("a"), KB_S("{}"), 1);
    add(store, KB_S("b"), (struct kb_slice){json, sizeof(json)}, 2);
    assert_int_equal(kb_store_messages(store), 0);
    kb_store_free(store);
}

static void add_delivery(struct kb_deliveries *log, uint64_t seq, size_t id_len, const char *id)
{
    char channel[32];

    kb_deliveries_add(log, &(struct kb_delivery){seq, seq / 3, seq % 7 == 0,
                               channel_name(seq % 11, channel), {id, id_len}});
}

/* Reads on from `last`; returns how many came, each one right and in order. */
static size_t read_on(
    const struct kb_deliveries *log, struct kb_delivery_cursor *cursor, uint64_t *last)
{
    struct kb_delivery delivery;
    char channel[32];
    size_t n = 0;

    for (; kb_deliveries_next(log, cursor, &delivery); n++) {
        assert_true(delivery.seq > *last);
        *last = delivery.seq;
        assert_int_equal(delivery.request, delivery.seq / 3);
        assert_int_equal(delivery.duplicate, delivery.seq % 7 == 0);
        assert_slice(delivery.channel, channel_name(delivery.seq % 11, channel));
        assert_int_equal(delivery.id.len, delivery.seq % 1000);
        assert_true(delivery.id.len == 0 || delivery.id.ptr[0] == 'i');
    }
    return n;
}

static void test_deliveries(void **state)
{
    struct kb_delivery_cursor live = {0}, late = {0};
    uint64_t last_live = 0, last_late = 0, seq = 0;
    static char id[1000];
    size_t read = 0, left;

    (void)state;
    prop_seed();
    memset(id, 'i', sizeof(id));
    struct kb_deliveries *log = kb_deliveries_new(8 << 20);
    assert_int_equal(read_on(log, &live, &last_live), 0);
    while (seq < 60000) { /* some 32 MB, so the log drops */
        for (size_t n = prop_below(200); n > 0; n--) {
            seq++;
            add_delivery(log, seq, seq % 1000, id);
        }
        read += read_on(log, &live, &last_live);
        assert_int_equal(last_live, seq);
    }
    assert_int_equal(read, seq); /* who reads along misses nothing */
    assert_true(kb_deliveries_dropped(log) > 1000);
    left = read_on(log, &late, &last_late);
    assert_int_equal(last_late, seq);
    assert_int_equal(left + kb_deliveries_dropped(log), seq);
    assert_true(left > 10000); /* 8 MB of them at least */

    kb_deliveries_clear(log);
    assert_int_equal(kb_deliveries_dropped(log), 0);
    assert_int_equal(read_on(log, &late, &last_late), 0);
    seq++;
    add_delivery(log, seq, seq % 1000, id);
    assert_int_equal(read_on(log, &late, &last_late), 1);
    kb_deliveries_free(log);
    kb_deliveries_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_against_a_list),
        cmocka_unit_test(test_store_of_nothing),
        cmocka_unit_test(test_store_message_above_the_bound),
        cmocka_unit_test(test_deliveries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
