/* librdkafka's properties: which of them a user may set, what kably sets below them, and the
 * configuration that results. What exists, and which kind of client it is for, is asked of the
 * library itself (rd_kafka_conf_properties_show), so that a newer library brings its own properties
 * along.
 *
 * Called while a configuration is checked and when a client is made; nothing is kept. Thread: any.
 */
#include "kafka/properties.h"

#include "base/suggest.h"

#include <stdint.h>

enum { VALUE_MAX = 512, FETCH_MAX_BYTES = 4 << 20 };

#define CONSUMER (1u << KB_CLIENT_CONSUMER)
#define PRODUCER (1u << KB_CLIENT_PRODUCER)

struct preset {
    unsigned clients;
    const char *name, *value;
};

/* kably's own defaults, below the user's. Why the large queue: before 2.2 the library's fetcher
 * sleeps up to a second when its queue is full, so the queue is limited by bytes alone
 * (queued.max.messages.kbytes, from the memory ceiling); from 2.2 on fetch.queue.backoff.ms
 * shortens that sleep, and older libraries, which don't know it, are not asked. */
static const struct preset defaults[] = {
    {CONSUMER | PRODUCER, "client.id", "kably"},
    {CONSUMER | PRODUCER, "reconnect.backoff.max.ms", "2000"},
    {CONSUMER | PRODUCER, "socket.nagle.disable", "true"},
    {CONSUMER | PRODUCER, "socket.keepalive.enable", "true"},
    {CONSUMER | PRODUCER, "log.connection.close", "false"},
    {CONSUMER, "auto.offset.reset", "earliest"}, {CONSUMER, "enable.auto.commit", "false"},
    {CONSUMER, "enable.auto.offset.store", "false"}, {CONSUMER, "queued.min.messages", "10000000"},
    {CONSUMER, "fetch.wait.max.ms", "100"}, {CONSUMER, "fetch.queue.backoff.ms", "20"},
    {PRODUCER, "enable.idempotence", "true"}, {PRODUCER, "acks", "all"},
    {PRODUCER, "message.timeout.ms", "30000"},    /* an answer comes, good or bad */
    {PRODUCER, "message.max.bytes", "134217728"}, /* the broker decides what is too large */
};

struct refusal {
    const char *name, *reason;
};

static const struct refusal refusals[] = {
    {"enable.auto.commit", "kably commits an offset itself, once its record has an outcome"},
    {"enable.auto.offset.store", "kably commits an offset itself, once its record has an outcome"},
    {"auto.commit.enable", "kably commits an offset itself, once its record has an outcome"},
    {"group.protocol", "kably answers rebalances itself, by the classic protocol"},
    {"acks", "a dead letter always waits for all in-sync replicas"},
    {"request.required.acks", "a dead letter always waits for all in-sync replicas"},
    {"enable.idempotence", "the dead-letter producer is always idempotent"},
    {"transactional.id", "kably's producer uses no transactions"},
    {"enabled_events", "kably chooses what librdkafka reports to it"},
    {"log.queue", "kably chooses how librdkafka logs"},
    {"opaque", "it is a pointer of the program, not a setting"},
    {"default_topic_conf", "it is a pointer of the program, not a setting"},
};

bool kb_property_secret(struct kb_slice name)
{
    static const char *const parts[] = {
        "password", "passphrase", "secret", "key.pem", "ssl_key", "sasl.oauthbearer.config"};
    for (size_t i = 0; i < KB_COUNT(parts); i++) {
        if (name.len && memmem(name.ptr, name.len, parts[i], strlen(parts[i])))
            return true;
    }
    return false;
}

/* The library's own table, one property a line: "name | C, P or * | range | ...". Returns new text,
 * NULL = no memory. */
