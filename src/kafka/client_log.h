/* What librdkafka says, in kably's log: group "kafka", its levels as kably's, repeated lines summed
 * up, and the values of secret properties blotted out whatever the library may print.
 *
 *     struct client { struct kb_client_log log; ... };   // first: librdkafka's opaque points at it
 *     if (!kb_client_log_init(&client->log, properties, n)) ...
 *     kb_client_log_attach(conf, &client->log);          // before rd_kafka_new
 *     kb_client_log_error(&client->log, rd_kafka_err2name(err), "%s", text);
 *     kb_client_log_deinit(&client->log);                // after rd_kafka_destroy
 *
 * Thread: any of librdkafka's; a lock guards the counts of repeats. */
#ifndef KB_KAFKA_CLIENT_LOG_H
#define KB_KAFKA_CLIENT_LOG_H

#include "base/log.h"
#include "kafka/properties.h"

#include <pthread.h>

enum { KB_CLIENT_LOG_KINDS = 32 };

struct kb_client_log {
    pthread_mutex_t lock; /* guards kinds */
    struct {
        char name[48];
        struct kb_log_repeat repeat;
    } kinds[KB_CLIENT_LOG_KINDS];
    char **secrets; /* written by init alone */
    size_t n_secrets;
};

bool kb_client_log_init(
    struct kb_client_log *log, const struct kb_property *properties, size_t n) KB_MUST_CHECK;
void kb_client_log_deinit(struct kb_client_log *log);

/* Sets the log and statistics callbacks. The client's opaque must be a struct whose first member is
 * `log`. */
void kb_client_log_attach(rd_kafka_conf_t *conf, struct kb_client_log *log);

/* A warning of one kind (an error's name): printed the first time, then summed up. */
void kb_client_log_error(struct kb_client_log *log, const char *kind, const char *fmt, ...)
    KB_PRINTF(3, 4);
/* Puts stars over the secrets that stand in a text of the library's. */
void kb_client_log_blot(const struct kb_client_log *log, char *line);

#endif
