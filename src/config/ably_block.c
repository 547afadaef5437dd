/* The block ably: hosts that are hosts, credentials that can be credentials, and a key that is not
 * sent in the clear. Called by load.c. */
#include "ably/endpoint.h"
#include "base/address.h"
#include "base/certificates.h"
#include "config/load.h"
#include "config/options.h"
#include "value/json.h"

/* APP.KEYID:SECRET, each part there. */
static bool is_api_key(const char *key)
{
    size_t app = strcspn(key, ".:");
    if (app == 0 || key[app] != '.')
        return false;
    size_t id = strcspn(key + app + 1, ".: ");
    return id > 0 && key[app + 1 + id] == ':' && key[app + 1 + id + 1] != '\0' &&
           !strpbrk(key, " \t\r\n");
}

static void check_certificates(const struct kb_load *load, const struct kb_block *block)
{
    const struct kb_config *config = load->config;
    const char *certificate = config->ably.cert_file;
    const char *key = config->ably.cert_key_file ? config->ably.cert_key_file : certificate;
    struct kb_err err;
    if (config->ably.ca_file && !kb_certificates_check(config->ably.ca_file, &err))
        kb_load_problem(load, block, KB_S("ca_file"), "%s", err.text);
    if (certificate && !kb_certificates_check(certificate, &err))
        kb_load_problem(load, block, KB_S("cert_file"), "%s", err.text);
    else if (certificate &&
             !kb_certificate_key_check(key, config->ably.cert_key_password, certificate, &err))
        kb_load_problem(load, block, KB_S("cert_key_file"), "%s", err.text);
}

/* The file that a secret came from, so that it can be read again: file() has given this text. */
static char *file_of(const struct kb_load *load, const char *secret)
{
    for (size_t i = 0; secret && i < load->blocks->n_files; i++)
        if (kb_slice_is(load->blocks->files[i].text, secret))
            return strdup(load->blocks->files[i].path);
    return NULL;
}

static bool is_http_url(const char *url)
{
    return strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
}

static void check_credentials(const struct kb_load *load, const struct kb_block *block)
{
    static const char *const ways[] = {"key", "token", "auth_url"};
    struct kb_config *config = load->config;
    const struct kb_option *key = kb_option_find(KB_BLOCK_ABLY, KB_S("key"));
    bool given = kb_load_mistyped(block, key);
    for (size_t i = 0; i < KB_COUNT(ways); i++)
        given = given || kb_raw_get(&block->body, ways[i]);
    if (!given)
        kb_load_problem(load, block, KB_S("key"), "missing; expected %s", key->help);
    if (config->ably.auth_url && !is_http_url(config->ably.auth_url))
        kb_load_problem(load, block, KB_S("auth_url"),
            "is no address; expected one such as \"https://auth.example.org/ably\"");
    if (config->ably.use_token_auth && !config->ably.key)
        kb_load_problem(load, block, KB_S("use_token_auth"), "needs a key to get tokens with");
    if (config->ably.capability &&
        !kb_json_read(kb_slice_of(config->ably.capability), NULL, &(struct kb_err){0}))
        kb_load_problem(load, block, KB_S("capability"),
            "is no JSON; expected a text such as '{\"orders:*\":[\"publish\"]}'");
    config->ably.key_file = file_of(load, config->ably.key);
    config->ably.token_file = file_of(load, config->ably.token);
}

/* Is the key itself sent? (RSA4) */
static bool sends_key(const struct kb_config *config)
{
    return config->ably.key && !config->ably.token && !config->ably.auth_url &&
           !config->ably.use_token_auth;
}

static bool is_this_machine(const char *endpoint)
{
    return endpoint && kb_host_is_loopback(kb_slice_of(endpoint));
}

/* RSC18, RSA1: an API key never travels unprotected, whichever host a request goes to. */
static void check_plain_http(
    const struct kb_load *load, const struct kb_block *block, const struct kb_host_list *hosts)
{
    char *const *fallbacks = load->config->ably.fallback_hosts;
    const char *proxy = load->config->ably.proxy;
    bool safe = is_this_machine(load->config->ably.endpoint);
    size_t unsafe = 0;
    for (size_t i = 0; safe && fallbacks && fallbacks[i]; i++) {
        safe = is_this_machine(fallbacks[i]);
        unsafe = i + 1;
    }
    if (!safe)
        kb_load_problem(load, block, KB_S("tls"),
            "an API key would travel unprotected to %s; leave tls = false to endpoints on this "
            "machine, such as \"127.0.0.1\"",
            hosts->url[unsafe]);
    else if (proxy && !load->config->ably.no_proxy && !kb_host_is_loopback(kb_url_host(proxy)))
        kb_load_problem(load, block, KB_S("proxy"),
            "an API key would travel unprotected to the proxy; leave it out, for with tls = false "
            "only this machine is asked");
}

static char *join(char *const *texts)
{
    struct kb_buf buf;
    char *joined = NULL;
    kb_buf_init(&buf, 1u << 20);
    for (size_t i = 0; texts && texts[i]; i++)
        kb_buf_printf(&buf, "%s%s", i == 0 ? "" : ",", texts[i]);
    if (buf.len > 0 && !buf.failed)
        joined = strndup(buf.ptr, buf.len);
    kb_buf_deinit(&buf);
    return joined;
}

static void check_proxy(const struct kb_load *load, const struct kb_block *block)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    const char *proxy = load->config->ably.proxy;
    bool known = !proxy;
    for (size_t i = 0; i < KB_COUNT(schemes); i++)
        known = known || strncmp(proxy, schemes[i], strlen(schemes[i])) == 0;
    if (!known)
        kb_load_problem(load, block, KB_S("proxy"),
            "is no proxy's address; expected http://, https://, socks5:// or socks5h:// and "
            "[USER:PASSWORD@]HOST:PORT");
}

/* RSA7c: who is everybody is nobody in particular. A token may speak for all, a key can't. */
static void check_client_id(const struct kb_load *load, const struct kb_block *block)
{
    const char *client_id = load->config->ably.client_id;
    if (client_id && strcmp(client_id, "*") == 0 && sends_key(load->config))
        kb_load_problem(load, block, KB_S("client_id"),
            "\"*\" is no client that a key can publish as; leave it out, or name one");
}

void kb_load_ably(const struct kb_load *load)
{
    const struct kb_block *block = &load->once[KB_BLOCK_ABLY];
    const struct kb_config *config = load->config;
    struct kb_host_list hosts;
    struct kb_err err;
    check_credentials(load, block);
    if (config->ably.key && !is_api_key(config->ably.key))
        kb_load_problem(load, block, KB_S("key"),
            "is no API key; expected APP.KEYID:SECRET, as Ably's dashboard shows it");
    if (!kb_endpoint_hosts(config->ably.endpoint, config->ably.fallback_hosts, config->ably.tls,
            config->ably.port, &hosts, &err))
        kb_load_problem(
            load, block, hosts.n == 0 ? KB_S("endpoint") : KB_S("fallback_hosts"), "%s", err.text);
    else if (!config->ably.tls && sends_key(config))
        check_plain_http(load, block, &hosts);
    check_client_id(load, block);
    check_certificates(load, block);
    check_proxy(load, block);
    load->config->ably.no_proxy_text = join(config->ably.no_proxy);
}
