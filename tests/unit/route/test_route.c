/* What message.txt can't show of routing: topics of a block, names at their limits, and a router
 * that is used again after anything that may happen to a record. */
#include "route/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- rules ---- */

static struct kb_rules rules_for(const char *const *patterns, size_t n)
{
    struct kb_rules rules = {.patterns = calloc(n, sizeof(*rules.patterns)), .n_patterns = n};
    for (size_t i = 0; i < n; i++) {
        struct kb_topic_pattern *pattern = &rules.patterns[i];
        pattern->text = strdup(patterns[i]);
        pattern->is_regex = patterns[i][0] == '^' &&
                            regcomp(&pattern->regex, patterns[i], REG_EXTENDED | REG_NOSUB) == 0;
    }
    return rules;
}

static void test_a_block_takes_its_topics(void **state)
{
    (void)state;
    static const char *const patterns[] = {"orders", "^audit\\..*", "^a(b|c)$", "a.c"};
    static const struct {
        const char *topic;
        bool match;
    } rows[] = {{"orders", true}, {"order", false}, {"orders2", false}, {"my-orders", false},
        {"audit.a", true}, {"audit.", true}, {"audit", false}, {"auditxa", false},
        {"x.audit.a", false}, {"ab", true}, {"abc", false}, {"a.c", true}, {"axc", false},
        {"", false}};
    struct kb_rules rules = rules_for(patterns, KB_COUNT(patterns));
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        if (kb_rules_match(&rules, kb_slice_of(rows[i].topic)) != rows[i].match)
            fail_msg("\"%s\" should%s match", rows[i].topic, rows[i].match ? "" : " not");
    }
    assert_true(kb_rules_match(&rules, (struct kb_slice){"orders-and-more", 6}));
    assert_false(kb_rules_match(&rules, (struct kb_slice){"orders", 5}));
    kb_rules_deinit(&rules);
    assert_false(kb_rules_match(&rules, KB_S("orders")));
    kb_rules_deinit(&rules); /* what is empty has nothing to free */
}

static void test_topics_are_as_long_as_kafka_lets_them_be(void **state)
{
    (void)state;
    char topic[251];
    memset(topic, 't', sizeof(topic));
    topic[249] = '\0';
    const char *const patterns[] = {topic, "^t*$"};
    struct kb_rules rules = rules_for(patterns, KB_COUNT(patterns));
    topic[249] = 't';
    assert_true(kb_rules_match(&rules, (struct kb_slice){topic, 249}));
    assert_true(kb_rules_match(&rules, (struct kb_slice){topic, 248}));
    assert_false(kb_rules_match(&rules, (struct kb_slice){topic, 250}));
    kb_rules_deinit(&rules);
}

/* ---- channel names ---- */

static void test_channel_names_at_their_limits(void **state)
{
    (void)state;
    static char name[4096];
    static const struct {
        struct kb_slice name;
        const char *problem; /* NULL = none */
    } rows[] = {
        {KB_S("a"), NULL},
        {KB_S("a:[b]:c"), NULL},
        {KB_S(" ,\t\xc3\xa9\xf0\x9f\x98\x80"), NULL},
        {KB_S(""), "is empty"},
        {KB_S("["), "begins with"},
        {KB_S(":a"), "begins with"},
        {KB_S("a\n"), "line break"},
        {KB_S("\ra"), "line break"},
        {KB_S("a\xc3"), "not UTF-8"},
        {KB_S("a\xed\xa0\x80"), "not UTF-8"},
        {{name, KB_CHANNEL_LEN_MAX}, NULL},
        {{name, KB_CHANNEL_LEN_MAX + 1}, "is longer than 2048 bytes"},
        {{name, sizeof(name)}, "is longer than 2048 bytes"},
    };
    memset(name, 'n', sizeof(name));
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        struct kb_err err = {0};
        bool ok = kb_channel_check(rows[i].name, &err);
        if (ok != !rows[i].problem || (!ok && !strstr(err.text, rows[i].problem)))
            fail_msg("row %zu: expected %s, got %s", i, rows[i].problem, ok ? "none" : err.text);
        if (!ok) {
            assert_int_equal(err.class, KB_ERR_RECORD);
            assert_int_equal(err.failure, KB_FAILURE_MESSAGE);
            assert_true(strlen(err.text) < 160); /* a long name is not all shown */
        }
    }
}

/* ---- ids ---- */

static void assert_id(const struct kb_record *rec, uint32_t index, uint64_t hash, const char *id)
{
    struct kb_buf buf;
    kb_buf_init(&buf, 512);
    kb_message_id(&buf, rec, index, hash);
    if (!kb_slice_is(kb_buf_slice(&buf), id))
        fail_msg("expected %s, got " KB_FMT, id, KB_ARG(kb_buf_slice(&buf)));
    kb_buf_deinit(&buf);
}

/* The tags were computed by another program from the description in route.h: an id never changes.
 */
