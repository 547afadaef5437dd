/* The block `registry`: what must hold of its options together and of the topics that need it.
 * Called by load.c, which has set them. */
#include "base/certificates.h"
#include "config/load.h"
#include "decode/registry_address.h"
#include "decode/schema.h"

static const struct kb_slice no_key = {NULL, 0};

static void check_topic(const struct kb_load *load, const struct kb_rules *rules)
{
    enum kb_schema_type type;
    bool key = kb_schema_type_of(rules->key_format, &type);
    if (!key && !kb_schema_type_of(rules->value_format, &type))
        return;
    kb_load_problem(load, &load->once[KB_BLOCK_REGISTRY], no_key,
        "missing: %s has %s = \"%s\"; add registry { url = \"http://localhost:8081\" }",
        rules->where, key ? "key" : "value",
        kb_format_name(key ? rules->key_format : rules->value_format));
}

static void check_credentials(const struct kb_load *load, const struct kb_block *block)
{
    const struct kb_config *config = load->config;
    if (config->registry.auth && config->registry.token)
        kb_load_problem(load, block, KB_S("token"), "auth is set as well; expected one of them");
    if (config->registry.auth && !strchr(config->registry.auth, ':'))
        kb_load_problem(load, block, KB_S("auth"), "expected user:password");
}

static void check_certificates(const struct kb_load *load, const struct kb_block *block)
{
    const char *ca = load->config->registry.ca_file, *key = load->config->registry.key_file;
    const char *certificate = load->config->registry.certificate_file;
    const char *password = load->config->registry.key_password;
    struct kb_err err;
    if (ca && !kb_certificates_check(ca, &err))
        kb_load_problem(load, block, KB_S("ca_file"), "%s", err.text);
    if (!certificate != !key)
        kb_load_problem(load, block, key ? KB_S("key_file") : KB_S("certificate_file"),
            "expected certificate_file and key_file together");
    else if (certificate && !kb_certificates_check(certificate, &err))
        kb_load_problem(load, block, KB_S("certificate_file"), "%s", err.text);
    else if (certificate && !kb_certificate_key_check(key, password, certificate, &err))
        kb_load_problem(load, block, KB_S("key_file"), "%s", err.text);
}

void kb_load_registry(const struct kb_load *load)
{
    const struct kb_block *block = &load->once[KB_BLOCK_REGISTRY];
    const struct kb_config *config = load->config;
    struct kb_err err;
    if (block->body.kind != KB_RAW_TABLE) {
        for (size_t i = 0; i < config->n_topics; i++)
            check_topic(load, &config->topics[i]);
        return;
    }
    if (config->registry.url && !kb_registry_urls_check(config->registry.url, &err))
        kb_load_problem(load, block, KB_S("url"), "%s", err.text);
    check_credentials(load, block);
    check_certificates(load, block);
}
