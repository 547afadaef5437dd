/* Lanes and packing: random traffic against a model that is too simple to be wrong, and the few
 * stories that must be seen one by one. */
#include "ably/lanes.h"

#include "base/hash.h"
#include "base/random.h"

#include "support/prop.h"

#include <math.h>

#define SPECS 4000
#define REQUESTS 12
#define CHANNELS 40

/* The model: what each spec is doing, and by channel the number of the last spec that was sent or
 * settled. */
enum state { NEW, WAITING, FLYING, DONE };

struct world {
    struct kb_random_seeded random;
    struct kb_lanes_options options;
    struct kb_slabs slabs;
    struct kb_lanes *lanes;
    struct kb_spec specs[SPECS];
    enum state state[SPECS];
    size_t added, done;
    int64_t now_ms;
    struct {
        struct kb_spec *specs[64];
        size_t n;
    } requests[REQUESTS];
    int64_t held_until[CHANNELS]; /* by the model: no spec may go before; INT64_MIN = no hold */
    bool solo[CHANNELS];
    double tokens[CHANNELS]; /* of a world with a rate for each channel */
    int64_t filled_ms;
    bool holds; /* does this world have any? */
};

static uint64_t below(struct world *w, uint64_t limit)
{
    return kb_random_below(&w->random.random, limit);
}

static size_t number_of(const struct world *w, const struct kb_spec *spec)
{
    return (size_t)(spec - w->specs);
}

static uint64_t hash_of(size_t channel)
{
    return kb_mix64(channel + 1);
}

static size_t channel_of(const struct kb_spec *spec)
{
    return (size_t)(uintptr_t)spec->owner;
}

static void world_init(struct world *w, uint64_t seed, bool ordered)
{
    memset(w, 0, sizeof(*w));
    kb_random_seed(&w->random, seed);
    w->options = (struct kb_lanes_options){.n_lanes = 1 + (uint32_t)below(w, 12),
        .ordered = ordered,
        .max_records = 1 + below(w, 60),
        .max_bytes = 20 + below(w, 600),
        .max_channels = 1 + below(w, 12),
        .channel_rate = (const double[]){0, 0, 1.5, 7, 100}[below(w, 5)]};
    w->holds = below(w, 3) > 0;
    kb_slabs_init(&w->slabs, 512);
    w->lanes = kb_lanes_new(&w->options, &w->slabs, NULL);
    assert_non_null(w->lanes);
    for (size_t i = 0; i < CHANNELS; i++)
        w->held_until[i] = INT64_MIN;
    for (size_t i = 0; i < CHANNELS; i++)
        w->tokens[i] = floor(w->options.channel_rate);
    kb_lanes_tick(w->lanes, 0);
}

static void world_free(struct world *w)
{
    for (size_t i = 0; i < w->added; i++)
        kb_slab_release(&w->slabs, &w->specs[i].json);
    kb_lanes_free(w->lanes);
    kb_slabs_deinit(&w->slabs);
}

static struct kb_spec *add(struct world *w, size_t channel, size_t len)
{
    static const char text[256] = {'x'};
    struct kb_spec *spec = &w->specs[w->added];
    assert_true(kb_slabs_put(&w->slabs, (struct kb_slice){text, len}, &spec->json));
    spec->channel = hash_of(channel);
    spec->owner = (void *)(uintptr_t)channel;
    spec->queued_ms = w->now_ms;
    w->state[w->added++] = WAITING;
    kb_lanes_add(w->lanes, spec);
    return spec;
}

static bool lane_shared(const struct world *w, const struct kb_spec *a, const struct kb_spec *b)
{
    return a->channel % w->options.n_lanes == b->channel % w->options.n_lanes;
}

/* What must be true of every request, whatever came before. */
static void check_request(struct world *w, size_t r, size_t bytes)
{
    struct kb_spec **specs = w->requests[r].specs;
    size_t n = w->requests[r].n, body = 1, channels = 0;
    assert_in_range(n, 1, w->options.max_records);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(w->state[number_of(w, specs[i])], FLYING);
        body += specs[i]->json.bytes.len + 1;
        if (specs[i]->company)
            assert_true(n <= specs[i]->company);
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            if (specs[j]->channel != specs[i]->channel)
                continue;
            seen = true;
            if (!w->options.ordered)
                continue;
            assert_true(number_of(w, specs[j]) < number_of(w, specs[i]));
            assert_false(w->solo[channel_of(specs[i])]); /* one of a held channel */
        }
        channels += !seen;
        assert_true(!w->options.ordered || w->held_until[channel_of(specs[i])] <= w->now_ms);
    }
    assert_int_equal(bytes, body);
    assert_true(n == 1 || body <= w->options.max_bytes);
    assert_true(channels <= w->options.max_channels);
}

