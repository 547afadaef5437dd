/* Server-sent events without a network: what a subscriber is told and when, and what it costs the
 * others when it does not read. */
#include "unit/sandbox/by_hand.h"

#include "sandbox/subscribers.h"

#include <inttypes.h>

#define LISTENERS 4

static struct kb_exchange listeners[LISTENERS];
static struct kb_buf heard;
static int woken;

static void wake(struct kb_stream *stream)
{
    (void)stream;
    woken++;
}

static void start(const struct kb_service_options *options)
{
    by_hand_start(options);
    for (size_t i = 0; i < LISTENERS; i++)
        kb_exchange_init(&listeners[i], by_hand_x.lookup);
    kb_buf_init(&heard, (size_t)64 << 20);
    woken = 0;
}

static void end(void)
{
    for (size_t i = 0; i < LISTENERS; i++)
        kb_exchange_deinit(&listeners[i]);
    kb_buf_deinit(&heard);
    by_hand_end();
}

/* GET /sse with the query that was set; the answer must be a stream. */
static void listen_as(size_t listener)
{
    struct kb_exchange *x = &listeners[listener];

    kb_exchange_begin(x, KB_S("GET"), KB_S("/sse"));
    kb_service_handle(by_hand_service, x);
    if (x->status != 200)
        fail_msg("%d " KB_FMT, x->status, KB_ARG(kb_buf_slice(&x->answer)));
    assert_string_equal(x->content_type, "text/event-stream");
    x->stream->wake = wake;
}

#define listen_with(listener, ...)      \
    do {                                \
        by_hand_set_query(__VA_ARGS__); \
        listen_as(listener);            \
        by_hand_set_query(NULL);        \
    } while (0)

static void leave(size_t listener)
{
    kb_exchange_end(&listeners[listener]);
}

/* All that waits for a listener, in pieces of `max` bytes; returns how its stream ended. */
static ptrdiff_t read_in_pieces(size_t listener, size_t max)
{
    struct kb_stream *stream = listeners[listener].stream;
    char piece[4096];
    ptrdiff_t n;

    kb_buf_reset(&heard);
    while ((n = stream->read(stream, piece, max)) > 0)
        kb_buf_add(&heard, (struct kb_slice){piece, (size_t)n});
    return n;
}

static void hears(size_t listener, const char *expected)
{
    assert_int_equal(read_in_pieces(listener, 100), KB_STREAM_QUIET);
    assert_slice(kb_buf_slice(&heard), kb_slice_of(expected));
}

static void publish(const char *channel, const char *message)
{
    char path[100];

    snprintf(path, sizeof(path), "/channels/%s/messages", channel);
    by_hand("POST", path, message);
    assert_answer(201, "serials");
}

#define EVENT(ms, seq, data) \
    "id: 01700000000000@17000000000" ms "-" seq "\nevent: message\ndata: " data "\n\n"

/* The form that the Kafka Connect sink's manual shows. */
static void test_an_event(void **state)
{
    (void)state;
    start(&(struct kb_service_options){0});
    listen_with(0, "channel", "kafka", "v", "1.1", NULL);
    hears(0, "");
    by_hand_now = 7;
    publish("kafka",
        "{\"id\":\"1543960661:0:0\",\"clientId\":\"sink-client\",\"encoding\":\"base64\","
        "\"data\":\"bWVzc2FnZSAx\",\"name\":\"sink\"}");
    assert_int_equal(woken, 1);
    hears(0,
        EVENT("07", "1",
            "{\"id\":\"1543960661:0:0\",\"clientId\":\"sink-client\",\"timestamp\":1700000000007,"
            "\"encoding\":\"base64\",\"channel\":\"kafka\",\"data\":\"bWVzc2FnZSAx\",\"name\":"
            "\"sink\"}"));
    publish("other", "{\"data\":\"x\"}");
    publish("kafka", "{\"id\":\"1543960661:0:0\"}"); /* a repeat */
    hears(0, "");
    assert_int_equal(woken, 1);
    end();
}

