/* Groups on their way: the publisher against a fake Ably that knows the rules of ids and drops
 * repeats by them, on virtual time. Stories one by one, then random faults from a seed. */
#include "ably/publisher.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "metrics/metrics.h"

#include "support/prop.h"

#define RECORDS 2000
#define REQUESTS 16
#define KEYS 20000
#define PARTITIONS 3

/* One BatchSpec as Ably reads it. */
struct set {
    size_t channel, records[1000], n;
    char key[128]; /* its id, or the base of its ids */
};

struct flight {
    struct kb_http_request *req;
    int64_t due_ms;
    char *body;
};

static struct world {
    struct kb_transport door;
    struct kb_random_seeded random;
    struct kb_publisher *pub;
    int64_t now_ms;
    struct flight flights[REQUESTS];
    size_t n_flights;
    struct kb_buf reply;

    /* Ably's side */
    int (*verdict)(const struct set *set); /* 0 = taken, else the code of the error */
    int limit; /* in so many of the next requests the first spec's channel is over its rate */
    bool lose_replies; /* taken, but nobody hears of it */
    bool resend;       /* the transport has sent it once before, and it was taken */
    uint64_t keys[KEYS];
    size_t n_keys;
    size_t taken[RECORDS], order[RECORDS], n_order; /* new ones: how often, in which order */
    struct set last;                                /* spec of the last request */
    size_t n_last;                                  /* specs in it */
    char *last_body;

    /* ours */
    size_t n_records, n_settled, outcomes[3];
    size_t partition[RECORDS], channel[RECORDS];
    bool settled[RECORDS], refused[RECORDS], unwanted[RECORDS];
} world;

/* ---- Ably ---- */

static void expect(const char **at, const char *literal)
{
    if (strncmp(*at, literal, strlen(literal)) != 0)
        fail_msg("expected %s at %.60s", literal, *at);
    *at += strlen(literal);
}

static size_t number(const char **at)
{
    char *end;
    size_t n = strtoul(*at, &end, 10);
    assert_true(end > *at);
    *at = end;
    return n;
}

/* {"channels":["cN"],"messages":[{"id":"...","data":"RECORD"},...]} */
static void read_spec(struct world *w, const char **at, struct set *set)
{
    *set = (struct set){.n = 0};
    expect(at, "{\"channels\":[\"c");
    set->channel = number(at);
    expect(at, "\"],\"messages\":[");
    for (;; (*at)++) {
        expect(at, "{\"id\":\"");
        size_t len = strcspn(*at, "\""), colon = len;
        const char *id = *at;
        while (id[colon - 1] != ':')
            colon--;
        *at += len;
        expect(at, "\",\"data\":\"");
        size_t record = number(at);
        expect(at, "\"}");
        assert_true(record < w->n_records && !w->settled[record]);
        if (set->n == 0)
            snprintf(set->key, sizeof(set->key), "%.*s", (int)colon - 1, id);
        assert_int_equal(strtoul(id + colon, NULL, 10), set->n); /* BASE:0, BASE:1, ... */
        assert_memory_equal(set->key, id, colon - 1);
        set->records[set->n++] = record;
        if (**at != ',')
            break;
    }
    expect(at, "]}");
}

static bool seen(struct world *w, const struct set *set)
{
    uint64_t key = kb_hash64(kb_slice_of(set->key), set->channel);
    for (size_t i = 0; i < w->n_keys; i++)
        if (w->keys[i] == key)
            return true;
    assert_true(w->n_keys < KEYS);
    w->keys[w->n_keys++] = key;
    return false;
}