static void fill_tokens(struct world *w)
{
    for (size_t i = 0; i < CHANNELS; i++)
        w->tokens[i] = fmin(floor(w->options.channel_rate),
            w->tokens[i] + (double)(w->now_ms - w->filled_ms) * w->options.channel_rate / 1000);
    w->filled_ms = w->now_ms;
}

/* No channel sends more than its rate. */
static void check_rates(struct world *w, size_t r)
{
    fill_tokens(w);
    for (size_t i = 0; w->options.channel_rate > 0 && i < w->requests[r].n; i++)
        assert_true(--w->tokens[channel_of(w->requests[r].specs[i])] > -1e-3);
}

/* Of a spec that goes out, no earlier one of its channel may still wait, and nothing of its lane
 * may fly elsewhere. */
static void check_order(struct world *w, size_t r)
{
    for (size_t i = 0; w->options.ordered && i < w->requests[r].n; i++) {
        struct kb_spec *spec = w->requests[r].specs[i];
        for (size_t j = 0; j < number_of(w, spec); j++)
            if (w->specs[j].channel == spec->channel)
                assert_int_not_equal(w->state[j], WAITING);
        for (size_t other = 0; other < REQUESTS; other++)
            for (size_t j = 0; other != r && j < w->requests[other].n; j++)
                assert_false(lane_shared(w, spec, w->requests[other].specs[j]));
    }
}

/* Where nothing was ever on hold a lane's specs stand in the order they came. */
static void check_oldest(const struct world *w)
{
    bool busy[16] = {false};
    int64_t oldest = INT64_MAX;
    if (w->holds || !w->options.ordered || w->options.channel_rate > 0)
        return;
    for (size_t r = 0; r < REQUESTS; r++)
        for (size_t i = 0; i < w->requests[r].n; i++)
            busy[w->requests[r].specs[i]->channel % w->options.n_lanes] = true;
    for (size_t i = 0; i < w->added; i++)
        if (w->state[i] == WAITING && !busy[w->specs[i].channel % w->options.n_lanes] &&
            w->specs[i].queued_ms < oldest)
            oldest = w->specs[i].queued_ms;
    assert_int_equal(kb_lanes_oldest_ms(w->lanes), oldest);
}

static void send_one(struct world *w)
{
    size_t r = 0, bytes;
    while (r < REQUESTS && w->requests[r].n)
        r++;
    if (r == REQUESTS)
        return;
    bool ready = kb_lanes_ready(w->lanes), full = kb_lanes_full(w->lanes);
    bool probe = below(w, 4) == 0;
    size_t n = probe ? kb_lanes_pack_probe(w->lanes, 1, w->requests[r].specs, &bytes)
                     : kb_lanes_pack(w->lanes, w->requests[r].specs, &bytes);
    assert_true(ready || n == 0);
    if (n == 0) /* what seemed ready is over its rate: asking again would be in vain */
        assert_false(kb_lanes_ready(w->lanes));
    assert_true(n > 0 || !ready || w->options.channel_rate > 0);
    assert_true(ready || !full);
    w->requests[r].n = n;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(w->state[number_of(w, w->requests[r].specs[i])], WAITING);
        w->state[number_of(w, w->requests[r].specs[i])] = FLYING;
    }
    if (n == 0)
        return;
    check_request(w, r, bytes);
    check_order(w, r);
    check_rates(w, r);
}

/* Answers: all fine, all again, all again in smaller company, or a part on hold with its
 * successors. */