static void test_what_data_becomes(void **state)
{
    static const struct {
        const char *message, *enveloped, *bare;
    } rows[] = {
        {"{\"id\":\"i\",\"data\":\"two\\nlines\\r\\nand\\rmore\"}",
            "{\"id\":\"i\",\"timestamp\":1700000000000,\"channel\":\"c\",\"data\":"
            "\"two\\nlines\\r\\nand"
            "\\rmore\"}",
            "two\ndata: lines\ndata: and\ndata: more"},
        {"{\"id\":\"i\",\"data\":{\"data\":\"x\",\"a\":[1]}}",
            "{\"id\":\"i\",\"timestamp\":1700000000000,\"encoding\":\"json\",\"channel\":\"c\","
            "\"data\":"
            "\"{\\\"data\\\":\\\"x\\\",\\\"a\\\":[1]}\"}",
            "{\"data\":\"x\",\"a\":[1]}"},
        {"{\"id\":\"i\",\"data\":[],\"encoding\":\"json\"}",
            "{\"id\":\"i\",\"timestamp\":1700000000000,\"encoding\":\"json\",\"channel\":\"c\","
            "\"data\":"
            "\"[]\"}",
            "[]"},
        {"{\"id\":\"i\",\"data\":[],\"encoding\":\"vcdiff\"}",
            "{\"id\":\"i\",\"timestamp\":1700000000000,\"encoding\":\"vcdiff/"
            "json\",\"channel\":\"c\","
            "\"data\":\"[]\"}",
            "[]"},
        {"{\"id\":\"i\",\"extras\":{\"headers\":{\"data\":\"no\"}}}",
            "{\"id\":\"i\",\"timestamp\":1700000000000,\"channel\":\"c\",\"extras\":{\"headers\":{"
            "\"data\":"
            "\"no\"}}}",
            ""},
    };
    char expected[1000];

    (void)state;
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        start(&(struct kb_service_options){.no_history = true});
        print_message("%s\n", rows[i].message);
        listen_with(0, "channels", "c", "v", "1.2", NULL);
        listen_with(1, "channels", "c", "v", "6", "enveloped", "false", NULL);
        publish("c", rows[i].message);
        snprintf(expected, sizeof(expected), EVENT("00", "1", "%s"), rows[i].enveloped);
        hears(0, expected);
        snprintf(expected, sizeof(expected), EVENT("00", "1", "%s"), rows[i].bare);
        hears(1, expected);
        end();
    }
}

static void test_channels(void **state)
{
    (void)state;
    start(&(struct kb_service_options){0});
    listen_with(0, "channels", "a,b,a", "v", "2", "enveloped", "false", NULL);
    listen_with(1, "channels", "a,b|c", "separator", "|", "v", "2", "enveloped", "false", NULL);
    publish("a", "{\"data\":\"to a\"}");
    publish("b", "{\"data\":\"to b\"}");
    publish("a,b", "{\"data\":\"to a,b\"}");
    publish("c", "{\"data\":\"to c\"}");
    hears(0, EVENT("00", "1", "to a") EVENT("00", "2", "to b"));
    hears(1, EVENT("00", "3", "to a,b") EVENT("00", "4", "to c"));
    leave(0);
    publish("a", "{\"data\":\"nobody hears\"}");
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"subscribers\":1,\"subscribers_cut\":0,\"events\":4,");
    end();
}