static void serve(struct world *w, const char *body)
{
    const char *at = body;
    size_t limited = SIZE_MAX;
    kb_buf_reset(&w->reply);
    w->n_last = 0;
    for (expect(&at, "["); *at != ']' || w->n_last == 0; w->n_last++) {
        if (w->n_last > 0)
            expect(&at, ",");
        read_spec(w, &at, &w->last);
        if (w->n_last == 0 && w->limit > 0)
            limited = w->last.channel;
        int code = w->last.channel == limited ? 42913 : w->verdict ? w->verdict(&w->last) : 0;
        kb_buf_byte(&w->reply, w->n_last ? ',' : '[');
        if (code)
            kb_buf_printf(&w->reply,
                "{\"results\":[{\"channel\":\"c\",\"error\":{\"code\":%d,\"statusCode\":%d,"
                "\"message\":\"said so\"}}]}",
                code, code / 100);
        else
            kb_buf_printf(&w->reply, "{\"results\":[{\"channel\":\"c\",\"messageId\":\"m\"}]}");
        for (size_t i = 0; i < w->last.n; i++)
            assert_int_equal(w->channel[w->last.records[i]], w->last.channel);
        if (code || seen(w, &w->last))
            continue;
        for (size_t i = 0; i < w->last.n; i++)
            if (w->taken[w->last.records[i]]++ == 0)
                w->order[w->n_order++] = w->last.records[i];
    }
    w->limit -= w->limit > 0;
    kb_buf_byte(&w->reply, ']');
}

static void serve_unlimited(struct world *w, const char *body)
{
    int limit = w->limit;
    w->limit = 0;
    serve(w, body);
    w->limit = limit;
}

/* ---- the transport ---- */

static bool submit(struct kb_transport *door, struct kb_http_request *req, struct kb_err *err)
{
    struct world *w = (struct world *)door;
    (void)err;
    assert_true(w->n_flights < REQUESTS);
    char *body = calloc(1, req->body_len + 1);
    size_t len = 0, n;
    while ((n = req->read(req, body + len, req->body_len - len)) > 0)
        len += n;
    assert_int_equal(len, req->body_len);
    w->flights[w->n_flights++] = (struct flight){req, w->now_ms + 20, body};
    return true;
}

static struct kb_http_request *done(struct kb_transport *door)
{
    struct world *w = (struct world *)door;
    size_t f = 0;
    while (f < w->n_flights && w->flights[f].due_ms > w->now_ms)
        f++;
    if (f == w->n_flights)
        return NULL;
    struct kb_http_request *req = w->flights[f].req;
    if (w->resend)
        serve_unlimited(w, w->flights[f].body);
    serve(w, w->flights[f].body);
    free(w->last_body);
    w->last_body = w->flights[f].body;
    w->flights[f] = w->flights[--w->n_flights];
    req->reply = (struct kb_http_reply){.status = w->lose_replies ? 0 : 201,
        .body = kb_buf_slice(&w->reply),
        .headers.content_type = KB_S("application/json"),
        .resent = w->resend,
        .connected = true};
    if (w->lose_replies)
        kb_err_outage(&req->reply.err, "reset by peer");
    return req;
}

static void cancel(struct kb_transport *door, struct kb_http_request *req)
{
    (void)door;
    (void)req;
}

static const struct kb_transport_ops ops = {submit, done, cancel};

/* ---- our side ---- */

static void settled(void *context, void *owner, enum kb_outcome outcome, const struct kb_err *err)
{
    struct world *w = context;
    size_t record = (size_t)(uintptr_t)owner;
    (void)err;
    assert_false(w->settled[record]);
    w->settled[record] = true;
    w->n_settled++;
    w->outcomes[outcome]++;
    w->refused[record] = outcome == KB_OUTCOME_REFUSED;
    if (outcome == KB_OUTCOME_PUBLISHED)
        assert_true(w->taken[record] > 0);
    if (outcome == KB_OUTCOME_DROPPED)
        assert_true(w->unwanted[record]);
}

static bool wanted(void *context, void *owner)
{
    return !((struct world *)context)->unwanted[(uintptr_t)owner];
}

static void world_free(struct world *w)
{
    kb_publisher_free(w->pub);
    for (size_t f = 0; f < w->n_flights; f++)
        free(w->flights[f].body);
    free(w->last_body);
    kb_buf_deinit(&w->reply);
    memset(w, 0, sizeof(*w));
}

static struct kb_publisher_options options_with(double channel_rate, size_t max_records)
{
    static const struct kb_host_list host = {.n = 1, .url = {"https://example:443"}};
    return (struct kb_publisher_options){.hosts = &host,
        .auth = {.key = "app.key:SECRET"},
        .agent = "kably/test",
        .concurrency = 4,
        .channel_messages_per_second = channel_rate,
        .max_records = max_records,
        .max_bytes = 100000,
        .max_channels = 50,
        .group_size = 65536,
        .ordered = true,
        .open_timeout_ms = 4000,
        .request_timeout_ms = 10000};
}