static void end_one(struct world *w)
{
    size_t r = below(w, REQUESTS), n = w->requests[r].n;
    struct kb_spec **specs = w->requests[r].specs;
    bool again[64], hold[64];
    unsigned how = (unsigned)below(w, 8);
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        hold[i] = how == 1 && w->holds && below(w, 4) == 0;
        again[i] = hold[i] || how == 2 || how == 3;
        if (how == 3)
            specs[i]->company = (uint32_t)(n + 1) / 2;
        if (!again[i]) {
            kb_lanes_release(w->lanes, specs[i]->channel);
            w->held_until[channel_of(specs[i])] = INT64_MIN;
            w->solo[channel_of(specs[i])] = false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (hold[i]) {
            assert_true(kb_lanes_hold(w->lanes, specs[i]->channel, 50, below(w, 1000)));
            if (w->held_until[channel_of(specs[i])] <= w->now_ms)
                w->held_until[channel_of(specs[i])] = w->now_ms + 50; /* at least */
            w->solo[channel_of(specs[i])] = true;
        } else if (!again[i]) {
            bool overtook = false;
            for (size_t j = 0; j < i; j++)
                overtook |= hold[j] && specs[j]->channel == specs[i]->channel;
            bool told = kb_lanes_inverted(w->lanes, specs[i]->channel);
            assert_true(!told || overtook);
            assert_false(kb_lanes_inverted(w->lanes, specs[i]->channel) && told);
        }
    }
    for (size_t i = n; i-- > 0;) {
        w->state[number_of(w, specs[i])] = again[i] ? WAITING : DONE;
        w->done += !again[i];
        if (again[i])
            kb_lanes_put_back(w->lanes, specs[i]);
    }
    kb_lanes_land(w->lanes, specs, n);
    w->requests[r].n = 0;
}

static bool keep_odd(void *context, struct kb_spec *spec)
{
    return number_of(context, spec) % 16 != 0;
}

static void drop(void *context, struct kb_spec *spec)
{
    struct world *w = context;
    assert_int_equal(w->state[number_of(w, spec)], WAITING);
    w->state[number_of(w, spec)] = DONE;
    w->done++;
}

static void sweep(struct world *w)
{
    kb_lanes_sweep(w->lanes, keep_odd, drop, w);
    for (size_t i = 0; i < w->added; i += 16)
        assert_int_not_equal(w->state[i], WAITING);
    /* A hold whose whole queue was dropped is gone: the model forgets it too. */
    for (size_t c = 0; c < CHANNELS; c++) {
        bool waits = false;
        for (size_t i = 0; i < w->added; i++)
            waits |= channel_of(&w->specs[i]) == c && w->state[i] != DONE;
        if (!waits) {
            w->held_until[c] = INT64_MIN;
            w->solo[c] = false;
        }
    }
}

static void check_counts(const struct world *w)
{
    size_t waiting = 0;
    for (size_t i = 0; i < w->added; i++)
        waiting += w->state[i] == WAITING;
    assert_int_equal(kb_lanes_waiting(w->lanes), waiting);
}

static void run_world(uint64_t seed, bool ordered)
{
    static struct world w;
    world_init(&w, seed, ordered);
    size_t total = 50 + below(&w, SPECS / 4);
    size_t channels = 1 + below(&w, CHANNELS);
    for (size_t turn = 0; w.done < total; turn++) {
        if (turn > 400000)
            fail_msg("seed %llu: %zu of %zu specs never came out", (unsigned long long)seed,
                total - w.done, total);
        w.now_ms += (int64_t)below(&w, 30);
        kb_lanes_tick(w.lanes, w.now_ms);
        assert_true(kb_lanes_due_ms(w.lanes) > w.now_ms);
        for (uint64_t n = below(&w, 6); n > 0 && w.added < total; n--)
            add(&w, below(&w, channels), 1 + below(&w, 100));
        send_one(&w);
        if (below(&w, 2))
            end_one(&w);
        if (below(&w, 200) == 0)
            sweep(&w);
        check_counts(&w);
        check_oldest(&w);
    }
    assert_false(kb_lanes_ready(w.lanes));
    assert_int_equal(kb_lanes_due_ms(w.lanes), INT64_MAX); /* no hold outlives its specs */
    world_free(&w);
}

static void run_seeds(bool ordered)
{
    struct prop_seeds seeds = prop_seeds(1, 150);
    for (uint64_t seed; prop_next_seed(&seeds, &seed);)
        run_world(seed, ordered);
}

static void test_random_traffic_in_order(void **state)
{
    (void)state;
    run_seeds(true);
}

