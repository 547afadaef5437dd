/* See settings.h. Called by whoever opens a door for a configuration: the worker and its thread,
 * and the commands that ask the same sides (cli/outside.h). */
#include "pipeline/settings.h"

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
