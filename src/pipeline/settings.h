/* How the other sides of a configuration are reached: its options as curl, Ably's credentials and
 * the registry's client take them. What comes back borrows from the configuration. Pure. */
#ifndef KB_PIPELINE_SETTINGS_H
#define KB_PIPELINE_SETTINGS_H

#include "ably/auth.h"
#include "ably/publisher.h"
#include "config/config.h"
#include "decode/schemas.h"
#include "http/curl_transport.h"

#define KB_AGENT "kably/" KABLY_VERSION

struct kb_curl_options kb_settings_ably_curl(const struct kb_config *config);
struct kb_curl_options kb_settings_registry_curl(const struct kb_config *config);
/* Agent, client id and timeouts included. */
struct kb_auth_options kb_settings_auth(const struct kb_config *config);
/* `urls` is NULL where the file has no registry. */
struct kb_registry_options kb_settings_registry(const struct kb_config *config);

/* For worker `number` of `n_workers`, which has its share of the process's totals, of requests at
 * least one. The hosts are where the options point. KB_ERR_CONFIG where something is no host. */
bool kb_settings_publisher(const struct kb_config *config, int number, int n_workers,
    struct kb_clock *clock, struct kb_host_list *hosts, struct kb_publisher_options *out,
    struct kb_err *err) KB_MUST_CHECK;

/* NULL where the file does not set it. */
const char *kb_settings_kafka_property(const struct kb_config *config, const char *name);

#endif