static void test_ids_tell_messages_records_and_clusters_apart(void **state)
{
    (void)state;
    struct kb_record rec = {.topic = KB_S("t"), .partition = 1, .offset = 2};
    assert_id(&rec, 0, 0, "t/1/2/AAAAAAAAAAA:0");
    assert_id(&rec, 1, 0, "t/1/2.1/AAAAAAAAAAA:0");
    assert_id(&rec, UINT32_MAX, 0, "t/1/2.4294967295/AAAAAAAAAAA:0");
    rec.timestamp = -1;
    assert_id(&rec, 0, 0, "t/1/2/tNBV_PLLvXs:0");
    rec.timestamp = INT64_C(1767225600000);
    assert_id(&rec, 0, 0, "t/1/2/zx1kglyIBBg:0");

    struct kb_router router;
    assert_true(kb_router_init(&router, KB_S("MkU3OEVBNTcwNTJENDM2Qg")));
    assert_id(&rec, 0, router.cluster_hash, "t/1/2/itVWGL32VMk:0");
    rec.timestamp++;
    assert_id(&rec, 0, router.cluster_hash, "t/1/2/FDjETFaH6WE:0");
    kb_router_deinit(&router);
}

/* ---- a router through good and bad days ---- */

struct fixture {
    struct kb_router router;
    struct kb_rules rules;
    struct kb_record rec;
    struct kb_err err;
};

static struct kb_template *compile(struct kb_rules *rules, const char *text)
{
    struct kb_err err;
    struct kb_template *tmpl =
        kb_template_compile(kb_slice_of(text), rules->key_paths, rules->value_paths, &err);
    assert_non_null(tmpl);
    return tmpl;
}

static void setup(struct fixture *f, const char *channel, const char *name)
{
    *f = (struct fixture){.rec = {.topic = KB_S("t"), .timestamp = 1}};
    assert_true(kb_router_init(&f->router, (struct kb_slice){NULL, 0}));
    f->rules.key_paths = kb_paths_new();
    f->rules.value_paths = kb_paths_new();
    f->rules.channel = compile(&f->rules, channel);
    f->rules.name = compile(&f->rules, name);
}

static void teardown(struct fixture *f)
{
    kb_router_deinit(&f->router);
    kb_rules_deinit(&f->rules);
}

static enum kb_route_result route(struct fixture *f, struct kb_slice value)
{
    f->rec.value = value;
    return kb_route(&f->router, &f->rules, &f->rec, &f->err);
}

static void assert_routed(
    struct fixture *f, const char *value, const char *channel, const char *name)
{
    assert_int_equal(route(f, kb_slice_of(value)), KB_ROUTED);
    assert_int_equal(f->router.n_messages, 1);
    const struct kb_message *msg = &f->router.messages[0];
    assert_true(kb_slice_is(msg->channel, channel));
    assert_int_equal(msg->name.ptr != NULL, name != NULL);
    assert_true(!name || kb_slice_is(msg->name, name));
}

static void assert_failed(
    struct fixture *f, struct kb_slice value, enum kb_failure failure, const char *text)
{
    assert_int_equal(route(f, value), KB_FAILED);
    assert_int_equal(f->router.n_messages, 0);
    assert_int_equal(f->err.class, KB_ERR_RECORD);
    assert_int_equal(f->err.failure, failure);
    if (!strstr(f->err.text, text))
        fail_msg("expected \"%s\" in \"%s\"", text, f->err.text);
}

static void test_nothing_of_a_record_reaches_the_next(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "c:#{value.a | default(\"none\")}", "#{value.b | default(\"\")}");
    assert_routed(&f, "{\"a\":\"long long long\",\"b\":\"x\"}", "c:long long long", "x");
    assert_routed(&f, "{\"a\":1}", "c:1", NULL);
    assert_routed(&f, "{\"b\":2}", "c:none", "2");
    assert_routed(&f, "plain", "c:none", NULL);

    struct kb_header push = {
        KB_S(KB_HEADER_PUSH), KB_S("{\"notification\":{\"title\":1,\"body\":2}}")};
    f.rec.headers = &push;
    f.rec.n_headers = 1;
    assert_routed(&f, "{}", "c:none", NULL);
    assert_non_null(f.router.messages[0].push.ptr);
    f.rec.n_headers = 0;
    assert_routed(&f, "{}", "c:none", NULL);
    assert_null(f.router.messages[0].push.ptr);
    assert_int_equal(f.router.messages[0].n_headers, 0);

    f.rules.null_value = KB_NULL_SKIP;
    assert_int_equal(route(&f, (struct kb_slice){NULL, 0}), KB_DROPPED);
    assert_int_equal(f.router.n_messages, 0);
    teardown(&f);
}

static void test_a_record_too_large_fails_alone(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "c", "#{value}");
    size_t large = 2 << 20;
    char *text = malloc(large);
    memset(text, 'x', large);
    assert_failed(&f, (struct kb_slice){text, large}, KB_FAILURE_MESSAGE,
        "name: the text of this template is longer than 1048576 bytes");
    assert_routed(&f, "short", "c", "short");
    /* A name that fits and leaves no room for the id. */
    assert_failed(&f, (struct kb_slice){text, (1 << 20) - 10}, KB_FAILURE_MESSAGE,
        "the message's texts are longer than 1048576 bytes");
    assert_routed(&f, "short", "c", "short");

    f.router.arena.max = 4096;
    assert_failed(&f, (struct kb_slice){text, 8192}, KB_FAILURE_MAPPING,
        "value: the fields that templates read are larger than");
    assert_routed(&f, "short", "c", "short");
    free(text);
    teardown(&f);
}

