/* The table itself; see options.h. In the order of what `kably options` prints. */
#include "config/options.h"

#include "base/suggest.h"

#define ROW(kind, name, kind_of_value) \
    .block = KB_BLOCK_##kind, .key = name, .type = KB_OPTION_##kind_of_value
/* One of the settings by which a side is reached: a reload asks that side first. */
#define SIDE(kind, name, kind_of_value) ROW(kind, name, kind_of_value), .connects = true
#define CONFIG(field) \
    .offset = offsetof(struct kb_config, field), .size = sizeof(((struct kb_config *)0)->field)
#define RULES(field) \
    .offset = offsetof(struct kb_rules, field), .size = sizeof(((struct kb_rules *)0)->field)

static const struct kb_choice orderings[] = {
    {"channel", KB_ORDERING_CHANNEL}, {"none", KB_ORDERING_NONE}, {0}};

static const struct kb_choice groups[] = {
    {"never", KB_GROUP_NEVER}, {"when_limited", KB_GROUP_WHEN_LIMITED}, {0}};

static const struct kb_choice protocols[] = {
    {"json", KB_PROTOCOL_JSON}, {"msgpack", KB_PROTOCOL_MSGPACK}, {0}};

static const struct kb_choice auth_methods[] = {{"GET", KB_AUTH_GET}, {"POST", KB_AUTH_POST}, {0}};

static const struct kb_choice token_types[] = {{"jwt", KB_TOKEN_JWT}, {"ably", KB_TOKEN_ABLY}, {0}};

static const struct kb_choice log_levels[] = {
#define X(id, name) {name, KB_LOG_##id},
    KB_LOG_LEVELS(X)
#undef X
        {0}};

static const struct kb_choice log_formats[] = {{"text", KB_LOG_TEXT}, {"json", KB_LOG_JSON}, {0}};

static const struct kb_choice formats[] = {
#define X(id, name, meaning) {name, KB_FORMAT_##id},
    KB_FORMATS(X)
#undef X
        {0}};

static const struct kb_choice union_styles[] = {
#define X(id, name, meaning) {name, KB_UNION_##id},
    KB_UNION_STYLES(X)
#undef X
        {0}};

static const struct kb_choice binary_styles[] = {
#define X(id, name, meaning) {name, KB_BINARY_##id},
    KB_BINARY_STYLES(X)
#undef X
        {0}};

static const struct kb_choice int64_styles[] = {
#define X(id, name, meaning) {name, KB_PROTO_INT64_##id},
    KB_PROTO_INT64(X)
#undef X
        {0}};

static const struct kb_choice enum_styles[] = {
#define X(id, name, meaning) {name, KB_PROTO_ENUMS_##id},
    KB_PROTO_ENUMS(X)
#undef X
        {0}};

static const struct kb_choice null_values[] = {
#define X(id, name) {name, KB_NULL_##id},
    KB_NULL_VALUES(X)
#undef X
        {0}};