static void test_random_traffic_without_order(void **state)
{
    (void)state;
    run_seeds(false);
}

/* ---- one by one ---- */

static void story_init(struct world *w, uint32_t n_lanes)
{
    world_init(w, 1, true);
    kb_lanes_free(w->lanes);
    w->options = (struct kb_lanes_options){n_lanes, true, 10, 100, 5, 0};
    w->lanes = kb_lanes_new(&w->options, &w->slabs, NULL);
    assert_non_null(w->lanes);
    kb_lanes_tick(w->lanes, 0);
}

static void tick(struct world *w, int64_t now_ms)
{
    w->now_ms = now_ms;
    kb_lanes_tick(w->lanes, now_ms);
}

/* Packs a request and compares it with the expected specs, NULL at the end. Returns how many. */
static size_t expect(struct world *w, struct kb_spec **out, ...)
{
    va_list args;
    size_t bytes, n = kb_lanes_pack(w->lanes, out, &bytes);
    va_start(args, out);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(out[i], va_arg(args, struct kb_spec *));
    assert_null(va_arg(args, struct kb_spec *));
    va_end(args);
    return n;
}

static bool keep_none(void *context, struct kb_spec *spec)
{
    (void)context;
    (void)spec;
    return false;
}

static void story_end(struct world *w)
{
    for (size_t i = 0; i < w->added; i++)
        w->state[i] = WAITING;
    kb_lanes_sweep(w->lanes, keep_none, drop, w);
    world_free(w);
}

static struct world story;

static void test_a_lane_sends_again_only_when_its_request_has_ended(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *a = add(w, 1, 5), *b = add(w, 2, 5);
    size_t n = expect(w, out, a, b, NULL);
    struct kb_spec *c = add(w, 3, 5);
    assert_false(kb_lanes_ready(w->lanes));
    kb_lanes_put_back(w->lanes, b);
    kb_lanes_put_back(w->lanes, a);
    assert_false(kb_lanes_ready(w->lanes));
    kb_lanes_land(w->lanes, out, n);
    n = expect(w, out, a, b, c, NULL);
    kb_lanes_land(w->lanes, out, n);
    story_end(w);
}

static void test_the_longest_waiting_lane_goes_first(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 64);
    struct kb_spec *spec[5];
    for (size_t i = 0; i < 5; i++) {
        tick(w, (int64_t)(i * 7 % 5) * 10); /* 0, 20, 40, 10, 30 */
        spec[i] = add(w, i, 40);
    }
    assert_int_equal(kb_lanes_oldest_ms(w->lanes), 0);
    expect(w, out, spec[0], spec[3], NULL); /* two fill the 100 bytes */
    assert_int_equal(kb_lanes_oldest_ms(w->lanes), 20);
    expect(w, out, spec[1], spec[4], NULL);
    expect(w, out, spec[2], NULL);
    expect(w, out, NULL);
    assert_int_equal(kb_lanes_oldest_ms(w->lanes), INT64_MAX);
    story_end(w);
}

static void test_many_lanes_go_in_the_order_of_their_waiting(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 64);
    bool taken[64] = {false};
    size_t n = 0, bytes;
    for (size_t i = 0; i < 1000; i++) { /* one spec a lane, their times in disorder */
        if (taken[hash_of(i) % 64])
            continue;
        taken[hash_of(i) % 64] = true;
        tick(w, (int64_t)(i * 37 % 101));
        add(w, i, 99); /* as large as a request */
        n++;
    }
    assert_int_equal(n, 64);
    for (int64_t last = 0; n > 0; n--) {
        assert_int_equal(kb_lanes_pack(w->lanes, out, &bytes), 1);
        assert_true(out[0]->queued_ms >= last);
        last = out[0]->queued_ms;
    }
    story_end(w);
}

static void test_a_spec_larger_than_a_request_goes_alone(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *large = add(w, 1, 200), *small = add(w, 1, 5);
    size_t n = expect(w, out, large, NULL);
    kb_lanes_land(w->lanes, out, n);
    expect(w, out, small, NULL);
    story_end(w);
}

/* A rate-limited channel waits with its later specs; others of its lane go on; then one at a time;
 * a clean answer ends it. */