static void test_the_bound_of_texts_is_each_messages_own(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "c1", "#{value}");
    f.rules.n_more_channels = 2;
    f.rules.more_channels = calloc(2, sizeof(*f.rules.more_channels));
    f.rules.more_channels[0] = compile(&f.rules, "c2");
    f.rules.more_channels[1] = compile(&f.rules, "c3");
    size_t large = 600 << 10;
    char *text = malloc(large);
    memset(text, 'x', large);
    struct kb_slice value = {text, large};
    struct kb_buf id;
    kb_buf_init(&id, 1000);
    assert_int_equal(route(&f, value), KB_ROUTED);
    assert_int_equal(f.router.n_messages, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct kb_message *msg = &f.router.messages[i];
        char channel[] = {'c', (char)('1' + i), '\0'};
        assert_true(kb_slice_is(msg->channel, channel));
        kb_buf_reset(&id);
        kb_message_id(&id, &f.rec, (uint32_t)i, 0);
        assert_true(kb_slice_eq(msg->id, kb_buf_slice(&id)));
        assert_true(kb_slice_eq(msg->name, value));
        assert_null(msg->client_id.ptr);
    }
    kb_buf_deinit(&id);
    f.router.arena.max = 3 << 19;
    assert_failed(&f, value, KB_FAILURE_MESSAGE,
        "message 2: the texts of a record's messages are longer than 1 MiB together");
    free(text);
    teardown(&f);
}

static void test_a_push_too_large_to_be_checked_fails_alone(void **state)
{
    (void)state;
    struct fixture f;
    struct kb_buf push;
    setup(&f, "c", "n");
    kb_buf_init(&push, 1 << 20);
    kb_buf_add(&push, KB_S("{\"notification\":{\"title\":\"t\",\"body\":\""));
    for (int i = 0; i < 8192; i++)
        kb_buf_byte(&push, 'b');
    kb_buf_add(&push, KB_S("\"}}"));
    struct kb_header header = {KB_S(KB_HEADER_PUSH), kb_buf_slice(&push)};
    f.rec.headers = &header;
    f.rec.n_headers = 1;
    assert_routed(&f, "v", "c", "n");
    f.router.arena.max = 4096;
    assert_failed(&f, KB_S("v"), KB_FAILURE_MESSAGE, KB_HEADER_PUSH ": is too large");
    kb_buf_deinit(&push);
    teardown(&f);
}

static void test_a_channel_is_checked_as_it_was_rendered(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "#{value.a}#{value.b}", "n");
    assert_failed(&f, KB_S("{\"a\":\"\",\"b\":\"\"}"), KB_FAILURE_MESSAGE, "channel: ");
    assert_failed(&f, KB_S("{\"a\":\"\",\"b\":\":\"}"), KB_FAILURE_MESSAGE, "channel: ");
    assert_failed(&f, KB_S("{\"a\":\"x\",\"b\":\"\\n\"}"), KB_FAILURE_MESSAGE, "channel: ");
    assert_routed(&f, "{\"a\":\"x\",\"b\":\":\"}", "x:", "n");
    teardown(&f);
}

/* After the first record of a kind the router's memory stays where it is. */
static void test_routing_settles_into_its_memory(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, "c:#{value.a}/#{key.b}", "#{value.a}");
    f.rec.key = KB_S("{\"b\":\"key\"}");
    assert_routed(&f, "{\"a\":\"first\"}", "c:first/key", "first");
    const char *text = f.router.text.ptr;
    const void *block = f.router.arena.first;
    size_t used = f.router.arena.used;
    for (int i = 0; i < 1000; i++) {
        assert_routed(&f, "{\"a\":\"again\"}", "c:again/key", "again");
        assert_ptr_equal(f.router.text.ptr, text);
        assert_ptr_equal(f.router.arena.first, block);
        assert_int_equal(f.router.arena.used, used);
    }
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_takes_its_topics),
        cmocka_unit_test(test_topics_are_as_long_as_kafka_lets_them_be),
        cmocka_unit_test(test_channel_names_at_their_limits),
        cmocka_unit_test(test_ids_tell_messages_records_and_clusters_apart),
        cmocka_unit_test(test_nothing_of_a_record_reaches_the_next),
        cmocka_unit_test(test_a_record_too_large_fails_alone),
        cmocka_unit_test(test_the_bound_of_texts_is_each_messages_own),
        cmocka_unit_test(test_a_push_too_large_to_be_checked_fails_alone),
        cmocka_unit_test(test_a_channel_is_checked_as_it_was_rendered),
        cmocka_unit_test(test_routing_settles_into_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