static struct world *world_with(uint64_t seed, const struct kb_publisher_options *options)
{
    struct world *w = &world;
    struct kb_publisher_callbacks callbacks = {settled, wanted, w};
    struct kb_err err;
    w->door.ops = &ops;
    w->now_ms = 1000;
    kb_buf_init(&w->reply, 1 << 22);
    kb_random_seed(&w->random, seed);
    w->pub = kb_publisher_new(options, &w->door, &w->random.random, &callbacks, &err);
    assert_non_null(w->pub);
    return w;
}

static struct world *world_new(uint64_t seed, double channel_rate)
{
    struct kb_publisher_options options = options_with(channel_rate, 100);
    return world_with(seed, &options);
}

static size_t add(struct world *w, size_t channel, size_t partition)
{
    char json[200];
    size_t record = w->n_records++;
    assert_true(record < RECORDS);
    w->channel[record] = channel;
    w->partition[record] = partition;
    int len = snprintf(json, sizeof(json),
        "{\"channels\":[\"c%zu\"],\"messages\":[{\"id\":\"t/%zu/%zu/"
        "AAAAAAAAAAA:0\",\"data\":\"%zu\"}]}",
        channel, partition, record, record);
    assert_true(kb_publisher_add(w->pub, (struct kb_slice){json, (size_t)len}, 4,
        kb_mix64(channel + 1), (void *)(uintptr_t)record, w->now_ms));
    return record;
}

static void add_many(struct world *w, size_t n)
{
    while (n-- > 0)
        add(w, 1, 0);
}

static void step(struct world *w)
{
    kb_publisher_step(w->pub, w->now_ms);
    assert_true(kb_publisher_wake_ms(w->pub, w->now_ms) > w->now_ms); /* it never spins */
    const struct kb_publisher_status *status = kb_publisher_status(w->pub);
    assert_int_equal(status->specs_in_flight + status->specs_waiting, w->n_records - w->n_settled);
}

/* To the next thing that happens. */
static void advance(struct world *w)
{
    int64_t next = kb_publisher_wake_ms(w->pub, w->now_ms);
    for (size_t f = 0; f < w->n_flights; f++)
        if (w->flights[f].due_ms < next)
            next = w->flights[f].due_ms;
    assert_true(next < w->now_ms + 3600 * 1000);
    w->now_ms = next > w->now_ms ? next : w->now_ms;
    step(w);
}

static void run_to_end(struct world *w)
{
    for (step(w); w->n_settled < w->n_records;)
        advance(w);
}

/* The next request is answered. */
static void answer_one(struct world *w)
{
    size_t flying = kb_publisher_status(w->pub)->requests_in_flight;
    while (flying == 0) {
        advance(w);
        flying = kb_publisher_status(w->pub)->requests_in_flight;
    }
    w->n_last = 0;
    while (w->n_last == 0)
        advance(w);
}

/* Each partition's records of a channel came in their order; once each, unless told otherwise. */
static void check_arrivals(const struct world *w, bool once)
{
    for (size_t i = 0; i < w->n_order; i++)
        for (size_t j = 0; j < i; j++)
            if (w->channel[w->order[i]] == w->channel[w->order[j]] &&
                w->partition[w->order[i]] == w->partition[w->order[j]])
                if (w->order[j] > w->order[i])
                    fail_msg("record %zu came after %zu", w->order[i], w->order[j]);
    for (size_t i = 0; i < w->n_records; i++) {
        assert_true(w->settled[i]);
        if (!w->refused[i] && !w->unwanted[i])
            assert_true(w->taken[i] >= 1);
        if (once)
            assert_true(w->taken[i] <= 1);
    }
}

/* ---- stories ---- */

static void test_a_limited_channel_sends_what_waits_as_one(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    uint64_t grouped = kb_metric_get(KB_METRIC_MESSAGES_GROUPED);
    w->limit = 1;
    add(w, 1, 0);
    step(w);
    add_many(w, 30);
    answer_one(w);
    answer_one(w);
    assert_int_equal(w->n_last, 1);
    assert_int_equal(w->last.n, 31); /* the refused one too: nobody has its id */
    assert_memory_equal(w->last.key, "t/0/0-30/", 9);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 31);
    assert_int_equal(kb_metric_get(KB_METRIC_MESSAGES_GROUPED) - grouped, 30);
    add_many(w, 3); /* it is an ordinary channel again */
    answer_one(w);
    assert_int_equal(w->n_last, 3);
    check_arrivals(w, true);
    world_free(w);
}

