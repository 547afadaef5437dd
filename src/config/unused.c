/* Settings without effect, as the file stands: each is a warning, for whoever wrote it believes
 * that it does something. Called by load.c when all else is known. What only records show (a
 * message that brings its own) is cli/shadows.h's. */
#include "config/load.h"
#include "decode/schema.h"

struct unused {
    enum kb_block_kind block;
    const char *key; /* NULL = the block as a whole */
    /* `rules` are a topic's where the block is one. */
    bool (*used)(const struct kb_config *config, const struct kb_rules *rules);
    const char *why;
};

static bool has_letters(const struct kb_config *config, const struct kb_rules *rules)
{
    (void)rules;
    bool any = false;
    for (size_t i = 0; i < config->n_topics; i++) {
        const struct kb_rules *topic = &config->topics[i];
        any = any || kb_policy_uses_dlq(&topic->policy) || topic->null_value == KB_NULL_DLQ ||
              kb_rules_has(topic, KB_HOOK_NULL_VALUE);
    }
    return any;
}

static bool asks_registry(enum kb_format format)
{
    enum kb_schema_type type;
    return format == KB_FORMAT_AUTO || kb_schema_type_of(format, &type);
}

static bool has_schemas(const struct kb_config *config, const struct kb_rules *rules)
{
    (void)rules;
    bool any = false;
    for (size_t i = 0; i < config->n_topics; i++)
        any = any || asks_registry(config->topics[i].key_format) ||
              asks_registry(config->topics[i].value_format);
    return any;
}

static bool has_auth_url(const struct kb_config *config, const struct kb_rules *rules)
{
    (void)rules;
    return config->ably.auth_url != NULL;
}

/* RSA4: a key is asked for tokens where it is not sent itself, or behind a token that ends. */
static bool gets_tokens(const struct kb_config *config, const struct kb_rules *rules)
{
    (void)rules;
    return config->ably.key && !config->ably.auth_url &&
           (config->ably.use_token_auth || config->ably.token);
}

static bool asks_for_tokens(const struct kb_config *config, const struct kb_rules *rules)
{
    return has_auth_url(config, rules) || gets_tokens(config, rules);
}

/* `auto` reads any of them, where there is a registry. */
static bool reads(
    const struct kb_config *config, const struct kb_rules *rules, enum kb_format format)
{
    bool any = config->registry.url != NULL;
    return rules->key_format == format || rules->value_format == format ||
           (any && (rules->key_format == KB_FORMAT_AUTO || rules->value_format == KB_FORMAT_AUTO));
}

static bool reads_avro(const struct kb_config *config, const struct kb_rules *rules)
{
    return reads(config, rules, KB_FORMAT_AVRO);
}

/* Connect's schemas have logical types as well. */
static bool reads_logical_types(const struct kb_config *config, const struct kb_rules *rules)
{
    return reads_avro(config, rules) || reads(config, rules, KB_FORMAT_CONNECT_JSON);
}

static bool reads_protobuf(const struct kb_config *config, const struct kb_rules *rules)
{
    return reads(config, rules, KB_FORMAT_PROTOBUF);
}

static const char no_avro[] = "neither key nor value is Avro";
static const char no_protobuf[] = "neither key nor value is Protobuf";
static const char no_auth_url[] = "there is no auth_url";
static const char no_tokens[] = "the key is sent as it is; use_token_auth = true has it get tokens";

