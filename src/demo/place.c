/* See place.h. */
#include "demo/place.h"

#include "ably/endpoint.h"
#include "demo/samples.h"
#include "script/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_IN_SOURCES "config/demo.lua"
#define FILE_IN_BINARY "demo.lua"
#define LOCAL_KEY "demo.key:secret"

/* ------------------------------------------------------------------ the file */

static bool write_copy(const char *path, const struct kb_embedded *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, file->text, file->len) == (ssize_t)file->len;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    return ok;
}

static bool copy_embedded(struct kb_place *place, struct kb_err *err)
{
    const struct kb_embedded *file = kb_embedded;
    const char *tmp = getenv("TMPDIR");
    while (file->name && strcmp(file->name, FILE_IN_BINARY) != 0)
        file++;
    KB_BUG_ON(!file->name);

    int len = snprintf(
        place->folder, sizeof(place->folder), "%s/kably-demo-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    bool fits = len > 0 && (size_t)len < sizeof(place->folder) - sizeof(FILE_IN_BINARY);
    if (!fits || !mkdtemp(place->folder)) {
        place->folder[0] = '\0';
        return kb_err_fatal(err, "no folder for a copy of %s in %s: %s", FILE_IN_BINARY,
            tmp && tmp[0] ? tmp : "/tmp", fits ? strerror(errno) : "its name is too long");
    }
    memcpy(place->config, place->folder, (size_t)len);
    memcpy(place->config + len, "/" FILE_IN_BINARY, sizeof("/" FILE_IN_BINARY));
    return write_copy(place->config, file) ||
           kb_err_fatal(err, "%s: %s", place->config, strerror(errno));
}

static bool find_file(struct kb_place *place, struct kb_err *err)
{
    if (access(FILE_IN_SOURCES, R_OK) != 0)
        return copy_embedded(place, err);
    memcpy(place->config, FILE_IN_SOURCES, sizeof(FILE_IN_SOURCES));
    return true;
}

/* ------------------------------------------------------------------ Kafka and Ably */

static bool start_kafka(struct kb_place *place, struct kb_err *err)
{
    place->kafka = kb_mock_kafka_start(1, err);
    bool ok = place->kafka && kb_mock_kafka_topic(place->kafka, KB_SAMPLE_DEAD_LETTERS, 1, err);
    for (size_t t = 0; ok && t < KB_SAMPLE_TOPIC_COUNT; t++)
        ok = kb_mock_kafka_topic(
            place->kafka, kb_sample_topics[t].name, kb_sample_topics[t].partitions, err);
    return ok && (setenv("KAFKA_BOOTSTRAP", kb_mock_kafka_bootstrap(place->kafka), 1) == 0 ||
                     kb_err_fatal(err, "no memory for the environment"));
}

static bool start_ably(struct kb_place *place, struct kb_err *err)
{
    struct kb_local_ably_options options = {.service = {.key = LOCAL_KEY}};
    char port[8];
    place->ably = kb_local_ably_start(&options, err);
    if (!place->ably)
        return false;
    place->key = LOCAL_KEY;
    snprintf(port, sizeof(port), "%d", kb_local_ably_port(place->ably));
    snprintf(place->url, sizeof(place->url), "http://127.0.0.1:%s", port);
    /* no_proxy: nothing of this leaves the machine, whatever the environment says */
    return (setenv("ABLY_API_KEY", LOCAL_KEY, 1) == 0 &&
               setenv("ABLY_ENDPOINT", "127.0.0.1", 1) == 0 && setenv("ABLY_PORT", port, 1) == 0 &&
               setenv("ABLY_TLS", "no", 1) == 0 && setenv("no_proxy", "*", 1) == 0) ||
           kb_err_fatal(err, "no memory for the environment");
}

/* The same variables and defaults as in config/demo.lua. */
static bool find_real_ably(struct kb_place *place, struct kb_err *err)
{
    const char *port = getenv("ABLY_PORT"), *tls = getenv("ABLY_TLS");
    place->key = getenv("ABLY_API_KEY");
    if (!place->key || !strchr(place->key, ':'))
        return kb_err_config(err,
            "--real needs an API key (APP.KEYID:SECRET) in ABLY_API_KEY; one that may publish and "
            "subscribe to the channels demo:*");
    long number = port ? strtol(port, NULL, 10) : 0;
    return kb_endpoint_url(getenv("ABLY_ENDPOINT"), !tls || strcmp(tls, "yes") == 0, (int)number,
        place->url, sizeof(place->url), err);
}

bool kb_place_open(struct kb_place *place, bool real, struct kb_err *err)
{
    *place = (struct kb_place){0};
    if ((real ? find_real_ably(place, err) : start_ably(place, err)) && start_kafka(place, err) &&
        find_file(place, err))
        return true;
    kb_place_close(place);
    return false;
}

void kb_place_close(struct kb_place *place)
{
    kb_local_ably_stop(place->ably);
    kb_mock_kafka_stop(place->kafka);
    if (place->folder[0]) {
        unlink(place->config);
        rmdir(place->folder);
    }
    *place = (struct kb_place){0};
}
