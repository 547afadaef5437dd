/* `kably sandbox`: librdkafka's mock cluster and the local Ably, until a signal. The lines it
 * prints can be read by people, sourced by a shell and parsed by a test. */
#include "cli/cli.h"
#include "sandbox/local_ably.h"
#include "sandbox/mock_kafka.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define TOPICS_MAX 100
#define DEFAULT_KEY "sandbox.key:secret"

struct wish {
    struct {
        char name[250]; /* Kafka allows 249 */
        int partitions;
    } topics[TOPICS_MAX];
    int n_topics;
    const char *key;
    int ably_port;
    long history;      /* -1 = the default */
    long channel_rate; /* 0 = none */
    bool no_kafka;
};

static bool whole_number(const char *text, long max, long *out)
{
    char *end;

    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out >= 0 && *out <= max;
}

static int take_topic(struct wish *wish, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    long partitions;

    if (wish->n_topics == TOPICS_MAX)
        return kb_cli_usage("sandbox", "more than %d topics", TOPICS_MAX);
    if (len == 0 || len >= sizeof(wish->topics[0].name) ||
        !whole_number(colon + 1, 10000, &partitions) || partitions == 0)
        return kb_cli_usage("sandbox", "--topic %s: expected NAME:PARTITIONS", text);
    memcpy(wish->topics[wish->n_topics].name, text, len);
    wish->topics[wish->n_topics].name[len] = '\0';
    wish->topics[wish->n_topics++].partitions = (int)partitions;
    return KB_EXIT_DONE;
}

static int take_option(struct wish *wish, const char *name, const char *value)
{
    long number;

    if (!value)
        return kb_cli_usage("sandbox", "%s needs a value", name);
    if (strcmp(name, "--topic") == 0)
        return take_topic(wish, value);
    if (strcmp(name, "--key") == 0) {
        wish->key = value;
    } else if (strcmp(name, "--ably-port") == 0) {
        if (!whole_number(value, 65535, &number))
            return kb_cli_usage("sandbox", "--ably-port %s: expected 0 to 65535", value);
        wish->ably_port = (int)number;
    } else if (strcmp(name, "--channel-rate") == 0) {
        if (!whole_number(value, 1000000, &wish->channel_rate))
            return kb_cli_usage("sandbox", "--channel-rate %s: expected 0 to 1000000", value);
    } else if (!whole_number(value, 1000000, &wish->history)) {
        return kb_cli_usage("sandbox", "--history %s: expected 0 to 1000000", value);
    }
    return KB_EXIT_DONE;
}

static int parse(struct wish *wish, int argc, char **argv)
{
    /* The first of them take a value. */
    static const char *const known[] = {
        "--topic", "--key", "--ably-port", "--history", "--channel-rate", "--no-kafka"};

    for (int i = 0; i < argc; i++) {
        const char *name = argv[i];
        bool takes_value = false;

        for (size_t k = 0; k + 1 < KB_COUNT(known); k++)
            takes_value = takes_value || strcmp(name, known[k]) == 0;
        if (takes_value) {
            int code = take_option(wish, name, i + 1 < argc ? argv[++i] : NULL);
            if (code != KB_EXIT_DONE)
                return code;
        } else if (strcmp(name, "--no-kafka") == 0) {
            wish->no_kafka = true;
        } else {
            return kb_cli_unknown_option("sandbox", name, known, KB_COUNT(known));
        }
    }
    return KB_EXIT_DONE;
}

static struct kb_mock_kafka *start_kafka(const struct wish *wish, struct kb_err *err)
{
    struct kb_mock_kafka *kafka = kb_mock_kafka_start(1, err);

    for (int i = 0; kafka && i < wish->n_topics; i++) {
        if (!kb_mock_kafka_topic(kafka, wish->topics[i].name, wish->topics[i].partitions, err)) {
            kb_mock_kafka_stop(kafka);
            return NULL;
        }
    }
    return kafka;
}

static struct kb_local_ably *start_ably(const struct wish *wish, struct kb_err *err)
{
    struct kb_local_ably_options options = {.port = wish->ably_port,
        .service = {
            .key = wish->key,
            .no_history = wish->history == 0,
            .history = wish->history > 0 ? (size_t)wish->history : 0,
            .channel_rate = (double)wish->channel_rate,
        }};

    return kb_local_ably_start(&options, err);
}

/* --- what it says --- */

/* People get text to copy from; for a shell or a test all but the settings are comments. */
static void say(const char *fmt, ...) KB_PRINTF(1, 2);