static void test_a_held_channel_waits_alone_and_comes_back_one_by_one(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *a1 = add(w, 1, 5), *b1 = add(w, 2, 5);
    size_t n = expect(w, out, a1, b1, NULL);
    struct kb_spec *a2 = add(w, 1, 5), *b2 = add(w, 2, 5);
    assert_true(kb_lanes_hold(w->lanes, a1->channel, 500, 0));
    kb_lanes_release(w->lanes, b1->channel);
    kb_lanes_put_back(w->lanes, a1);
    kb_lanes_land(w->lanes, out, n);
    assert_true(a1->moved && a2->moved && !b2->moved); /* out of the slab: they wait long */
    struct kb_spec *a3 = add(w, 1, 5);
    n = expect(w, out, b2, NULL);
    kb_lanes_land(w->lanes, out, n);
    assert_int_equal(kb_lanes_due_ms(w->lanes), 500);
    tick(w, 499);
    assert_false(kb_lanes_ready(w->lanes));
    tick(w, 500);
    n = expect(w, out, a1, NULL);    /* alone of its channel */
    kb_lanes_put_back(w->lanes, a1); /* an outage: nothing was learnt */
    kb_lanes_land(w->lanes, out, n);
    n = expect(w, out, a1, NULL);
    kb_lanes_release(w->lanes, a1->channel);
    kb_lanes_land(w->lanes, out, n);
    expect(w, out, a2, a3, NULL);
    story_end(w);
}

/* However its last spec ended: the channel is an ordinary one again. */
static void expect_ordinary(struct world *w, size_t channel)
{
    struct kb_spec *out[16];
    struct kb_spec *first = add(w, channel, 5), *second = add(w, channel, 5);
    expect(w, out, first, second, NULL);
    story_end(w);
}

static void test_a_hold_ends_with_its_last_spec(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *a = add(w, 1, 5);
    size_t n = expect(w, out, a, NULL);
    assert_true(kb_lanes_hold(w->lanes, a->channel, 500, 0));
    kb_lanes_land(w->lanes, out, n); /* not put back: nobody wants it any more */
    assert_int_equal(kb_lanes_due_ms(w->lanes), INT64_MAX);
    expect_ordinary(w, 1);

    story_init(w, 1);
    a = add(w, 1, 5);
    n = expect(w, out, a, NULL);
    assert_true(kb_lanes_hold(w->lanes, a->channel, 500, 0));
    kb_lanes_put_back(w->lanes, a);
    kb_lanes_land(w->lanes, out, n);
    w->state[0] = WAITING;
    kb_lanes_sweep(w->lanes, keep_none, drop, w);
    expect_ordinary(w, 1);
}

static void test_without_order_a_lane_flies_twice_but_a_held_channel_once(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    kb_lanes_free(w->lanes);
    w->options.ordered = false;
    w->lanes = kb_lanes_new(&w->options, &w->slabs, NULL);
    kb_lanes_tick(w->lanes, 0);
    struct kb_spec *a1 = add(w, 1, 5);
    expect(w, out, a1, NULL);
    struct kb_spec *a2 = add(w, 1, 5);
    expect(w, out, a2, NULL); /* at once */
    assert_true(kb_lanes_hold(w->lanes, a2->channel, 500, 0));
    kb_lanes_put_back(w->lanes, a2);
    kb_lanes_land(w->lanes, &a2, 1);
    struct kb_spec *a3 = add(w, 1, 5);
    tick(w, 500);
    expect(w, out, a2, NULL);
    assert_false(kb_lanes_ready(w->lanes));
    kb_lanes_release(w->lanes, a2->channel);
    kb_lanes_land(w->lanes, &a2, 1);
    expect(w, out, a3, NULL);
    story_end(w);
}

static void test_each_refusal_of_a_held_channel_waits_longer(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *a = add(w, 1, 5);
    int64_t waits[8];
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(expect(w, out, a, NULL), 1);
        assert_true(kb_lanes_hold(w->lanes, a->channel, 0, 0)); /* random 0: the shortest wait */
        assert_true(kb_lanes_hold(w->lanes, a->channel, 0, 0)); /* a second spec's: counts once */
        kb_lanes_put_back(w->lanes, a);
        kb_lanes_land(w->lanes, out, 1);
        waits[i] = kb_lanes_due_ms(w->lanes) - w->now_ms;
        tick(w, kb_lanes_due_ms(w->lanes));
    }
    static const int64_t expected[8] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(waits[i], expected[i]);
    story_end(w);
}

