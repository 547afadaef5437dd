/* Asks Kafka, Ably and the registry, each by the very code that works with it later; see probe.h.
 * Called by generation.c. */
#include "pipeline/probe.h"

#include "ably/probe.h"
#include "base/clock.h"
#include "kafka/probe.h"
#include "pipeline/settings.h"

#define KAFKA_MS 10000
#define ABLY_MS 15000 /* a request's timeout, and what another host takes */
#define REGISTRY_MS 5000
#define STEP_MS 50

/* Until when it is waited for an answer. */
struct wait {
    const atomic_bool *give_up;
    int64_t until_ms;
};

static struct wait wait_for(int64_t ms, const atomic_bool *give_up)
{
    return (struct wait){.give_up = give_up, .until_ms = kb_system_now_ms() + ms};
}

static bool is_over(const struct wait *wait)
{
    return atomic_load(wait->give_up) || kb_system_now_ms() >= wait->until_ms;
}

/* ---- each side; false: err says why ---- */

/* A topic of the file, for the group to be asked about. */
static const char *any_topic(const struct kb_config *next)
{
    for (size_t i = 0; i < next->n_topics; i++)
        for (size_t j = 0; j < next->topics[i].n_patterns; j++)
            if (!next->topics[i].patterns[j].is_regex)
                return next->topics[i].patterns[j].text;
    return "kably";
}

static bool ask_kafka(const struct kb_config *next, const atomic_bool *give_up, struct kb_err *err)
{
    return kb_kafka_probe(
        next->kafka.properties, next->kafka.n, any_topic(next), KAFKA_MS, give_up, err);
}

static bool ably_answers(struct kb_ably_probe *probe, struct kb_transport *transport,
    const struct wait *wait, struct kb_err *err)
{
    enum kb_probe_state state;
    while ((state = kb_ably_probe_step(probe, kb_system_now_ms(), err)) == KB_PROBE_ASKING) {
        if (is_over(wait))
            return kb_err_outage(err, "there is no answer in time");
        kb_curl_wait(transport, NULL, 0, STEP_MS);
    }
    return state == KB_PROBE_WELL;
}

static bool ask_ably(const struct kb_config *next, const atomic_bool *give_up, struct kb_err *err)
{
    const struct kb_curl_options curl = kb_settings_ably_curl(next);
    const struct wait wait = wait_for(ABLY_MS, give_up);
    struct kb_host_list hosts;
    struct kb_publisher_options options;
    if (!kb_settings_publisher(next, 0, 1, kb_clock_system(), &hosts, &options, err))
        return false;
    struct kb_transport *transport = kb_curl_new(&curl, err);
    struct kb_ably_probe *probe =
        transport ? kb_ably_probe_new(&options, transport, kb_random_system(), err) : NULL;
    bool ok = probe && ably_answers(probe, transport, &wait, err);
    kb_ably_probe_free(probe);
    kb_curl_free(transport);
    return ok;
}

/* A schema that it has, or its own word that it has none of that id: either way it is there, and
 * talks to us. */
static bool registry_answers(struct kb_schemas *schemas, struct kb_transport *transport,
    const struct wait *wait, struct kb_err *err)
{
    const struct kb_schema_key key = {.id = 1};
    struct kb_schema *schema;
    while (kb_schemas_get(schemas, &key, &schema, err) == KB_SCHEMA_AWAITED) {
        kb_schemas_step(schemas, kb_system_now_ms());
        struct kb_schemas_status status = kb_schemas_status(schemas);
        if (status.outage)
            return kb_err_outage(err, "%s", status.outage_text);
        if (is_over(wait))
            return kb_err_outage(err, "there is no answer in time");
        kb_curl_wait(transport, NULL, 0, STEP_MS);
    }
    return true;
}

static bool ask_registry(
    const struct kb_config *next, const atomic_bool *give_up, struct kb_err *err)
{
    const struct kb_curl_options curl = kb_settings_registry_curl(next);
    const struct kb_registry_options options = kb_settings_registry(next);
    const struct wait wait = wait_for(REGISTRY_MS, give_up);
    struct kb_transport *transport = kb_curl_new(&curl, err);
    struct kb_schemas *schemas =
        transport ? kb_schemas_new(&options, transport, kb_random_system(), err) : NULL;
    bool ok = schemas && registry_answers(schemas, transport, &wait, err);
    kb_schemas_free(schemas);
    kb_curl_free(transport);
    return ok;
}

/* ---- all of them ---- */

static bool ask(const struct kb_config *next, const char *block,
    bool (*side)(const struct kb_config *next, const atomic_bool *give_up, struct kb_err *err),
    const atomic_bool *give_up, struct kb_buf *problems)
{
    struct kb_err err;
    if (side(next, give_up, &err))
        return true;
    kb_buf_printf(problems,
        "%s: the block %s has changed, and does not work: %s; correct it, or try again when that "
        "is over (a restart applies it unasked)\n",
        next->path, block, err.text);
    return false;
}

bool kb_probe(const struct kb_config *next, const struct kb_changes *changes,
    const atomic_bool *give_up, struct kb_buf *problems)
{
    bool kafka = !changes->kafka || ask(next, "kafka", ask_kafka, give_up, problems);
    bool ably = !changes->ably || ask(next, "ably", ask_ably, give_up, problems);
    bool registry = !changes->registry || !next->registry.url ||
                    ask(next, "registry", ask_registry, give_up, problems);
    return kafka && ably && registry;
}