static void test_the_users_own_rate_groups_too(void **state)
{
    (void)state;
    struct world *w = world_new(1, 5);
    add_many(w, 400);
    answer_one(w);
    assert_int_equal(w->n_last, 5);
    assert_int_equal(w->last.n, 1);
    int64_t start = w->now_ms;
    run_to_end(w);
    assert_true(w->now_ms - start < 1500); /* 79 seconds one by one; virtual time */
    check_arrivals(w, true);
    world_free(w);
}

static void test_a_refused_group_for_its_rate_grows(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    w->limit = 2;
    add_many(w, 1);
    step(w);
    add_many(w, 9);
    answer_one(w);
    answer_one(w);
    assert_int_equal(w->last.n, 10);
    add_many(w, 10);
    answer_one(w);
    assert_int_equal(w->last.n, 20);
    run_to_end(w);
    check_arrivals(w, true);
    world_free(w);
}

static int refuse_13_and_14(const struct set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->records[i] == 13 || set->records[i] == 14)
            return 40013;
    return 0;
}

static void test_of_a_refused_group_only_the_bad_are_refused(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    w->limit = 1;
    add(w, 1, 0);
    step(w);
    add_many(w, 50);
    w->verdict = refuse_13_and_14;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], 2);
    assert_true(w->refused[13] && w->refused[14]);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 49);
    check_arrivals(w, true);
    world_free(w);
}

/* The first of ten is over its channel's rate: they go as one next. */
static void begin_group(struct world *w)
{
    add(w, 1, 0);
    step(w);
    add_many(w, 9);
    answer_one(w);
}

/* Where nobody knows whether Ably has it, it goes again byte for byte, though more wait by now. */
static void test_a_group_without_an_answer_goes_again_as_it_is(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    w->limit = 1;
    begin_group(w);
    w->lose_replies = true;
    answer_one(w);
    assert_int_equal(w->last.n, 10);
    char *first = strdup(w->last_body);
    add_many(w, 10);
    w->lose_replies = false;
    w->limit = 1; /* and over its rate: still nobody knows */
    answer_one(w);
    assert_string_equal(w->last_body, first);
    answer_one(w);
    assert_string_equal(w->last_body, first);
    free(first);
    run_to_end(w);
    check_arrivals(w, true);
    world_free(w);
}

/* The same where the transport sent it twice: that Ably refuses the second says nothing of the
 * first. */
static void test_a_group_that_was_sent_twice_goes_again_as_it_is(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    w->limit = 2;
    begin_group(w);
    w->resend = true;
    answer_one(w);
    assert_int_equal(w->last.n, 10);
    char *first = strdup(w->last_body);
    add_many(w, 10);
    w->resend = false;
    answer_one(w);
    assert_string_equal(w->last_body, first);
    free(first);
    run_to_end(w);
    check_arrivals(w, true);
    world_free(w);
}

static void test_a_message_without_an_answer_joins_no_group(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    w->lose_replies = true;
    add_many(w, 2);
    answer_one(w); /* both are taken */
    w->lose_replies = false;
    w->limit = 2;
    add_many(w, 10);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 12);
    check_arrivals(w, true);
    world_free(w);
}

static void test_what_nobody_wants_leaves_its_group(void **state)
{
    (void)state;
    struct world *w = world_new(1, 0);
    w->limit = 2;
    add(w, 1, 0);
    step(w);
    add_many(w, 9);
    answer_one(w);
    while (kb_publisher_status(w->pub)->specs_in_flight == 0)
        advance(w);
    w->unwanted[7] = w->unwanted[8] = true; /* while the group is out */
    answer_one(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_DROPPED], 2);
    w->lose_replies = true;
    answer_one(w);
    w->lose_replies = false;
    w->unwanted[3] = true; /* while it waits to go again */
    kb_publisher_sweep(w->pub);
    assert_int_equal(w->outcomes[KB_OUTCOME_DROPPED], 3);
    run_to_end(w);
    check_arrivals(w, false);
    world_free(w);
}