static void test_an_inversion_is_told_once(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *a1 = add(w, 1, 5), *a2 = add(w, 1, 5);
    size_t n = expect(w, out, a1, a2, NULL);
    assert_false(kb_lanes_inverted(w->lanes, a2->channel));
    assert_true(kb_lanes_hold(w->lanes, a1->channel, 0, 0));
    assert_true(kb_lanes_inverted(w->lanes, a2->channel));
    assert_false(kb_lanes_inverted(w->lanes, a2->channel));
    kb_lanes_put_back(w->lanes, a1);
    kb_lanes_land(w->lanes, out, n);
    story_end(w);
}

static void story_init_rated(struct world *w, double rate)
{
    story_init(w, 1);
    kb_lanes_free(w->lanes);
    w->options.channel_rate = rate;
    w->lanes = kb_lanes_new(&w->options, &w->slabs, NULL);
    kb_lanes_tick(w->lanes, 0);
}

/* The user's own rate: a burst, then a tenth of a second's worth at a time; the lane's others don't
 * notice. */
static void test_a_channel_is_held_to_the_rate_the_user_has_set(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init_rated(w, 2);
    struct kb_spec *a[5];
    for (size_t i = 0; i < 4; i++)
        a[i] = add(w, 1, 5);
    struct kb_spec *b = add(w, 2, 5);
    size_t n = expect(w, out, a[0], a[1], b, NULL);
    kb_lanes_release(w->lanes, a[0]->channel);
    kb_lanes_release(w->lanes, b->channel);
    kb_lanes_land(w->lanes, out, n);
    assert_false(kb_lanes_ready(w->lanes));
    assert_int_equal(kb_lanes_due_ms(w->lanes), 500);
    a[4] = add(w, 1, 5);
    tick(w, 500);
    n = expect(w, out, a[2], NULL);
    kb_lanes_put_back(w->lanes, a[2]); /* sending again counts, too */
    kb_lanes_land(w->lanes, out, n);
    assert_int_equal(kb_lanes_due_ms(w->lanes), 1000);
    tick(w, 10000);
    n = expect(w, out, a[2], a[3], NULL); /* no more than a burst, however long it was quiet */
    kb_lanes_land(w->lanes, out, n);
    tick(w, 10500);
    n = expect(w, out, a[4], NULL);
    kb_lanes_land(w->lanes, out, n);
    assert_int_equal(kb_lanes_due_ms(w->lanes), INT64_MAX);
    story_end(w);
}

/* Within its rate by the user's word, and refused all the same: one at a time until a clean answer,
 * which is no inversion. */
static void test_a_paced_channel_that_is_refused_waits_for_both(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init_rated(w, 4);
    struct kb_spec *a[8];
    for (size_t i = 0; i < 8; i++)
        a[i] = add(w, 1, 5);
    size_t n = expect(w, out, a[0], a[1], a[2], a[3], NULL);
    kb_lanes_release(w->lanes, a[0]->channel);
    assert_false(kb_lanes_inverted(w->lanes, a[0]->channel));
    assert_true(kb_lanes_hold(w->lanes, a[1]->channel, 800, 0));
    assert_true(kb_lanes_inverted(w->lanes, a[2]->channel));
    kb_lanes_put_back(w->lanes, a[1]);
    kb_lanes_land(w->lanes, out, n);
    assert_int_equal(kb_lanes_due_ms(w->lanes), 800);
    tick(w, 800);
    n = expect(w, out, a[1], NULL); /* three could go by now */
    kb_lanes_release(w->lanes, a[1]->channel);
    kb_lanes_land(w->lanes, out, n);
    n = expect(w, out, a[4], a[5], NULL);
    kb_lanes_land(w->lanes, out, n);
    story_end(w);
}