static const struct unused settings[] = {
    {KB_BLOCK_DEAD_LETTER, NULL, has_letters, "no on_error and no null_value says \"dlq\""},
    {KB_BLOCK_REGISTRY, NULL, has_schemas,
        "no key and no value is of the formats auto, avro, protobuf or json_schema"},
    {KB_BLOCK_ABLY, "auth_method", has_auth_url, no_auth_url},
    {KB_BLOCK_ABLY, "auth_headers", has_auth_url, no_auth_url},
    {KB_BLOCK_ABLY, "auth_params", has_auth_url, no_auth_url},
    {KB_BLOCK_ABLY, "token_type", gets_tokens, no_tokens},
    {KB_BLOCK_ABLY, "token_ttl_ms", gets_tokens, no_tokens},
    {KB_BLOCK_ABLY, "capability", asks_for_tokens, no_tokens},
    {KB_BLOCK_TOPIC, "logical_types", reads_logical_types,
        "neither key nor value is Avro or connect_json"},
    {KB_BLOCK_TOPIC, "unions", reads_avro, no_avro},
    {KB_BLOCK_TOPIC, "binary", reads_avro, no_avro},
    {KB_BLOCK_TOPIC, "int64", reads_protobuf, no_protobuf},
    {KB_BLOCK_TOPIC, "enums", reads_protobuf, no_protobuf},
    {KB_BLOCK_TOPIC, "use_proto_names", reads_protobuf, no_protobuf},
    {KB_BLOCK_TOPIC, "emit_default_values", reads_protobuf, no_protobuf},
};

static void warn(
    const struct kb_load *load, const struct kb_block *block, const char *key, const char *why)
{
    kb_load_warning(load, block, kb_slice_of(key), "has no effect: %s", why);
}

/* Its own, and in `defaults` where no topic has a use for it. */
static void look_at_topics(const struct kb_load *load, const struct unused *setting)
{
    const struct kb_block *defaults = &load->once[KB_BLOCK_DEFAULTS];
    bool shared = kb_raw_get(&defaults->body, setting->key) != NULL;
    for (size_t i = 0, number = 0; number < load->config->n_topics; i++) {
        const struct kb_block *block = &load->blocks->list[i];
        if (block->kind != KB_BLOCK_TOPIC)
            continue;
        bool own = kb_raw_get(&block->body, setting->key) != NULL;
        bool used = setting->used(load->config, &load->config->topics[number++]);
        shared = shared && (own || !used);
        if (own && !used)
            warn(load, block, setting->key, setting->why);
    }
    if (shared)
        warn(load, defaults, setting->key, "no topic has a use for it");
}

static void look_at_block(const struct kb_load *load, const struct unused *setting)
{
    const struct kb_block *block = &load->once[setting->block];
    bool there = block->body.kind == KB_RAW_TABLE &&
                 (!setting->key || kb_raw_get(&block->body, setting->key));
    if (there && !setting->used(load->config, NULL))
        warn(load, block, setting->key, setting->why);
}

static bool is_listed(const char *key)
{
    for (size_t i = 0; i < KB_COUNT(settings); i++)
        if (settings[i].block == KB_BLOCK_TOPIC && strcmp(settings[i].key, key) == 0)
            return true;
    return false;
}

static bool each_topic_has(const struct kb_load *load, const char *key)
{
    for (size_t i = 0; i < load->blocks->n; i++) {
        const struct kb_block *block = &load->blocks->list[i];
        if (block->kind == KB_BLOCK_TOPIC && !kb_raw_get(&block->body, key))
            return false;
    }
    return load->config->n_topics > 0;
}

/* A default that each topic replaces, a function above all: the two do not run one after the other.
 */
static void look_at_defaults(const struct kb_load *load)
{
    const struct kb_block *defaults = &load->once[KB_BLOCK_DEFAULTS];
    for (size_t i = 0; i < defaults->body.n_entries; i++) {
        struct kb_slice key = defaults->body.entries[i].key;
        if (key.ptr && !is_listed(key.ptr) && each_topic_has(load, key.ptr))
            warn(load, defaults, key.ptr, "each topic has its own");
    }
}

void kb_load_unused(const struct kb_load *load)
{
    for (size_t i = 0; i < KB_COUNT(settings); i++) {
        if (settings[i].block == KB_BLOCK_TOPIC)
            look_at_topics(load, &settings[i]);
        else
            look_at_block(load, &settings[i]);
    }
    look_at_defaults(load);
}