/* A group that was made for a request, found no room there and so was never sent, obeys what a
 * reload says. */
static void test_a_reload_makes_unsent_groups_anew(void **state)
{
    (void)state;
    struct kb_publisher_options options = options_with(1, 100), fewer = options_with(1, 10);
    struct kb_err err;
    options.concurrency = fewer.concurrency = 1;
    struct world *w = world_with(1, &options);
    for (size_t i = 0; i < 180; i++)
        add(w, 1 + i % 2, 0);
    answer_one(w); /* one of each channel, the burst */
    while (kb_publisher_status(w->pub)->requests_in_flight == 0)
        advance(w);
    assert_int_equal(kb_publisher_status(w->pub)->specs_in_flight, 89);
    assert_true(kb_publisher_change(w->pub, &fewer, w->now_ms, &err)); /* waits for its end */
    answer_one(w);
    size_t other = 3 - w->last.channel;
    do
        answer_one(w);
    while (w->last.channel != other);
    assert_int_equal(w->last.n, 10);
    run_to_end(w);
    check_arrivals(w, true);
    world_free(w);
}

static void test_the_end_with_groups_about(void **state)
{
    (void)state;
    struct world *w = world_new(1, 2);
    add_many(w, 200);
    answer_one(w);
    advance(w); /* one is out, more wait */
    world_free(w);
}

/* ---- random faults ---- */

static int refuse_each_fiftieth(const struct set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->records[i] % 50 == 49)
            return 40013;
    return 0;
}

static void run_world(uint64_t seed)
{
    struct kb_random_seeded dice;
    kb_random_seed(&dice, seed);
    struct world *w =
        world_new(seed, (const double[]){0, 0, 3, 40}[kb_random_below(&dice.random, 4)]);
    size_t total = 50 + kb_random_below(&dice.random, 900);
    size_t channels = 1 + kb_random_below(&dice.random, 4);
    bool refusals = kb_random_below(&dice.random, 2),
         sweeps = kb_random_below(&dice.random, 3) == 0;
    if (refusals)
        w->verdict = refuse_each_fiftieth;
    step(w);
    while (w->n_settled < total) {
        for (size_t n = kb_random_below(&dice.random, 40); n > 0 && w->n_records < total; n--)
            add(w, kb_random_below(&dice.random, channels),
                kb_random_below(&dice.random, PARTITIONS));
        w->lose_replies = kb_random_below(&dice.random, 12) == 0;
        if (kb_random_below(&dice.random, 6) == 0)
            w->limit = 1;
        if (sweeps && w->n_records > 0 && kb_random_below(&dice.random, 60) == 0) {
            size_t record = kb_random_below(&dice.random, w->n_records);
            w->unwanted[record] = !w->settled[record];
            if (kb_random_below(&dice.random, 2))
                kb_publisher_sweep(w->pub);
        }
        step(w);
        if (w->n_settled < w->n_records)
            advance(w);
        w->now_ms += (int64_t)kb_random_below(&dice.random, 30);
    }
    /* A refusal or a sweep takes a group apart of which a part may be there. */
    check_arrivals(w, !refusals && !sweeps);
    for (size_t i = 0; i < w->n_records; i++)
        if (w->refused[i])
            assert_int_equal(i % 50, 49);
    world_free(w);
}

static void test_random_faults(void **state)
{
    (void)state;
    struct prop_seeds seeds = prop_seeds(1, 200);
    for (uint64_t seed; prop_next_seed(&seeds, &seed);)
        run_world(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_limited_channel_sends_what_waits_as_one),
        cmocka_unit_test(test_the_users_own_rate_groups_too),
        cmocka_unit_test(test_a_refused_group_for_its_rate_grows),
        cmocka_unit_test(test_of_a_refused_group_only_the_bad_are_refused),
        cmocka_unit_test(test_a_group_without_an_answer_goes_again_as_it_is),
        cmocka_unit_test(test_a_group_that_was_sent_twice_goes_again_as_it_is),
        cmocka_unit_test(test_a_message_without_an_answer_joins_no_group),
        cmocka_unit_test(test_what_nobody_wants_leaves_its_group),
        cmocka_unit_test(test_a_reload_makes_unsent_groups_anew),
        cmocka_unit_test(test_the_end_with_groups_about),
        cmocka_unit_test(test_random_faults),
    };
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
