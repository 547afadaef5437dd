/* The certificates that a file names: can they be read, do they fit their keys, and how long are
 * they good? Seen here before a server says less about it. Called by online.c. */
#include "cli/online_parts.h"

#include "base/certificates.h"
#include "base/clock.h"
#include "pipeline/settings.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define SOON_DAYS 30

/* An empty one names no file. */
static const char *kafka_property(const struct kb_config *config, const char *name)
{
    const char *value = kb_settings_kafka_property(config, name);
    return value && *value ? value : NULL;
}

static void print_day(int64_t ms, char out[16])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (!gmtime_r(&seconds, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        snprintf(out, 16, "?");
}

/* `ends_ms`: of what must be good. */
static void tell_end(struct kb_findings *found, const char *part, const char *path,
    const struct kb_certificates *certs, int64_t ends_ms)
{
    char day[16];
    int64_t left = ends_ms - kb_system_wall_ms();
    print_day(ends_ms, day);
    if (left <= 0)
        kb_found(found, KB_FOUND_AMISS, part, "%s (%s) expired on %s; renew it", path,
            certs->subject, day);
    else if (left < SOON_DAYS * DAY_MS)
        kb_found(found, KB_FOUND_WARNING, part, "%s (%s) expires on %s, in %d days; renew it", path,
            certs->subject, day, (int)(left / DAY_MS));
    else
        kb_found(found, KB_FOUND_WELL, part, "%s (%s) is good until %s", path, certs->subject, day);
}

/* What is trusted: a file of authorities, of which any may sign. librdkafka also takes a folder, or
 * the word "probe". */
static void look_at_authorities(struct kb_findings *found, const char *part, const char *path)
{
    struct kb_certificates certs;
    struct kb_err err;
    struct stat st;
    if (!path || strcmp(path, "probe") == 0 || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return;
    if (kb_certificates_read(path, &certs, &err))
        tell_end(found, part, path, &certs, certs.last_ends_ms);
    else
        kb_found(found, KB_FOUND_AMISS, part, "%s", err.text);
}

static void look_at_own(struct kb_findings *found, const char *part, const char *path,
    const char *key_path, const char *password)
{
    struct kb_certificates certs;
    struct kb_err err;
    if (!path)
        return;
    if (!kb_certificates_read(path, &certs, &err) ||
        !kb_certificate_key_check(key_path ? key_path : path, password, path, &err))
        kb_found(found, KB_FOUND_AMISS, part, "%s", err.text);
    else
        tell_end(found, part, path, &certs, certs.first_ends_ms);
}

void kb_online_certificates(const struct kb_config *config, struct kb_findings *found)
{
    look_at_authorities(
        found, "kafka { ssl.ca.location }", kafka_property(config, "ssl.ca.location"));
    look_at_own(found, "kafka { ssl.certificate.location }",
        kafka_property(config, "ssl.certificate.location"),
        kafka_property(config, "ssl.key.location"), kafka_property(config, "ssl.key.password"));
    look_at_authorities(found, "registry { ca_file }", config->registry.ca_file);
    look_at_own(found, "registry { certificate_file }", config->registry.certificate_file,
        config->registry.key_file, NULL);
    look_at_authorities(found, "ably { ca_file }", config->ably.ca_file);
    look_at_own(found, "ably { cert_file }", config->ably.cert_file, config->ably.cert_key_file,
        config->ably.cert_key_password);
}
