/* librdkafka's properties: kably's defaults stand below the user's, some are refused with a reason,
 * a typing mistake gets a hint, secrets stay out of texts. */
#include "kafka/properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define PROPERTY(n, v)                                                        \
    {                                                                         \
        .name = (char *)(n), .value = (char *)(v), .secret = false, .line = 1 \
    }

/* What the client would get; the library has no value for a text that was never set. */
static const char *get(const rd_kafka_conf_t *conf, const char *name)
{
    static char value[512];
    size_t size = sizeof(value);
    bool set = rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK;
    return set ? value : "";
}

static void refuses(const char *name, const char *value, const char *text)
{
    struct kb_property property = PROPERTY(name, value);
    struct kb_err err = {.class = KB_ERR_NONE};
    assert_false(kb_property_check(&property, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
    if (!strstr(err.text, text))
        fail_msg("expected \"%s\" in: %s", text, err.text);
}

static void test_defaults(void **state)
{
    (void)state;
    struct kb_err err;
    rd_kafka_conf_t *conf = kb_properties_conf(NULL, 0, KB_CLIENT_CONSUMER, 100 << 20, &err);
    assert_non_null(conf);
    assert_string_equal(get(conf, "auto.offset.reset"), "smallest");
    assert_string_equal(get(conf, "enable.auto.commit"), "false");
    assert_string_equal(get(conf, "enable.auto.offset.store"), "false");
    assert_string_equal(get(conf, "queued.max.messages.kbytes"), "102400");
    assert_string_equal(get(conf, "queued.min.messages"), "10000000");
    assert_string_equal(get(conf, "fetch.max.bytes"), "4194304");
    assert_string_equal(get(conf, "client.id"), "kably");
    assert_string_equal(get(conf, "partition.assignment.strategy"), "range,roundrobin");
    rd_kafka_conf_destroy(conf);
}

static void test_the_users_value_wins(void **state)
{
    (void)state;
    const struct kb_property properties[] = {
        PROPERTY("auto.offset.reset", "latest"),
        PROPERTY("queued.max.messages.kbytes", "77"),
        PROPERTY("fetch.max.bytes", "5000000"),
        PROPERTY("client.id", "mine"),
        PROPERTY("group.id", "g"),
    };
    struct kb_err err;
    rd_kafka_conf_t *conf =
        kb_properties_conf(properties, KB_COUNT(properties), KB_CLIENT_CONSUMER, 1 << 20, &err);
    assert_non_null(conf);
    assert_string_equal(get(conf, "auto.offset.reset"), "largest");
    assert_string_equal(get(conf, "queued.max.messages.kbytes"), "77");
    assert_string_equal(get(conf, "fetch.max.bytes"), "5000000");
    assert_string_equal(get(conf, "client.id"), "mine");
    rd_kafka_conf_destroy(conf);
}

/* The library wants fetch.max.bytes >= message.max.bytes: who raises one does not have to know the
 * other. */
static void test_large_messages_get_large_fetches(void **state)
{
    (void)state;
    const struct kb_property properties[] = {
        PROPERTY("message.max.bytes", "20000000"), PROPERTY("group.id", "g")};
    struct kb_err err;
    char why[512];
    rd_kafka_conf_t *conf =
        kb_properties_conf(properties, KB_COUNT(properties), KB_CLIENT_CONSUMER, 0, &err);
    assert_non_null(conf);
    assert_string_equal(get(conf, "fetch.max.bytes"), "20000000");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    assert_non_null(rk);
    rd_kafka_destroy(rk);
}

static void test_each_client_gets_its_own(void **state)
{
    (void)state;
    const struct kb_property properties[] = {
        PROPERTY("group.id", "g"),
        PROPERTY("auto.offset.reset", "latest"),
        PROPERTY("bootstrap.servers", "127.0.0.1:1"),
        PROPERTY("compression.codec", "lz4"),
        PROPERTY("delivery.timeout.ms", "4000"),
    };
    struct kb_err err;
    rd_kafka_conf_t *conf =
        kb_properties_conf(properties, KB_COUNT(properties), KB_CLIENT_PRODUCER, 1 << 20, &err);
    assert_non_null(conf);
    assert_string_equal(get(conf, "group.id"), "");
    assert_string_equal(get(conf, "bootstrap.servers"), "127.0.0.1:1");
    assert_string_equal(get(conf, "request.required.acks"), "-1");
    assert_string_equal(get(conf, "enable.idempotence"), "true");
    assert_string_equal(get(conf, "compression.codec"), "lz4");
    assert_string_equal(get(conf, "message.timeout.ms"), "4000");
    rd_kafka_conf_destroy(conf);

    conf = kb_properties_conf(properties, KB_COUNT(properties), KB_CLIENT_CONSUMER, 1 << 20, &err);
    assert_non_null(conf);
    assert_string_equal(get(conf, "group.id"), "g");
    assert_string_equal(get(conf, "compression.codec"), "none");
    rd_kafka_conf_destroy(conf);
}

static void test_refusals(void **state)
{
    (void)state;
    refuses("enable.auto.commit", "true", "kably commits");
    refuses("enable.auto.offset.store", "true", "kably commits");
    refuses("acks", "1", "all in-sync replicas");
    refuses("rebalance_cb", "x", "function of the program");
    refuses("group.protocol", "consumer", "the classic protocol"); /* known from 2.4 on */
    refuses("grup.id", "g", "did you mean \"group.id\"?");
    refuses("boostrap.server", "g", "did you mean \"bootstrap.servers\"?");
    refuses("utterly.different.thing", "g", "does not have it");
    refuses("queued.min.messages", "0", "queued.min.messages");
    refuses("session.timeout.ms", "soon", "session.timeout.ms");

    const struct kb_property bad[] = {
        PROPERTY("group.id", "g"), PROPERTY("enable.auto.commit", "true")};
    struct kb_err err;
    assert_null(kb_properties_conf(bad, KB_COUNT(bad), KB_CLIENT_CONSUMER, 0, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
}

static void test_accepted(void **state)
{
    (void)state;
    static const struct kb_property good[] = {
        PROPERTY("group.id", "g"), PROPERTY("metadata.broker.list", "a:1,b:2"),
        PROPERTY("security.protocol", "sasl_ssl"), PROPERTY("sasl.password", "hush"),
        PROPERTY("partition.assignment.strategy", "cooperative-sticky"),
        PROPERTY("test.mock.num.brokers", "1"), /* hidden in the library's table */
    };
    for (size_t i = 0; i < KB_COUNT(good); i++) {
        struct kb_err err = {.text = ""};
        if (!kb_property_check(&good[i], &err))
            fail_msg("%s: %s", good[i].name, err.text);
    }
}

static void test_secrets(void **state)
{
    (void)state;
    static const char *const secret[] = {"sasl.password", "ssl.key.password", "ssl.key.pem",
        "ssl.keystore.password", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
        "ssl_key"};
    static const char *const open[] = {"group.id", "sasl.username", "ssl.ca.pem",
        "ssl.certificate.pem", "ssl.key.location", "sasl.oauthbearer.client.id", ""};
    for (size_t i = 0; i < KB_COUNT(secret); i++)
        assert_true(kb_property_secret(kb_slice_of(secret[i])));
    for (size_t i = 0; i < KB_COUNT(open); i++)
        assert_false(kb_property_secret(kb_slice_of(open[i])));

    struct kb_property property = PROPERTY("ssl.key.pem", "hush-hush");
    struct kb_err err = {.text = ""};
    if (!kb_property_check(&property, &err))
        assert_null(strstr(err.text, "hush-hush"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_the_users_value_wins),
        cmocka_unit_test(test_large_messages_get_large_fetches),
        cmocka_unit_test(test_each_client_gets_its_own),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