static void test_refusals(void **state)
{
    static const struct {
        const char *channels, *v, *name, *value, *code;
    } rows[] = {
        {NULL, "1.1", NULL, NULL, "40003"},
        {"", "1.1", NULL, NULL, "40010"},
        {"a,", "1.1", NULL, NULL, "40010"},
        {"a,:b", "1.1", NULL, NULL, "40010"},
        {"[?rewind=1]a", "1.1", NULL, NULL, "40010"},
        {"a", NULL, NULL, NULL, "40004"},
        {"a", "", NULL, NULL, "40004"},
        {"a", "1.", NULL, NULL, "40004"},
        {"a", "one", NULL, NULL, "40004"},
        {"a", "1.1", "enveloped", "yes", "40003"},
        {"a", "1.1", "heartbeats", "", "40003"},
        {"a", "1.1", "rewind", "101", "40003"},
        {"a", "1.1", "rewind", "2m", "40003"},
    };
    char code[32];

    (void)state;
    start(&(struct kb_service_options){0});
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        by_hand_request.version = NULL;
        memset(by_hand_request.query, 0, sizeof(by_hand_request.query));
        by_hand_request.query[0][0] = rows[i].channels ? "channels" : NULL;
        by_hand_request.query[0][1] = rows[i].channels;
        by_hand_request.query[1][0] = rows[i].v ? "v" : NULL;
        by_hand_request.query[1][1] = rows[i].v;
        by_hand_request.query[2][0] = rows[i].name;
        by_hand_request.query[2][1] = rows[i].value;
        by_hand("GET", "/sse", "");
        snprintf(code, sizeof(code), "{\"error\":{\"code\":%s,", rows[i].code);
        assert_answer(400, code);
        assert_null(by_hand_x.stream);
    }
    by_hand_request.authorization = NULL;
    by_hand("GET", "/sse", "");
    assert_answer(401, "40101");
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"subscribers\":0,");
    end();
}

static void test_what_was_missed(void **state)
{
    (void)state;
    start(&(struct kb_service_options){0});
    publish("a", "{\"data\":\"old\"}");
    by_hand_now = 120001; /* Ably goes back two minutes at most */
    publish("a", "{\"data\":\"1\"}");
    publish("b", "{\"data\":\"2\"}");
    publish("other", "{\"data\":\"3\"}");
    publish("a", "{\"data\":\"4\"}");
    publish("b", "{\"data\":\"5\"}");
    static const struct {
        const char *rewind, *last_event, *expected;
    } rows[] = {
        {"0", NULL, ""}, {"1", NULL, "45"}, {"2", NULL, "1245"}, {"100", NULL, "1245"},
        {NULL, "01700000000000@1700000120001-4", "45"},
        {NULL, "01700000000000@1700000120001-6", ""},
        {"1", "01700000000000@1700000000000-0", "1245"}, /* lastEvent goes before rewind */
    };
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        char told[16] = "";
        by_hand_set_query("channels", "a,b", "v", "1.2", "enveloped", "false", NULL);
        by_hand_request.query[3][0] = rows[i].rewind ? "rewind" : NULL;
        by_hand_request.query[3][1] = rows[i].rewind;
        by_hand_request.query[4][0] = rows[i].last_event ? "lastEvent" : NULL;
        by_hand_request.query[4][1] = rows[i].last_event;
        listen_as(0);
        assert_int_equal(read_in_pieces(0, 4096), KB_STREAM_QUIET);
        kb_buf_byte(&heard, '\0');
        for (const char *at = heard.ptr; (at = strstr(at, "\ndata: ")) != NULL; at++)
            snprintf(told + strlen(told), sizeof(told) - strlen(told), "%c", at[7]);
        assert_string_equal(told, rows[i].expected);
        leave(0);
    }
    end();
}

static void test_last_event_of_another_start(void **state)
{
    (void)state;
    start(&(struct kb_service_options){0});
    publish("a", "{\"data\":\"1\"}");
    by_hand_request.last_event = "01600000000000@1600000000000-1"; /* the header */
    listen_with(0, "channels", "a", "v", "1.2", "enveloped", "false", NULL);
    publish("a", "{\"data\":\"2\"}");
    read_in_pieces(0, 4096);
    assert_true(kb_slice_starts(
        kb_buf_slice(&heard), KB_S("event: error\ndata: {\"code\":80008,\"statusCode\":400,")));
    kb_buf_byte(&heard, '\0');
    assert_null(strstr(heard.ptr, "data: 1"));
    assert_non_null(strstr(heard.ptr, "data: 2"));
    end();
}