static void test_a_reload_changes_the_rate_of_who_waits_for_it(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init_rated(w, 0.1);
    struct kb_spec *a = add(w, 1, 5), *b = add(w, 1, 5), *c = add(w, 1, 5);
    size_t n = expect(w, out, a, NULL);
    kb_lanes_land(w->lanes, out, n);
    assert_int_equal(kb_lanes_due_ms(w->lanes), 10000);
    w->options.channel_rate = 0;
    kb_lanes_change(w->lanes, &w->options);
    n = expect(w, out, b, c, NULL);
    kb_lanes_land(w->lanes, out, n);
    assert_int_equal(kb_lanes_due_ms(w->lanes), INT64_MAX);
    story_end(w);
}

/* A refused request is halved until the one that is to blame rides alone. */
static void test_company_limits_a_request(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 1);
    struct kb_spec *a = add(w, 1, 5), *b = add(w, 1, 5), *c = add(w, 1, 5), *d = add(w, 1, 5);
    a->company = b->company = 2;
    d->company = 1;
    size_t n = expect(w, out, a, b, NULL);
    kb_lanes_land(w->lanes, out, n);
    n = expect(w, out, c, NULL);
    kb_lanes_land(w->lanes, out, n);
    expect(w, out, d, NULL);
    story_end(w);
}

/* One lane full of messages that are refused may not be all that is ever tried. */
static void test_probes_go_round_the_lanes(void **state)
{
    (void)state;
    struct world *w = &story;
    struct kb_spec *out[16];
    story_init(w, 64);
    bool tried[CHANNELS] = {false};
    size_t n_tried = 0;
    for (size_t i = 0; i < CHANNELS; i++)
        for (int k = 0; k < 3; k++)
            add(w, i, 5);
    for (int probe = 0; probe < 64; probe++) {
        size_t bytes, n = kb_lanes_pack_probe(w->lanes, 1, out, &bytes);
        assert_in_range(n, 1, 5);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < i; j++)
                assert_false(lane_shared(w, out[i], out[j]));
            n_tried += !tried[channel_of(out[i])];
            tried[channel_of(out[i])] = true;
        }
        for (size_t i = n; i-- > 0;)
            kb_lanes_put_back(w->lanes, out[i]);
        kb_lanes_land(w->lanes, out, n);
    }
    size_t lanes = 0; /* what never changes: the first channel of each lane */
    for (size_t i = 0; i < CHANNELS; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first &= hash_of(i) % 64 != hash_of(j) % 64;
        lanes += first;
    }
    assert_int_equal(n_tried, lanes);
    story_end(w);
}

static void test_full_is_told_by_records_bytes_and_lanes(void **state)
{
    (void)state;
    struct world *w = &story;
    static const struct {
        size_t n, len;
        bool many_channels, full;
    } rows[] = {{9, 1, false, false}, {10, 1, false, true}, {2, 48, false, false},
        {2, 49, false, true}, {4, 1, true, false}, {5, 1, true, true}};
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        story_init(w, 1 << 16);
        for (size_t k = 0; k < rows[i].n; k++)
            add(w, rows[i].many_channels ? k : 0, rows[i].len);
        if (kb_lanes_full(w->lanes) != rows[i].full)
            fail_msg("row %zu", i);
        story_end(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_traffic_in_order),
        cmocka_unit_test(test_random_traffic_without_order),
        cmocka_unit_test(test_a_lane_sends_again_only_when_its_request_has_ended),
        cmocka_unit_test(test_the_longest_waiting_lane_goes_first),
        cmocka_unit_test(test_many_lanes_go_in_the_order_of_their_waiting),
        cmocka_unit_test(test_a_spec_larger_than_a_request_goes_alone),
        cmocka_unit_test(test_a_held_channel_waits_alone_and_comes_back_one_by_one),
        cmocka_unit_test(test_a_hold_ends_with_its_last_spec),
        cmocka_unit_test(test_without_order_a_lane_flies_twice_but_a_held_channel_once),
        cmocka_unit_test(test_each_refusal_of_a_held_channel_waits_longer),
        cmocka_unit_test(test_an_inversion_is_told_once),
        cmocka_unit_test(test_a_channel_is_held_to_the_rate_the_user_has_set),
        cmocka_unit_test(test_a_paced_channel_that_is_refused_waits_for_both),
        cmocka_unit_test(test_a_reload_changes_the_rate_of_who_waits_for_it),
        cmocka_unit_test(test_company_limits_a_request),
        cmocka_unit_test(test_probes_go_round_the_lanes),
        cmocka_unit_test(test_full_is_told_by_records_bytes_and_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