static void say(const char *fmt, ...)
{
    va_list args;

    if (!isatty(STDOUT_FILENO))
        fputs("# ", stdout);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

static void say_file(
    const struct wish *wish, const struct kb_mock_kafka *kafka, const struct kb_local_ably *ably)
{
    const char *topic = wish->n_topics > 0 ? wish->topics[0].name : "orders";

    say("a file for `kably run FILE`; this Kafka shares a group out anew after "
        "session.timeout.ms:");
    say("  kafka { [\"bootstrap.servers\"] = \"%s\", [\"group.id\"] = \"kably\", "
        "[\"session.timeout.ms\"] = 6000 }",
        kb_mock_kafka_bootstrap(kafka));
    say("  ably { key = \"%s\", endpoint = \"127.0.0.1\", port = %d, tls = false }", wish->key,
        kb_local_ably_port(ably));
    say("  topic \"%s\" { channel = \"%s\" }", topic, topic);
    say("records from the keyboard, KEY:VALUE a line:");
    say("  kcat -P -b %s -t %s -K :", kb_mock_kafka_bootstrap(kafka), topic);
}

static void say_curl(const struct wish *wish, const struct kb_local_ably *ably)
{
    const char *channel = wish->n_topics > 0 ? wish->topics[0].name : "orders";
    int port = kb_local_ably_port(ably);

    say("what arrives on a channel, as it arrives:");
    say("  curl -s -N -u \"%s\" \"http://127.0.0.1:%d/sse?channel=%s&v=1.1\"", wish->key, port,
        channel);
    say("what has arrived on it, and a message to it by hand:");
    say("  curl -s -u \"%s\" \"http://127.0.0.1:%d/channels/%s/messages\"", wish->key, port,
        channel);
    say("  curl -s -u \"%s\" -H X-Ably-Version:6 --json '{\"data\":\"hello\"}' "
        "\"http://127.0.0.1:%d/channels/%s/messages\"",
        wish->key, port, channel);
    say("for a while it refuses, as Ably may: status 503, ten times");
    say("  curl -s --json '[{\"status\":503,\"times\":10}]' http://127.0.0.1:%d/_control/faults",
        port);
}

static void announce(
    const struct wish *wish, const struct kb_mock_kafka *kafka, const struct kb_local_ably *ably)
{
    if (kafka)
        printf("KAFKA_BOOTSTRAP=%s\n", kb_mock_kafka_bootstrap(kafka));
    printf("ABLY_URL=http://127.0.0.1:%d\n", kb_local_ably_port(ably));
    printf("ABLY_API_KEY=%s\n", wish->key);
    if (kafka)
        say_file(wish, kafka, ably);
    say_curl(wish, ably);
    say("ready; Ctrl-C ends it");
    fflush(stdout);
}

static void say_tally(FILE *to, const struct kb_service_tally *tally)
{
    fprintf(to,
        "%" PRIu64 " messages published, %" PRIu64 " repeats dropped, %" PRIu64
        " refused, in %" PRIu64 " requests; %zu listening",
        tally->published, tally->duplicates, tally->refused, tally->requests, tally->subscribers);
}

/* Waits for Ctrl-C; on a terminal a line of counts follows what happens. */
static void wait_for_end(struct kb_local_ably *ably, const sigset_t *ends)
{
    const struct timespec a_moment = {.tv_nsec = 200000000};
    bool show = isatty(STDERR_FILENO);
    struct kb_service_tally shown = {0}, now;
    int got;

    do {
        got = sigtimedwait(ends, NULL, &a_moment);
        now = kb_local_ably_tally(ably);
        if (show && memcmp(&now, &shown, sizeof(now)) != 0) {
            fputs("\r\033[K", stderr);
            say_tally(stderr, &now);
            shown = now;
        }
    } while (got < 0);
    fputs(show ? "\r\033[K" : "", stderr);
    fputs("ended: ", stderr);
    say_tally(stderr, &now);
    fputc('\n', stderr);
}

int kb_cli_sandbox(int argc, char **argv)
{
    struct wish wish = {.key = DEFAULT_KEY, .history = -1};
    struct kb_mock_kafka *kafka = NULL;
    struct kb_local_ably *ably = NULL;
    struct kb_err err;
    sigset_t ends;
    int code = parse(&wish, argc, argv);

    if (code != KB_EXIT_DONE)
        return code;
    /* Blocked before any thread starts, so that every thread inherits it and only this one takes
     * them. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);

    code = KB_EXIT_FAILED;
    if (!wish.no_kafka)
        kafka = start_kafka(&wish, &err);
    if (kafka || wish.no_kafka)
        ably = start_ably(&wish, &err);
    if (ably) {
        announce(&wish, kafka, ably);
        wait_for_end(ably, &ends);
        code = KB_EXIT_DONE;
    } else {
        fprintf(stderr, "kably sandbox: %s\n", err.text);
    }
    kb_local_ably_stop(ably);
    kb_mock_kafka_stop(kafka);
    return code;
}
