/* The life of a loaded configuration: references, the end of its memory, and the question a worker
 * asks of it; see config.h. */
#include "config/config.h"

#include "config/options.h"

struct kb_config *kb_config_ref(struct kb_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

static void free_config(struct kb_config *config)
{
    for (size_t i = 0; i < config->kafka.n; i++) {
        free(config->kafka.properties[i].name);
        free(config->kafka.properties[i].value);
    }
    free(config->kafka.properties);
    for (size_t i = 0; i < kb_n_options; i++)
        if (kb_options[i].block != KB_BLOCK_TOPIC)
            kb_option_clear(&kb_options[i], config);
    for (size_t i = 0; i < config->n_topics; i++)
        kb_rules_deinit(&config->topics[i]);
    free(config->topics);
    if (config->inputs)
        kb_inputs_deinit(config->inputs);
    free(config->inputs);
    free(config->ably.key_file);
    free(config->ably.token_file);
    free(config->ably.no_proxy_text);
    free(config->path);
    free(config);
}

void kb_config_unref(struct kb_config *config)
{
    if (config && atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) == 1)
        free_config(config);
}

const struct kb_rules *kb_config_rules(const struct kb_config *config, struct kb_slice topic)
{
    if (config->dead_letter.topic && kb_slice_is(topic, config->dead_letter.topic))
        return NULL;
    for (size_t i = 0; i < config->n_topics; i++)
        if (kb_rules_match(&config->topics[i], topic))
            return &config->topics[i];
    return NULL;
}
