/* See settings.h. Called by whoever opens a door for a configuration: the worker and its thread,
 * and the commands that ask the same sides (cli/outside.h). */
#include "pipeline/settings.h"

#include "ably/endpoint.h"

struct kb_curl_options kb_settings_ably_curl(const struct kb_config *config)
{
    return (struct kb_curl_options){.user_agent = KB_AGENT,
        .ca_file = config->ably.ca_file,
        .cert_file = config->ably.cert_file,
        .key_file = config->ably.cert_key_file,
        .key_password = config->ably.cert_key_password,
        .proxy = config->ably.proxy,
        .no_proxy = config->ably.no_proxy_text,
        .max_connections = (int)config->publish.concurrency};
}

struct kb_curl_options kb_settings_registry_curl(const struct kb_config *config)
{
    return (struct kb_curl_options){.user_agent = KB_AGENT,
        .ca_file = config->registry.ca_file,
        .cert_file = config->registry.certificate_file,
        .key_file = config->registry.key_file,
        .key_password = config->registry.key_password,
        .where_options = "registry { url }",
        .certificate_options = "registry { certificate_file, key_file }"};
}

struct kb_auth_options kb_settings_auth(const struct kb_config *config)
{
    return (struct kb_auth_options){.key = config->ably.key,
        .key_file = config->ably.key_file,
        .token = config->ably.token,
        .token_file = config->ably.token_file,
        .client_id = config->ably.client_id,
        .use_token = config->ably.use_token_auth,
        .exchange = config->ably.token_type == KB_TOKEN_ABLY,
        .auth_url = config->ably.auth_url,
        .auth_post = config->ably.auth_method == KB_AUTH_POST,
        .auth_headers = config->ably.auth_headers,
        .auth_params = config->ably.auth_params,
        .capability = config->ably.capability,
        .ttl_ms = config->ably.token_ttl_ms,
        .agent = KB_AGENT,
        .open_timeout_ms = (int)config->ably.http_open_timeout_ms,
        .timeout_ms = (int)config->ably.http_request_timeout_ms};
}

struct kb_registry_options kb_settings_registry(const struct kb_config *config)
{
    return (struct kb_registry_options){.urls = config->registry.url,
        .auth = config->registry.auth,
        .token = config->registry.token};
}

bool kb_settings_publisher(const struct kb_config *c, int number, int n_workers,
    struct kb_clock *clock, struct kb_host_list *hosts, struct kb_publisher_options *out,
    struct kb_err *err)
{
    int concurrency = (int)c->publish.concurrency / n_workers +
                      (number < (int)c->publish.concurrency % n_workers);
    double rate = c->publish.requests_per_second / n_workers;
    *out = (struct kb_publisher_options){
        .hosts = hosts,
        .max_retries = (int)c->ably.http_max_retry_count,
        .retry_ms = c->ably.http_max_retry_duration_ms,
        .keep_ms = c->ably.fallback_retry_timeout_ms,
        .auth = kb_settings_auth(c),
        .clock = clock,
        .client_id = c->ably.client_id,
        .agent = KB_AGENT,
        .msgpack = c->publish.protocol == KB_PROTOCOL_MSGPACK,
        .concurrency = concurrency > 0 ? concurrency : 1,
        .requests_per_second = rate,
        .burst = rate < 1 ? 1 : rate,
        .messages_per_second = c->publish.messages_per_second / n_workers,
        .channel_messages_per_second = c->publish.channel_messages_per_second,
        .linger_ms = (int)c->publish.linger_ms,
        .max_records = (size_t)c->publish.max_records,
        .max_bytes = (size_t)c->publish.max_bytes,
        .max_channels = (size_t)c->publish.max_channels,
        .group_size =
            c->publish.group == KB_GROUP_WHEN_LIMITED ? (size_t)c->ably.max_message_size : 0,
        .ordered = c->publish.ordering == KB_ORDERING_CHANNEL,
        .open_timeout_ms = (int)c->ably.http_open_timeout_ms,
        .request_timeout_ms = (int)c->ably.http_request_timeout_ms,
    };
    return kb_endpoint_hosts(
        c->ably.endpoint, c->ably.fallback_hosts, c->ably.tls, c->ably.port, hosts, err);
}

const char *kb_settings_kafka_property(const struct kb_config *config, const char *name)
{
    for (size_t i = 0; i < config->kafka.n; i++)
        if (strcmp(config->kafka.properties[i].name, name) == 0)
            return config->kafka.properties[i].value;
    return NULL;
}