static char *library_table(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    rd_kafka_conf_properties_show(out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* One row of the table at *at; moves *at to the next line. False at the end. Lines that are no rows
 * give an empty name. */
static bool table_next(const char **at, struct kb_slice *name, char *scope)
{
    const char *line = *at;
    if (!*line)
        return false;
    const char *end = line + strcspn(line, "\n");
    *at = *end ? end + 1 : end;
    *name = (struct kb_slice){line, 0};
    const char *bar = memchr(line, '|', (size_t)(end - line));
    if (bar && end - bar > 4 && strchr("CP*", bar[3]))
        *name = (struct kb_slice){line, strcspn(line, " |")};
    *scope = name->len ? bar[3] : 0;
    return true;
}

/* The clients a property is for. A name the table does not have (a library's hidden one) is for
 * both. */
static unsigned clients_of(const char *table, const char *name)
{
    struct kb_slice row;
    char scope;
    unsigned clients = 0; /* one name may stand in both halves, global and topic */
    while (table_next(&table, &row, &scope)) {
        if (kb_slice_is(row, name))
            clients |= scope == 'C' ? CONSUMER : scope == 'P' ? PRODUCER : CONSUMER | PRODUCER;
    }
    return clients ? clients : CONSUMER | PRODUCER;
}

static bool unknown_property(const char *name, struct kb_err *err)
{
    char *table = library_table();
    const char *at = table ? table : "";
    struct kb_slice row, nearest = {NULL, 0};
    size_t fewest = strlen(name) / 3 + 1; /* farther away is no typing mistake */
    char scope;
    while (table_next(&at, &row, &scope)) {
        size_t changes = row.len ? kb_suggest_distance(kb_slice_of(name), row) : SIZE_MAX;
        if (changes < fewest) {
            fewest = changes;
            nearest = row;
        }
    }
    if (nearest.len)
        kb_err_config(err, "unknown Kafka property \"%s\"; did you mean \"" KB_FMT "\"?", name,
            KB_ARG(nearest));
    else
        kb_err_config(err, "unknown Kafka property \"%s\"; librdkafka %s does not have it", name,
            rd_kafka_version_str());
    free(table);
    return false;
}

/* Sets one property; a false return has *err filled. */
static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct kb_err *err)
{
    char why[VALUE_MAX];
    switch (rd_kafka_conf_set(conf, name, value, why, sizeof(why))) {
    case RD_KAFKA_CONF_OK:
        return true;
    case RD_KAFKA_CONF_UNKNOWN:
        return unknown_property(name, err);
    default: /* the library's text may quote the value */
        if (kb_property_secret(kb_slice_of(name)))
            return kb_err_config(err, "Kafka property \"%s\": librdkafka refuses its value", name);
        return kb_err_config(err, "Kafka property \"%s\": %s", name, why);
    }
}

static const char *refused(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < KB_COUNT(refusals); i++) {
        if (strcmp(name, refusals[i].name) == 0)
            return refusals[i].reason;
    }
    if (len > 3 && strcmp(name + len - 3, "_cb") == 0)
        return "it is a function of the program, not a setting";
    return NULL;
}

/* The user's property into `conf`, unless it is not his to set. */
static bool set_users(rd_kafka_conf_t *conf, const struct kb_property *property, struct kb_err *err)
{
    const char *reason = refused(property->name);
    if (reason)
        return kb_err_config(
            err, "Kafka property \"%s\" can't be set: %s; leave it out", property->name, reason);
    return set(conf, property->name, property->value, err);
}

bool kb_property_check(const struct kb_property *property, struct kb_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = set_users(conf, property, err);
    rd_kafka_conf_destroy(conf);
    return ok;
}

static bool has(const struct kb_property *properties, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(properties[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool set_number(rd_kafka_conf_t *conf, const char *name, size_t number, struct kb_err *err)
{
    char text[32];
    snprintf(text, sizeof(text), "%zu", number);
    return set(conf, name, text, err);
}

static bool set_defaults(
    rd_kafka_conf_t *conf, enum kb_client client, size_t queue_bytes, struct kb_err *err)
{
    for (size_t i = 0; i < KB_COUNT(defaults); i++) {
        const struct preset *preset = &defaults[i];
        if (!(preset->clients & 1u << client))
            continue;
        if (strcmp(preset->name, "fetch.queue.backoff.ms") == 0 && rd_kafka_version() < 0x02020000)
            continue;
        if (!set(conf, preset->name, preset->value, err))
            return false;
    }
    if (client == KB_CLIENT_CONSUMER && queue_bytes) {
        size_t kbytes = queue_bytes / 1024;
        kbytes = kbytes < 1 ? 1 : kbytes > 2097151 ? 2097151 : kbytes; /* the library's bounds */
        return set_number(conf, "queued.max.messages.kbytes", kbytes, err);
    }
    return true;
}

/* Fetches of about 4 MiB keep the library's buffers small. It insists on fetch.max.bytes >=
 * message.max.bytes, so a user who raised that one gets a larger fetch instead of an error. */
static bool set_fetch_size(rd_kafka_conf_t *conf, struct kb_err *err)
{
    char text[32] = "";
    size_t size = sizeof(text);
    if (rd_kafka_conf_get(conf, "message.max.bytes", text, &size) != RD_KAFKA_CONF_OK)
        return kb_err_fatal(err, "librdkafka has no message.max.bytes");
    size_t message = strtoul(text, NULL, 10);
    return set_number(
        conf, "fetch.max.bytes", message > FETCH_MAX_BYTES ? message : FETCH_MAX_BYTES, err);
}

rd_kafka_conf_t *kb_properties_conf(const struct kb_property *properties, size_t n,
    enum kb_client client, size_t queue_bytes, struct kb_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char *table = library_table();
    bool ok = false;

    if (!table) {
        kb_err_fatal(err, "no memory for librdkafka's properties");
        goto done;
    }
    if (!set_defaults(conf, client, queue_bytes, err))
        goto done;
    for (size_t i = 0; i < n; i++) {
        if (!(clients_of(table, properties[i].name) & 1u << client))
            continue;
        if (!set_users(conf, &properties[i], err))
            goto done;
    }
    ok = client != KB_CLIENT_CONSUMER || has(properties, n, "fetch.max.bytes") ||
         set_fetch_size(conf, err);
done:
    free(table);
    if (!ok) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    return conf;
}

bool kb_cooperative_trusted(void)
{
    return rd_kafka_version() >= 0x020a0000;
}
