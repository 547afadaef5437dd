/* Kafka and Ably as they are now; see online.h. Called by check.c. */
#include "cli/online.h"

#include "ably/endpoint.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "kafka/reader.h"
#include "value/document.h"
#include "value/json.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <string.h>

#define KAFKA_MS 10000
#define ABLY_MS 10000L
#define ANSWER_MAX ((size_t)256 << 10)
#define SHOWN_MAX 300

/* ---- Kafka ---- */

static bool is_wanted(void *context, const char *topic)
{
    return kb_config_rules(context, kb_slice_of(topic)) != NULL;
}

static bool is_there(const struct kb_reader *reader, const char *name)
{
    int n;
    for (size_t i = 0; i < kb_reader_topics(reader); i++)
        if (strcmp(kb_reader_topic(reader, i, &n), name) == 0)
            return true;
    return false;
}

/* A topic that the file names and that is not there; a pattern that nothing matches. */
static bool tell_missing(const struct kb_config *config, const struct kb_reader *reader, FILE *to)
{
    bool all = true;
    for (size_t i = 0; i < config->n_topics; i++)
        for (size_t j = 0; j < config->topics[i].n_patterns; j++) {
            const struct kb_topic_pattern *pattern = &config->topics[i].patterns[j];
            if (pattern->is_regex || is_there(reader, pattern->text))
                continue;
            fprintf(
                to, "Kafka: there is no topic %s (or it may not be described)\n", pattern->text);
            all = false;
        }
    return all;
}

static bool check_kafka(const struct kb_config *config, FILE *to)
{
    struct kb_err err;
    struct kb_reader *reader = kb_reader_new(config->kafka.properties, config->kafka.n, &err);
    bool ok =
        reader && kb_reader_find(reader, is_wanted, (void *)(uintptr_t)config, KAFKA_MS, &err);
    if (ok) {
        int n;
        struct kb_slice cluster = kb_reader_cluster(reader);
        fprintf(to, "Kafka: %d broker%s, cluster " KB_FMT, kb_reader_brokers(reader),
            kb_reader_brokers(reader) == 1 ? "" : "s",
            KB_ARG(cluster.ptr ? cluster : KB_S("without an id")));
        for (size_t i = 0; i < kb_reader_topics(reader); i++) {
            const char *name = kb_reader_topic(reader, i, &n);
            fprintf(to, "%s %s with %d partition%s", i ? "," : ";", name, n, n == 1 ? "" : "s");
        }
        fputc('\n', to);
        ok = tell_missing(config, reader, to);
    } else {
        fprintf(to, "%s\n", err.text);
    }
    kb_reader_free(reader);
    return ok;
}

/* ---- Ably ---- */

struct answer {
    struct kb_buf body;
    long status;
    char error[CURL_ERROR_SIZE];
};

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct answer *answer = context;
    kb_buf_add(&answer->body, (struct kb_slice){bytes, size * n});
    return answer->body.failed ? 0 : size * n;
}

/* POST /keys/NAME/requestToken, as an SDK does that has a key. */
static CURLcode ask(const struct kb_config *config, const char *base_url, struct answer *answer)
{
    char url[1024], body[256];
    int name = (int)strcspn(config->ably.key, ":");
    if (snprintf(url, sizeof(url), "%s/keys/%.*s/requestToken", base_url, name, config->ably.key) >=
        (int)sizeof(url))
        return CURLE_URL_MALFORMAT;
    snprintf(body, sizeof(body), "{\"keyName\":\"%.*s\",\"timestamp\":%" PRId64 "}", name,
        config->ably.key, kb_clock_system()->wall_ms(kb_clock_system()));
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!easy || !headers)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERPWD, config->ably.key);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ABLY_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, answer->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    if (config->ably.ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->ably.ca_file);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return code;
}

/* A member of the answer, or of its "error", as text; the token itself is never taken. */
static struct kb_slice text_in(struct kb_document *doc, const char *outer, const char *name)
{
    struct kb_node *node = doc->root;
    if (outer)
        node = kb_node_member(doc, node, kb_slice_of(outer));
    if (node)
        node = kb_node_member(doc, node, kb_slice_of(name));
    if (!node || node->kind != KB_NODE_STRING)
        return (struct kb_slice){NULL, 0};
    return kb_document_string(doc, node->text);
}

static void print_cut(struct kb_slice text, FILE *to)
{
    char shown[SHOWN_MAX + 1];
    size_t len = kb_utf8_cut(text, SHOWN_MAX);
    memcpy(shown, text.ptr ? text.ptr : "", len);
    shown[len] = '\0';
    kb_utf8_one_line(shown, len);
    fprintf(to, "%s%s\n", shown, len < text.len ? "..." : "");
}

/* Publishing is among what it may do: by its name, or by a star. */
static bool may_publish(struct kb_slice capability)
{
    return memmem(capability.ptr, capability.len, "\"publish\"", 9) ||
           memmem(capability.ptr, capability.len, "[\"*\"]", 5);
}

static bool tell_answer(
    const struct answer *answer, const char *key, const char *base_url, FILE *to)
{
    struct kb_arena arena;
    struct kb_document doc;
    struct kb_err err;
    bool ok = false;
    struct kb_slice body = kb_buf_slice(&answer->body);
    kb_arena_init(&arena, 4 * ANSWER_MAX);
    if (!kb_json_read(body, NULL, &err) || !kb_document_init(&doc, &arena, body)) {
        fprintf(to, "Ably: %s answers HTTP %ld, not as Ably does\n", base_url, answer->status);
    } else if (answer->status / 100 != 2) {
        fprintf(to, "Ably: %s answers HTTP %ld: ", base_url, answer->status);
        print_cut(text_in(&doc, "error", "message"), to);
    } else {
        struct kb_slice capability = text_in(&doc, NULL, "capability");
        fprintf(to, "Ably: %s takes the key %.*s, which may do ", base_url, (int)strcspn(key, ":"),
            key);
        print_cut(capability.ptr ? capability : KB_S("what it does not say"), to);
        ok = !capability.ptr || may_publish(capability);
        if (!ok)
            fputs("Ably: this key may not publish\n", to);
    }
    kb_arena_deinit(&arena);
    return ok;
}

static bool check_ably(const struct kb_config *config, FILE *to)
{
    struct kb_err err;
    struct kb_host_list hosts;
    struct answer answer = {.status = 0};
    if (!kb_endpoint_hosts(config->ably.endpoint, config->ably.fallback_hosts, config->ably.tls,
            config->ably.port, &hosts, &err)) {
        fprintf(to, "Ably: %s\n", err.text);
        return false;
    }
    if (!config->ably.key) {
        fputs("Ably: not asked, for the file gives no key\n", to);
        return true;
    }
    kb_buf_init(&answer.body, ANSWER_MAX);
    CURLcode code = ask(config, hosts.url[0], &answer);
    bool ok = code == CURLE_OK;
    if (ok)
        ok = tell_answer(&answer, config->ably.key, hosts.url[0], to);
    else
        fprintf(to, "Ably: %s: %s\n", hosts.url[0],
            *answer.error ? answer.error : curl_easy_strerror(code));
    kb_buf_deinit(&answer.body);
    return ok;
}

bool kb_online_check(const struct kb_config *config, FILE *to)
{
    bool kafka = check_kafka(config, to);
    return check_ably(config, to) && kafka;
}