const struct kb_option kb_options[] = {
    {SIDE(REGISTRY, "url", ADDRESSES), CONFIG(registry.url), .required = true,
        .help = "address of the schema registry, or a list of them, tried in turn"},
    {SIDE(REGISTRY, "auth", TEXT), CONFIG(registry.auth), .secret = true,
        .help = "user:password for Basic authentication; may also stand in url"},
    {SIDE(REGISTRY, "token", TEXT), CONFIG(registry.token), .secret = true,
        .help = "a bearer token"},
    {SIDE(REGISTRY, "ca_file", TEXT), CONFIG(registry.ca_file),
        .help = "certificates to trust (PEM); the system's unless set"},
    {SIDE(REGISTRY, "certificate_file", TEXT), CONFIG(registry.certificate_file),
        .help = "this client's certificate (PEM), for mutual TLS"},
    {SIDE(REGISTRY, "key_file", TEXT), CONFIG(registry.key_file),
        .help = "the key of certificate_file (PEM)"},
    {SIDE(REGISTRY, "key_password", TEXT), CONFIG(registry.key_password), .secret = true,
        .help = "the password of key_file"},

    {SIDE(ABLY, "key", TEXT), CONFIG(ably.key), .secret = true,
        .help = "the API key, APP.KEYID:SECRET; use env or file, so that it is not in this file"},
    {SIDE(ABLY, "token", TEXT), CONFIG(ably.token), .secret = true,
        .help = "a token, used until it is refused; then auth_url or key gets another"},
    {SIDE(ABLY, "auth_url", TEXT), CONFIG(ably.auth_url), .secret = true,
        .help = "where tokens come from: a token, JWT, TokenRequest or TokenDetails"},
    {SIDE(ABLY, "auth_method", CHOICE), CONFIG(ably.auth_method), .choices = auth_methods,
        .fallback = "GET", .help = "how auth_url is asked"},
    {SIDE(ABLY, "auth_headers", PAIRS), CONFIG(ably.auth_headers), .secret = true,
        .help = "headers for auth_url"},
    {SIDE(ABLY, "auth_params", PAIRS), CONFIG(ably.auth_params), .secret = true,
        .help = "parameters for auth_url, in its query or as a form"},
    {SIDE(ABLY, "use_token_auth", BOOLEAN), CONFIG(ably.use_token_auth), .fallback = "false",
        .help = "true = the key gets tokens and is not sent itself"},
    {SIDE(ABLY, "token_type", CHOICE), CONFIG(ably.token_type), .choices = token_types,
        .fallback = "jwt",
        .help = "what the key gets: a JWT signed here, or a token that Ably gives"},
    {SIDE(ABLY, "token_ttl_ms", INTEGER), CONFIG(ably.token_ttl_ms), .min = 10000, .max = 86400000,
        .fallback = "3600000", .help = "how long such a token lives"},
    {SIDE(ABLY, "capability", TEXT), CONFIG(ably.capability),
        .help = "what tokens may do, as JSON; what the key may do unless set"},
    {SIDE(ABLY, "client_id", TEXT), CONFIG(ably.client_id),
        .help = "the client id that publishes (X-Ably-ClientId)"},
    {SIDE(ABLY, "endpoint", TEXT), CONFIG(ably.endpoint),
        .help = "a routing policy, nonprod:NAME, or a hostname or address; Ably's own unless set"},
    {SIDE(ABLY, "port", INTEGER), CONFIG(ably.port), .min = 0, .max = 65535, .fallback = "0",
        .help = "0 = 443, or 80 without TLS"},
    {SIDE(ABLY, "tls", BOOLEAN), CONFIG(ably.tls), .fallback = "true",
        .help = "false = plain HTTP, with an API key to this machine only"},
    {SIDE(ABLY, "ca_file", TEXT), CONFIG(ably.ca_file),
        .help = "certificates to trust (PEM); the system's unless set"},
    {SIDE(ABLY, "fallback_hosts", LIST), CONFIG(ably.fallback_hosts),
        .help = "hosts to try when the first does not answer; {} = none, the endpoint's own unless "
                "set"},
    {ROW(ABLY, "http_open_timeout_ms", INTEGER), CONFIG(ably.http_open_timeout_ms), .min = 100,
        .max = 60000, .fallback = "4000", .help = "how long a connection may take to open"},
    {ROW(ABLY, "http_request_timeout_ms", INTEGER), CONFIG(ably.http_request_timeout_ms),
        .min = 100, .max = 60000, .fallback = "10000", .help = "how long an answer may take"},
    {ROW(ABLY, "http_max_retry_count", INTEGER), CONFIG(ably.http_max_retry_count), .min = 0,
        .max = 31, .fallback = "3", .help = "other hosts that one request is tried at, at most"},
    {ROW(ABLY, "http_max_retry_duration_ms", INTEGER), CONFIG(ably.http_max_retry_duration_ms),
        .min = 0, .max = 60000, .fallback = "15000",
        .help = "after this time a request is tried at no further host"},
    {ROW(ABLY, "fallback_retry_timeout_ms", INTEGER), CONFIG(ably.fallback_retry_timeout_ms),
        .min = 0, .max = 86400000, .fallback = "600000",
        .help = "how long a fallback host that worked is used before the first is tried again"},
    {SIDE(ABLY, "cert_file", TEXT), CONFIG(ably.cert_file),
        .help = "a client certificate (PEM), where a gateway asks for one"},
    {SIDE(ABLY, "cert_key_file", TEXT), CONFIG(ably.cert_key_file),
        .help = "the certificate's key (PEM); in cert_file unless set"},
    {SIDE(ABLY, "cert_key_password", TEXT), CONFIG(ably.cert_key_password), .secret = true,
        .help = "the password of that key"},
    {SIDE(ABLY, "proxy", TEXT), CONFIG(ably.proxy), .secret = true,
        .help = "http://, https://, socks5:// or socks5h://[USER:PASSWORD@]HOST:PORT; the "
                "environment's (https_proxy) unless set"},
    {SIDE(ABLY, "no_proxy", LIST), CONFIG(ably.no_proxy),
        .help = "hosts, domains or networks that are reached without the proxy; \"*\" = all"},
    {ROW(ABLY, "max_message_size", SIZE), CONFIG(ably.max_message_size), .min = 1024,
        .max = 16 << 20, .fallback = "64KiB",
        .help = "what the account allows; a larger message is a failure of class message"},

    {ROW(PUBLISH, "concurrency", INTEGER), CONFIG(publish.concurrency), .min = 1, .max = 1000,
        .fallback = "10", .help = "requests in flight at most, over all workers"},
    {ROW(PUBLISH, "linger_ms", INTEGER), CONFIG(publish.linger_ms), .min = 0, .max = 60000,
        .fallback = "100", .help = "how long a message may wait for others to share a request"},
    {ROW(PUBLISH, "max_records", INTEGER), CONFIG(publish.max_records), .min = 1, .max = 1000,
        .fallback = "1000", .help = "records of one request at most"},
    {ROW(PUBLISH, "max_bytes", SIZE), CONFIG(publish.max_bytes), .min = 1024, .max = 2 << 20,
        .fallback = "512KiB", .help = "bytes of one request's body at most"},
    {ROW(PUBLISH, "max_channels", INTEGER), CONFIG(publish.max_channels), .min = 1, .max = 100,
        .fallback = "100", .help = "channels of one request at most"},
    {ROW(PUBLISH, "requests_per_second", NUMBER), CONFIG(publish.requests_per_second), .min = 0,
        .max = 1000000, .fallback = "100",
        .help = "over all workers, with a burst of the same; 0 = no limit"},
    {ROW(PUBLISH, "messages_per_second", NUMBER), CONFIG(publish.messages_per_second), .min = 0,
        .max = 10000000, .fallback = "0",
        .help = "over all workers, with a burst of the same; 0 = no limit"},
    {ROW(PUBLISH, "channel_messages_per_second", NUMBER),
        CONFIG(publish.channel_messages_per_second), .min = 0, .max = 1000000, .fallback = "0",
        .help = "to each channel, from each worker, with a burst of the same; 0 = no limit"},
    {ROW(PUBLISH, "group", CHOICE), CONFIG(publish.group), .choices = groups, .fallback = "never",
        .help = "messages of a channel that is over its rate, sent as one: faster, less sure ids"},
    {ROW(PUBLISH, "ordering", CHOICE), CONFIG(publish.ordering), .choices = orderings,
        .fallback = "channel", .help = "keep the order of each channel, or trade it for speed"},
    {ROW(PUBLISH, "protocol", CHOICE), CONFIG(publish.protocol), .choices = protocols,
        .fallback = "json", .restart = true, .help = "how requests are encoded"},

    {ROW(TOPIC, "key", CHOICE), RULES(key_format), .choices = formats, .fallback = "auto",
        .help = "format of the records' keys"},
    {ROW(TOPIC, "value", CHOICE), RULES(value_format), .choices = formats, .fallback = "auto",
        .help = "format of the records' values"},
    {ROW(TOPIC, "logical_types", LOGICAL), RULES(formats.logical), .fallback = "default",
        .help = "how Avro's dates, times, decimals, UUIDs and durations are shown"},
    {ROW(TOPIC, "unions", CHOICE), RULES(formats.unions), .choices = union_styles,
        .fallback = "plain", .help = "how Avro's unions are shown"},
    {ROW(TOPIC, "binary", CHOICE), RULES(formats.binary), .choices = binary_styles,
        .fallback = "base64", .help = "how bytes inside a structure are shown"},
    {ROW(TOPIC, "int64", CHOICE), RULES(formats.proto_int64), .choices = int64_styles,
        .fallback = "string", .help = "how Protobuf's 64-bit integers are shown"},
    {ROW(TOPIC, "enums", CHOICE), RULES(formats.proto_enums), .choices = enum_styles,
        .fallback = "name", .help = "how Protobuf's enums are shown"},
    {ROW(TOPIC, "use_proto_names", BOOLEAN), RULES(formats.proto_names), .fallback = "false",
        .help = "Protobuf's fields by the names of the schema, not in camelCase"},
    {ROW(TOPIC, "emit_default_values", BOOLEAN), RULES(formats.proto_defaults), .fallback = "false",
        .help = "show Protobuf's fields without presence where they are zero or empty too"},
    {ROW(TOPIC, "channel", CHANNELS), RULES(channel), .required = true,
        .help = "the channel to publish to, such as \"user:#{value.id}\", or a list of them"},
    {ROW(TOPIC, "name", TEMPLATE), RULES(name), .help = "the message's name; none unless set"},
    {ROW(TOPIC, "client_id", TEMPLATE), RULES(client_id),
        .help = "the message's client id; none unless set"},
    {ROW(TOPIC, "null_value", CHOICE), RULES(null_value), .choices = null_values, .function = true,
        .hook = KB_HOOK_NULL_VALUE, .fallback = "publish",
        .help = "what to do with a record whose value is null"},
    {ROW(TOPIC, "on_error", POLICY), RULES(policy), .fallback = "stop",
        .help = "what to do with a record that fails, for all classes or for each"},
    {ROW(TOPIC, "transform", FUNCTION), RULES(functions), .hook = KB_HOOK_TRANSFORM,
        .help = "edits the record and returns it, or nil to drop it, or a list of messages"},
    {ROW(TOPIC, "push", PUSH), RULES(push), .hook = KB_HOOK_PUSH,
        .help =
            "the push notification (extras.push), { notification = { title = ..., body = ... } } "
            "of templates, or a function that returns it"},
    {ROW(TOPIC, "extras", EXTRAS), RULES(extras), .hook = KB_HOOK_EXTRAS,
        .help = "where extras have key and headers, and further members such as { privileged = "
                "true }"},
    {ROW(TOPIC, "id", TEMPLATE), RULES(id),
        .help = "the message's id, by which Ably drops repeats; the record's place unless set"},
    {ROW(TOPIC, "cipher", CIPHER), RULES(cipher_key), .secret = true,
        .help = "{ key = BASE64 }: encrypts the data with AES-128 or AES-256; the key may also be "
                "a template or a function(record)"},

    {ROW(DEAD_LETTER, "topic", TEXT), CONFIG(dead_letter.topic), .required = true,
        .help = "the topic that takes the records which on_error sends to \"dlq\""},

    {ROW(LIMITS, "workers", INTEGER), CONFIG(limits.workers), .min = 1, .max = 64, .fallback = "1",
        .restart = true, .help = "consumers in this process, each with its own thread"},
    {ROW(LIMITS, "memory", SIZE), CONFIG(limits.memory), .min = 16 << 20, .max = INT64_C(1) << 40,
        .fallback = "256MiB",
        .help = "bytes of records queued and in flight; above it partitions are paused"},
    {ROW(LIMITS, "core_dumps", BOOLEAN), CONFIG(limits.core_dumps), .fallback = "false",
        .restart = true, .help = "true = the process may dump core; a dump holds keys and records"},
    {ROW(LIMITS, "drain_ms", INTEGER), CONFIG(limits.drain_ms), .min = 0, .max = 600000,
        .fallback = "5000", .help = "how long a stop may take to finish what was taken"},
    {ROW(LIMITS, "hook_ms", INTEGER), CONFIG(limits.hook_ms), .min = 1, .max = 60000,
        .fallback = "50", .help = "the longest one call of a function of this file may run"},
    {ROW(LIMITS, "hook_memory", SIZE), CONFIG(limits.hook_memory), .min = 1 << 20,
        .max = INT64_C(1) << 40, .fallback = "64MiB",
        .help = "bytes that the functions of this file may hold, for each worker"},

    {ROW(ADMIN, "listen", TEXT), CONFIG(admin.listen), .fallback = "127.0.0.1:8088",
        .restart = true,
        .help = "ADDRESS:PORT of health, metrics and status; there is none without this block"},
    {ROW(ADMIN, "token", TEXT), CONFIG(admin.token), .secret = true,
        .help = "the bearer token to ask for; required where listen is not this machine alone"},

    {ROW(LOG, "level", CHOICE), CONFIG(log.level), .choices = log_levels, .fallback = "info",
        .help = "the least important lines to log"},
    {ROW(LOG, "format", CHOICE), CONFIG(log.format), .choices = log_formats, .fallback = "text",
        .help = "lines for people, or one JSON object a line"},

    {ROW(RELOAD, "run_tests", BOOLEAN), CONFIG(reload.run_tests), .fallback = "false",
        .help = "true = a reload runs the tests of the file first, and refuses it where one fails"},
};