static void test_keep_alive(void **state)
{
    (void)state;
    start(&(struct kb_service_options){0});
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 60000);
    listen_with(0, "channels", "a", "v", "1.2", NULL);
    listen_with(1, "channels", "b", "v", "1.2", "heartbeats", "true", NULL);
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 15000);
    assert_int_equal(kb_service_tick(by_hand_service, 100), 100);
    by_hand_now = 14999;
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 1);
    hears(0, "");
    publish("b", "{\"data\":\"x\"}");
    read_in_pieces(1, 4096);
    by_hand_now = 15000;
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 14999);
    hears(0, ":keepalive\n\n");
    hears(1, ""); /* it has heard something a moment ago */
    by_hand_now = 29999;
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 1);
    hears(0, "");
    hears(1, "event: heartbeat\n\n");
    end();
}

/* Whatever pieces it reads in, between whatever is published: nothing lost, nothing twice. */
static void test_reading_in_pieces(void **state)
{
    uint64_t published = 0, next = 1;
    char data[2100], wanted[32];

    (void)state;
    prop_seed();
    start(&(struct kb_service_options){.no_history = true});
    listen_with(0, "channel", "c", "v", "1.2", "enveloped", "false", NULL);
    struct kb_stream *stream = listeners[0].stream;
    for (int step = 0; step < 4000; step++) {
        if (prop_below(3) == 0) {
            snprintf(data, sizeof(data), "{\"data\":\"%0*d\"}", 1 + (int)prop_below(2000), 7);
            publish("c", data);
            published++;
            continue;
        }
        char *to = kb_buf_reserve(&heard, 700);
        ptrdiff_t n = stream->read(stream, to, 1 + prop_below(700));
        assert_true(n > 0 || n == KB_STREAM_QUIET);
        kb_buf_commit(&heard, n > 0 ? (size_t)n : 0);
    }
    for (ptrdiff_t n; (n = stream->read(stream, kb_buf_reserve(&heard, 700), 700)) > 0;)
        kb_buf_commit(&heard, (size_t)n);
    kb_buf_byte(&heard, '\0');
    for (const char *at = heard.ptr; (at = strstr(at, "id: ")) != NULL; at++, next++) {
        assert_true(at == heard.ptr || at[-1] == '\n');
        snprintf(wanted, sizeof(wanted), "-%" PRIu64 "\nevent: message\ndata: 0", next);
        const char *number = strchr(at, '-');
        if (strncmp(number, wanted, strlen(wanted) - 1) != 0)
            fail_msg("%.60s should go on %s", at, wanted);
    }
    assert_int_equal(next, published + 1);
    end();
}

/* One that does not read is cut when 8 MiB wait; those that read hear everything. */
static void test_a_slow_one_is_cut(void **state)
{
    static char message[60100];
    uint64_t events = 0;

    (void)state;
    start(&(struct kb_service_options){.no_history = true});
    listen_with(0, "channels", "a", "v", "1.2", NULL);
    listen_with(1, "channels", "a", "v", "1.2", NULL);
    int len = snprintf(message, sizeof(message), "{\"data\":\"%060000d\"}", 7);
    assert_true(len < (int)sizeof(message));
    while (!listeners[0].stream->cut) {
        assert_true(events++ < 8 * 1024 * 1024 / 60000 + 1);
        publish("a", message);
        assert_int_equal(read_in_pieces(1, 4096), KB_STREAM_QUIET);
        assert_true(heard.len > 60000);
    }
    assert_true(events > 7 * 1024 * 1024 / 60000);
    assert_false(listeners[1].stream->cut);
    woken = 0;
    publish("a", message);
    assert_int_equal(woken, 1); /* the one that is left */
    leave(0);
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"subscribers\":1,\"subscribers_cut\":1,");
    end();
}

