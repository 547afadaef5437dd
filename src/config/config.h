/* The configuration: one Lua file (and what it includes) -> a checked, immutable structure.
 *
 *     struct kb_config *config = NULL;
 *     struct kb_problems problems;
 *     kb_problems_init(&problems);
 *     config = kb_config_load("config/orders.lua", &problems);  // NULL: problems.count errors
 *     kb_problems_print(&problems, stderr);       // each with file:line, block, key, hint
 *     ...
 *     kb_config_unref(config);
 *
 * Every option is a row of config/options.h; this structure holds what the rows say.
 * Reference-counted (atomic): workers hold one reference each, the last unref frees. Thread:
 * immutable after load. */
#ifndef KB_CONFIG_CONFIG_H
#define KB_CONFIG_CONFIG_H

#include "base/log.h"
#include "config/inputs.h"
#include "kafka/properties.h"
#include "route/rules.h"
#include "script/hook.h"

#include <stdatomic.h>
#include <stdio.h>

enum kb_ordering { KB_ORDERING_CHANNEL, KB_ORDERING_NONE };
enum kb_auth_method { KB_AUTH_GET, KB_AUTH_POST };
enum kb_token_type { KB_TOKEN_JWT, KB_TOKEN_ABLY };
enum kb_group { KB_GROUP_NEVER, KB_GROUP_WHEN_LIMITED };
enum kb_protocol { KB_PROTOCOL_JSON, KB_PROTOCOL_MSGPACK };

struct kb_config {
    atomic_uint references;
    char *path;

    struct {
        struct kb_property *properties;
        size_t n;
    } kafka;

    struct {
        char *url;   /* one or several with commas; NULL = no registry */
        char *auth;  /* secret: user:password; NULL = none */
        char *token; /* secret; NULL = none */
        char *ca_file, *certificate_file, *key_file; /* PEM; NULL = the system's, none */
        char *key_password;                          /* secret; NULL = key_file is not encrypted */
    } registry;

    struct {
        char *key;      /* secret: APP.KEYID:SECRET; NULL = none, then token or auth_url */
        char *key_file; /* the file() it came from: looked at again while running; NULL = none */
        char *token;    /* secret */
        char *token_file;
        char *auth_url; /* secret, for its query */
        enum kb_auth_method auth_method;
        char **auth_headers, **auth_params; /* secret; name, text, ... */
        bool use_token_auth;
        enum kb_token_type token_type;
        int64_t token_ttl_ms;
        char *capability;
        char *client_id; /* NULL = none: X-Ably-ClientId */
        char *endpoint;  /* NULL = Ably's default */
        int port;        /* 0 = 443, or 80 without TLS */
        bool tls;
        char *ca_file;                   /* NULL = the system's */
        char *cert_file, *cert_key_file; /* client certificate, its key; NULL = none */
        char *cert_key_password;         /* secret */
        char *proxy;                     /* secret, for its password; NULL = the environment's */
        char **no_proxy;
        char *no_proxy_text;   /* the same, as curl wants it */
        char **fallback_hosts; /* NULL = the endpoint's own; empty = none */
        int64_t http_open_timeout_ms, http_request_timeout_ms, http_max_retry_count,
            http_max_retry_duration_ms, fallback_retry_timeout_ms;
        int64_t max_message_size;
    } ably;

    struct {
        int64_t concurrency, linger_ms, max_records, max_bytes, max_channels;
        double requests_per_second, messages_per_second, channel_messages_per_second; /* 0 = none */
        enum kb_ordering ordering;
        enum kb_group group;
        enum kb_protocol protocol;
    } publish;

    struct {
        char *topic; /* NULL = no dead-letter topic */
    } dead_letter;

    struct {
        int64_t workers, memory, drain_ms;
        int64_t memory_made; /* that the Kafka clients were made with; 0 = none are there yet */
        bool core_dumps;
        int64_t hook_ms, hook_memory;
    } limits;

    struct {
        char *listen; /* NULL = no admin server */
        char *token;  /* secret; NULL = none is asked for */
    } admin;

    struct {
        enum kb_log_level level;
        enum kb_log_format format;
    } log;

    struct {
        bool run_tests; /* before it goes over to a file, that file's tests */
    } reload;

    /* What the file read, itself included: each worker runs it again for its functions. */
    struct kb_inputs *inputs;

    struct kb_rules *topics; /* in the file's order: the first that matches wins */
    size_t n_topics;
};

struct kb_problem {
    bool warning;
    char *text;     /* "config/a.lua:7: topic \"orders\": chanel: unknown key; did you mean
                       \"channel\"?" */
    int file, line; /* for the order: number of the file, line in it; 0 = none */
};

struct kb_problems {
    struct kb_problem *list;
    size_t count, errors;
};

void kb_problems_init(struct kb_problems *problems);
void kb_problems_deinit(struct kb_problems *problems);
void kb_problems_print(const struct kb_problems *problems, FILE *to);

/* NULL = at least one error. Warnings don't stop it. */
struct kb_config *kb_config_load(const char *path, struct kb_problems *problems);
/* The same for a text in memory (of tests and measurements); `name` stands for the file in
 * messages, relative paths start at its folder. */
struct kb_config *kb_config_load_text(
    const char *name, struct kb_slice text, struct kb_problems *problems);
struct kb_config *kb_config_ref(struct kb_config *config);
void kb_config_unref(struct kb_config *config);

/* The rules for a topic, NULL = no block takes it (or it is the dead-letter topic). */
const struct kb_rules *kb_config_rules(const struct kb_config *config, struct kb_slice topic);

/* The functions of the file, ready to be called, for one worker: the file is run once more, in a
 * state of its own, with what it read when it was loaded. *out is NULL where the file has none.
 * Returns new. */
bool kb_config_hooks(
    const struct kb_config *config, struct kb_hooks **out, struct kb_err *err) KB_MUST_CHECK;
/* The same, and which lines run is noted in `lines` (script/lines.h) from the file's first on. */
bool kb_config_hooks_watched(const struct kb_config *config, struct kb_lines *lines,
    struct kb_hooks **out, struct kb_err *err) KB_MUST_CHECK;

/* The effective configuration as a kably file, secrets as "***" (kably check --print). */
void kb_config_print(const struct kb_config *config, FILE *to);

/* Every option: name, type, bounds, default, reload, help (kably options [--markdown]). */
void kb_options_print(FILE *to, bool markdown);

#endif