const size_t kb_n_options = KB_COUNT(kb_options);

const enum kb_block_kind kb_option_blocks[] = {KB_BLOCK_REGISTRY, KB_BLOCK_ABLY, KB_BLOCK_PUBLISH,
    KB_BLOCK_DEAD_LETTER, KB_BLOCK_LIMITS, KB_BLOCK_ADMIN, KB_BLOCK_LOG, KB_BLOCK_RELOAD};
const size_t kb_n_option_blocks = KB_COUNT(kb_option_blocks);

static enum kb_block_kind rows_of(enum kb_block_kind block)
{
    return block == KB_BLOCK_DEFAULTS ? KB_BLOCK_TOPIC : block;
}

const struct kb_option *kb_option_find(enum kb_block_kind block, struct kb_slice key)
{
    for (size_t i = 0; i < kb_n_options; i++)
        if (kb_options[i].block == rows_of(block) && kb_slice_is(key, kb_options[i].key))
            return &kb_options[i];
    return NULL;
}

const char *kb_option_suggest(enum kb_block_kind block, struct kb_slice key)
{
    const char *keys[KB_COUNT(kb_options)];
    size_t n = 0;
    for (size_t i = 0; i < kb_n_options; i++)
        if (kb_options[i].block == rows_of(block))
            keys[n++] = kb_options[i].key;
    return kb_suggest(key, keys, n);
}
