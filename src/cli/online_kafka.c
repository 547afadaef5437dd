/* Kafka, as `check --online` sees it: does a broker take the credentials, are the topics there, can
 * they be read, may the group be used? Called by online.c. Nothing is joined: what a group has
 * committed is asked for, and of each partition where it ends. */
#include "cli/online_parts.h"

#include "base/clock.h"
#include "kafka/reader.h"
#include "pipeline/settings.h"

#include <string.h>

#define FIND_MS 10000
#define LOOK_MS 5000
#define READ_MS 10000
#define WAIT_MS 100

/* What to do about an error of librdkafka's or the broker's. */
static const char *fix_for(int code)
{
    static const struct {
        rd_kafka_resp_err_t code;
        const char *fix;
    } fixes[] = {
        {RD_KAFKA_RESP_ERR__AUTHENTICATION,
            "look at sasl.mechanism, sasl.username and sasl.password"},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            "look at sasl.mechanism, sasl.username and sasl.password"},
        {RD_KAFKA_RESP_ERR__SSL, "look at security.protocol and ssl.ca.location"},
        {RD_KAFKA_RESP_ERR__RESOLVE, "look at bootstrap.servers"},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "create it, or correct its name"},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "this user needs the rights Describe and Read on it"},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "this user needs the right Read on it"},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "this user lacks rights on the cluster"},
    };
    for (size_t i = 0; i < KB_COUNT(fixes); i++)
        if ((int)fixes[i].code == code)
            return fixes[i].fix;
    return "does a broker listen there, and does security.protocol fit its listener?";
}

/* The error begins with "Kafka: " or names what it is about before that; here each line does. */
static void amiss(struct kb_findings *found, const struct kb_err *err)
{
    static const char name[] = "Kafka: ";
    const char *at = strstr(err->text, name);
    size_t before = at ? (size_t)(at - err->text) : 0;
    kb_found(found, KB_FOUND_AMISS, "Kafka", "%.*s%s; %s", (int)before, err->text,
        at ? at + strlen(name) : err->text, fix_for(err->code));
}

/* ---- topics ---- */

static bool is_wanted(void *context, const char *topic)
{
    return kb_config_rules(context, kb_slice_of(topic)) != NULL;
}

static void tell_cluster(struct kb_reader *reader, struct kb_findings *found)
{
    int brokers = kb_reader_brokers(reader), n;
    struct kb_slice cluster = kb_reader_cluster(reader);
    struct kb_buf topics;
    kb_buf_init(&topics, 1u << 20);
    for (size_t i = 0; i < kb_reader_topics(reader); i++) {
        const char *name = kb_reader_topic(reader, i, &n);
        kb_buf_printf(
            &topics, "%s %s with %d partition%s", i ? "," : ";", name, n, n == 1 ? "" : "s");
    }
    kb_found(found, KB_FOUND_WELL, "Kafka", "%d broker%s, cluster " KB_FMT KB_FMT, brokers,
        brokers == 1 ? "" : "s", KB_ARG(cluster.ptr ? cluster : KB_S("without an id")),
        KB_ARG(kb_buf_slice(&topics)));
    kb_buf_deinit(&topics);
}

static bool is_listed(const struct kb_reader *reader, const char *name)
{
    int n;
    for (size_t i = 0; i < kb_reader_topics(reader); i++)
        if (strcmp(kb_reader_topic(reader, i, &n), name) == 0)
            return true;
    return false;
}

/* A topic that Kafka does not list is not there, or this user may not know of it. */
static void look_for_topic(struct kb_reader *reader, const char *name, struct kb_findings *found)
{
    struct kb_err err;
    if (kb_reader_look(reader, name, LOOK_MS, &err))
        return;
    if (err.code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        kb_found(
            found, KB_FOUND_AMISS, "Kafka", "there is no topic %s; %s", name, fix_for(err.code));
    else
        amiss(found, &err);
}

static bool matches_any(const struct kb_topic_pattern *pattern, const struct kb_reader *reader)
{
    int n;
    for (size_t i = 0; i < kb_reader_topics(reader); i++)
        if (regexec(&pattern->regex, kb_reader_topic(reader, i, &n), 0, NULL, 0) == 0)
            return true;
    return false;
}

static void look_for_topics(
    const struct kb_config *config, struct kb_reader *reader, struct kb_findings *found)
{
    for (size_t i = 0; i < config->n_topics; i++)
        for (size_t j = 0; j < config->topics[i].n_patterns; j++) {
            const struct kb_topic_pattern *pattern = &config->topics[i].patterns[j];
            if (!pattern->is_regex && !is_listed(reader, pattern->text))
                look_for_topic(reader, pattern->text, found);
            else if (pattern->is_regex && !matches_any(pattern, reader))
                kb_found(found, KB_FOUND_WARNING, "Kafka",
                    "no topic matches \"%s\" yet (%s); one that is made later will be taken",
                    pattern->text, config->topics[i].where);
        }
    if (config->dead_letter.topic)
        look_for_topic(reader, config->dead_letter.topic, found);
}

/* ---- reading ---- */

/* Goes to the end of each partition: that takes the right to read, and a leader that can be reached
 * under the name which the cluster gives for it. */
static void try_to_read(struct kb_reader *reader, struct kb_findings *found)
{
    const struct kb_start end = {.kind = KB_START_END};
    struct kb_record rec;
    struct kb_err err;
    if (kb_reader_topics(reader) == 0)
        return;
    if (!kb_reader_begin(reader, &end, &err)) {
        amiss(found, &err);
        return;
    }
    int64_t begun = kb_system_now_ms();
    enum kb_read got;
    bool complained;
    do {
        got = kb_reader_next(reader, &rec, WAIT_MS);
        complained = kb_reader_complained(reader, &err);
    } while (got != KB_READ_END && !complained && kb_system_now_ms() - begun < READ_MS);
    if (complained)
        amiss(found, &err);
    else if (got != KB_READ_END)
        kb_found(found, KB_FOUND_AMISS, "Kafka",
            "not every partition could be read within %d s; can the brokers be reached under the "
            "names that they give (advertised.listeners)?",
            READ_MS / 1000);
}

static void ask_for_group(
    const struct kb_config *config, struct kb_reader *reader, struct kb_findings *found)
{
    struct kb_err err;
    size_t committed;
    const char *group = kb_settings_kafka_property(config, "group.id");
    if (!group)
        return;
    if (!kb_reader_group(reader, group, &committed, LOOK_MS, &err))
        amiss(found, &err);
    else if (committed == 0)
        kb_found(found, KB_FOUND_WELL, "Kafka",
            "group %s has committed nothing yet; it begins where auto.offset.reset says", group);
    else
        kb_found(found, KB_FOUND_WELL, "Kafka",
            "group %s goes on from its commits in %zu partition%s", group, committed,
            committed == 1 ? "" : "s");
}

void kb_online_kafka(const struct kb_config *config, struct kb_findings *found)
{
    struct kb_err err;
    struct kb_reader *reader = kb_reader_new(config->kafka.properties, config->kafka.n, &err);
    if (reader && kb_reader_find(reader, is_wanted, (void *)(uintptr_t)config, FIND_MS, &err)) {
        tell_cluster(reader, found);
        look_for_topics(config, reader, found);
        ask_for_group(config, reader, found);
        try_to_read(reader, found);
    } else {
        amiss(found, &err);
    }
    kb_reader_free(reader);
}