/* Sixteen queues of nearly 8 MiB are all there may be: the next byte costs the longest its stream.
 */
static void test_all_together_are_bounded(void **state)
{
    static char data[64000];
    struct kb_posted_channel channel = {NULL, KB_S("a")}, other = {NULL, KB_S("b")};
    struct kb_subscription wish = {&channel, 1, true, false, KB_SUBSCRIBER_NO_END};
    struct kb_subscribers *all = kb_subscribers_new("01700000000000");
    struct kb_subscriber *subs[20];
    size_t n_cut = 0;

    (void)state;
    memset(data, 'x', sizeof(data));
    struct kb_local_message msg = {KB_S("a"), {data, sizeof(data)}, 0, 1, 0};
    for (size_t i = 0; i < KB_COUNT(subs); i++)
        assert_non_null(subs[i] = kb_subscribers_add(all, &wish, 0));
    wish.channels = &other;
    struct kb_subscriber *last = kb_subscribers_add(all, &wish, 0);
    for (int i = 0; i < 110; i++) /* 20 times 7 MB */
        kb_subscribers_publish(all, &msg, 0);
    for (size_t i = 0; i < KB_COUNT(subs); i++)
        n_cut += kb_subscriber_stream(subs[i])->cut;
    assert_in_range(n_cut, 1, 2);
    assert_int_equal(kb_subscribers_cut(all), n_cut);
    msg.channel = KB_S("b");
    kb_subscribers_publish(all, &msg, 0);
    assert_false(kb_subscriber_stream(last)->cut);
    for (size_t i = 0; i < KB_COUNT(subs); i++)
        kb_subscriber_stream(subs[i])->free(kb_subscriber_stream(subs[i]));
    kb_subscriber_stream(last)->free(kb_subscriber_stream(last));
    assert_int_equal(kb_subscribers_count(all), 0);
    kb_subscribers_free(all);
}

static void test_not_too_many(void **state)
{
    struct kb_posted_channel channel = {NULL, KB_S("a")};
    struct kb_subscription wish = {&channel, 1, true, false, KB_SUBSCRIBER_NO_END};
    struct kb_subscribers *all = kb_subscribers_new("x");
    struct kb_subscriber *subs[KB_SUBSCRIBERS_MAX];

    (void)state;
    for (size_t i = 0; i < KB_SUBSCRIBERS_MAX; i++)
        assert_non_null(subs[i] = kb_subscribers_add(all, &wish, 0));
    assert_null(kb_subscribers_add(all, &wish, 0));
    for (size_t i = 0; i < KB_SUBSCRIBERS_MAX; i++)
        kb_subscriber_stream(subs[i])->free(kb_subscriber_stream(subs[i]));
    kb_subscribers_free(all);
}

static void test_faults(void **state)
{
    (void)state;
    start(&(struct kb_service_options){0});
    by_hand("POST", "/_control/faults",
        "[{\"path\":\"/sse\",\"status\":503,\"times\":1},{\"spec\":0,\"status\":429},"
        "{\"channel\":\"b\",\"code\":40160,\"status\":401},{\"channel\":\"c\",\"delay_ms\":50}]");
    by_hand_set_query("channels", "a", "v", "1.2", NULL);
    by_hand("GET", "/sse", "");
    assert_answer(503, "50300");
    by_hand_set_query("channels", "a,b", "v", "1.2", NULL);
    by_hand("GET", "/sse", "");
    assert_answer(401, "40160");
    listen_with(0, "channels", "a,c", "v", "1.2", NULL);
    assert_int_equal(listeners[0].delay_ms, 50);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event),
        cmocka_unit_test(test_what_data_becomes),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_was_missed),
        cmocka_unit_test(test_last_event_of_another_start),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_reading_in_pieces),
        cmocka_unit_test(test_a_slow_one_is_cut),
        cmocka_unit_test(test_all_together_are_bounded),
        cmocka_unit_test(test_not_too_many),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
