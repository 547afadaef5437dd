/* `kably preview FILE`: reads real topics and prints what would be sent for each record, or why
 * nothing would. No group is joined, nothing is committed, nothing is published. */
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/outside.h"
#include "cli/trial.h"
#include "kafka/reader.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define COUNT 10
#define WAIT_MS 200
#define FIND_MS 10000
#define SILENCE_MS 30000 /* of a Kafka that had records to give */
#define KEY_SHOWN 60

struct wish {
    const char *file, *topic;
    struct kb_start start;
    long count;
};

/* ---- what is asked for ---- */

static bool whole_number(const char *text, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return end != text && *end == '\0';
}

/* 10m: so long ago. */
static bool time_ago(const char *text, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char *end;
    int64_t n = strtoll(text, &end, 10);
    for (size_t i = 0; i < KB_COUNT(units) && end != text && end[0] && !end[1]; i++)
        if (*end == units[i].unit && n >= 0) {
            *ms = kb_system_wall_ms() - n * units[i].ms;
            return true;
        }
    return false;
}

/* 2026-11-27, 2026-11-27T10:00 and 2026-11-27T10:00:00, with or without a Z: UTC. */
static bool date(const char *text, int64_t *ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < KB_COUNT(forms); i++) {
        struct tm tm = {.tm_sec = 0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && (*end == '\0' || strcmp(end, "Z") == 0)) {
            *ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    return false;
}

static int take_from(struct wish *wish, const char *text)
{
    struct kb_start *start = &wish->start;
    if (strcmp(text, "beginning") == 0) {
        start->kind = KB_START_BEGINNING;
    } else if (strcmp(text, "end") == 0) {
        start->kind = KB_START_END;
    } else if (whole_number(text, &start->value)) {
        start->kind = start->value < 0 ? KB_START_TAIL : KB_START_OFFSET;
        start->value = start->value < 0 ? -start->value : start->value;
    } else if (time_ago(text, &start->value) || date(text, &start->value)) {
        start->kind = KB_START_TIME;
    } else {
        return kb_cli_usage("preview",
            "--from %s: expected beginning, end, an offset, -N (the last N), 10m (so long ago) or "
            "2026-11-27T10:00:00Z",
            text);
    }
    return KB_EXIT_DONE;
}

static int take_option(struct wish *wish, const char *name, const char *value)
{
    int64_t n;
    if (!value)
        return kb_cli_usage("preview", "%s needs a value", name);
    if (strcmp(name, "--topic") == 0)
        wish->topic = value;
    else if (strcmp(name, "--from") == 0)
        return take_from(wish, value);
    else if (!whole_number(value, &n) || n < 1)
        return kb_cli_usage("preview", "--count %s: expected a number from 1", value);
    else
        wish->count = (long)n;
    return KB_EXIT_DONE;
}

static int parse(struct wish *wish, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *name = argv[i];
        bool option = strcmp(name, "--topic") == 0 || strcmp(name, "--from") == 0 ||
                      strcmp(name, "--count") == 0;
        if (option) {
            int code = take_option(wish, name, i + 1 < argc ? argv[++i] : NULL);
            if (code != KB_EXIT_DONE)
                return code;
        } else if (name[0] == '-') {
            return kb_cli_usage("preview", "unknown option \"%s\"", name);
        } else if (wish->file) {
            return kb_cli_usage("preview", "one file at a time, which may include others");
        } else {
            wish->file = name;
        }
    }
    return KB_EXIT_DONE;
}

/* ---- what is told ---- */

static void print_time(int64_t ms)
{
    char text[40];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (ms < 0 || !gmtime_r(&seconds, &tm))
        return;
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    printf("  %s.%03dZ", text, (int)(ms % 1000));
}

static void print_head(const struct kb_record *rec)
{
    printf(KB_FMT "[%d]@%" PRId64, KB_ARG(rec->topic), rec->partition, rec->offset);
    print_time(rec->timestamp);
    if (rec->key.ptr) {
        char key[KEY_SHOWN + 1];
        size_t len = kb_utf8_cut(rec->key, KEY_SHOWN);
        memcpy(key, rec->key.ptr, len);
        key[len] = '\0';
        kb_utf8_one_line(key, len);
        printf("  key %s%s", key, len < rec->key.len ? "..." : "");
    }
    putchar('\n');
}

static void print_messages(struct kb_trial *trial)
{
    for (size_t i = 0; i < trial->router.n_messages; i++)
        printf("  " KB_FMT "\n", KB_ARG(kb_trial_spec(trial, i)));
    if (trial->router.n_messages == 0)
        puts("  dropped: no message");
    else if (trial->sealed_as.ptr)
        printf("  its data goes out encrypted: " KB_FMT "\n", KB_ARG(trial->sealed_as));
}

static void print_fate(struct kb_trial *trial, const struct kb_rules *rules,
    enum kb_trial_fate fate, bool transformed, struct kb_err *err)
{
    switch (fate) {
    case KB_TRIAL_MESSAGES:
        print_messages(trial);
        break;
    case KB_TRIAL_DROPPED:
        printf("  dropped: %s\n", transformed ? "by transform" : "its value is null");
        break;
    case KB_TRIAL_FAILED:
        kb_utf8_one_line(err->text, strlen(err->text));
        printf("  fails: %s: %s; policy=%s\n", kb_failure_name(err->failure), err->text,
            kb_trial_policy(trial, rules, err));
        break;
    case KB_TRIAL_WAITS:
        KB_BUG_ON(true); /* settled() has waited */
    }
}

/* ---- reading ---- */

struct choice {
    const struct wish *wish;
    const struct kb_config *config;
};

static bool is_wanted(void *context, const char *topic)
{
    const struct choice *choice = context;
    if (choice->wish->topic)
        return strcmp(topic, choice->wish->topic) == 0;
    return kb_config_rules(choice->config, kb_slice_of(topic)) != NULL;
}

static bool is_found(const struct kb_reader *reader, const char *topic)
{
    int n_partitions;
    size_t i = 0;
    while (i < kb_reader_topics(reader) &&
           strcmp(kb_reader_topic(reader, i, &n_partitions), topic) != 0)
        i++;
    return i < kb_reader_topics(reader);
}

/* Of several topics some may not be there, or be spelled otherwise: their silence looks like none.
 */
static void tell_absent(const struct kb_reader *reader, const struct kb_config *config)
{
    for (size_t i = 0; i < config->n_topics; i++)
        for (size_t j = 0; j < config->topics[i].n_patterns; j++) {
            const struct kb_topic_pattern *pattern = &config->topics[i].patterns[j];
            if (!pattern->is_regex && !is_found(reader, pattern->text))
                fprintf(stderr, "kably preview: Kafka has no topic \"%s\"\n", pattern->text);
        }
}

static bool find_topics(struct kb_reader *reader, const struct wish *wish,
    const struct kb_config *config, struct kb_err *err)
{
    struct choice choice = {wish, config};
    if (wish->topic && !kb_config_rules(config, kb_slice_of(wish->topic)))
        return kb_err_config(err, "no topic block of %s takes \"%s\"", config->path, wish->topic);
    if (!kb_reader_find(reader, is_wanted, &choice, FIND_MS, err))
        return false;
    if (kb_reader_topics(reader) == 0)
        return kb_err_outage(err, "Kafka has no topic %s%s%s", wish->topic ? "\"" : "",
            wish->topic ? wish->topic : "that the file takes", wish->topic ? "\"" : "");
    if (!wish->topic)
        tell_absent(reader, config);
    return true;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct preview {
    const struct wish *wish;
    struct kb_outside outside;
    struct kb_trial trial;
    struct kb_reader *reader;
};

/* What becomes of a record once its schemas are there. False: the registry is away; err. */
static bool settled(struct preview *p, const struct kb_rules *rules, const struct kb_record *rec,
    enum kb_trial_fate *fate, struct kb_err *err)
{
    for (;;) {
        uint64_t changes = p->outside.schemas ? kb_schemas_changes(p->outside.schemas) : 0;
        *fate = kb_trial_run(&p->trial, rules, rec, err);
        if (*fate != KB_TRIAL_WAITS)
            return true;
        if (!kb_outside_schema(&p->outside, changes, err))
            return kb_err_wrap(
                err, KB_FMT "[%d]@%" PRId64, KB_ARG(rec->topic), rec->partition, rec->offset);
    }
}

/* So often transform has been asked: a null value may be dropped before. */
static uint64_t transforms(const struct preview *p, const struct kb_rules *rules)
{
    const struct kb_hooks *hooks = p->trial.hooks;
    return hooks ? kb_hooks_calls(hooks, rules->number, KB_HOOK_TRANSFORM) : 0;
}

static bool show(struct preview *p, const struct kb_record *rec, struct kb_err *err)
{
    enum kb_trial_fate fate;
    const struct kb_rules *rules = kb_config_rules(p->trial.config, rec->topic);
    uint64_t before = transforms(p, rules);
    struct kb_err why;
    if (!settled(p, rules, rec, &fate, &why)) {
        *err = why;
        return false;
    }
    print_head(rec);
    print_fate(&p->trial, rules, fate, transforms(p, rules) > before, &why);
    fflush(stdout);
    return true;
}

/* Else silence could mean anything. */
static void tell_topics(const struct preview *p, const char *what)
{
    int n_partitions;
    fprintf(stderr, "kably preview: %s", what);
    for (size_t i = 0; i < kb_reader_topics(p->reader); i++)
        fprintf(stderr, "%s %s", i ? "," : "", kb_reader_topic(p->reader, i, &n_partitions));
    fputc('\n', stderr);
}

/* To the end of what is there; from the end on, until it is enough or Ctrl-C. */
static bool read_records(struct preview *p, struct kb_err *err)
{
    struct kb_record rec;
    bool waits = p->wish->start.kind == KB_START_END, told = false;
    int64_t last_ms = kb_system_now_ms();
    long n = 0;
    while (n < p->wish->count && !interrupted) {
        enum kb_read got = kb_reader_next(p->reader, &rec, WAIT_MS);
        if (kb_reader_complained(p->reader, err))
            fprintf(stderr, "kably preview: %s\n", err->text);
        if (got == KB_READ_END && !waits)
            break;
        if (got == KB_READ_END && !told) { /* now it knows where the end is */
            tell_topics(p, "waits for new records of");
            told = true;
        }
        if (got == KB_READ_NOTHING && !waits && kb_system_now_ms() - last_ms >= SILENCE_MS)
            return kb_err_outage(err, "Kafka gives nothing more, but has not come to the end");
        if (got != KB_READ_RECORD)
            continue;
        if (!show(p, &rec, err))
            return interrupted;
        last_ms = kb_system_now_ms();
        n++;
    }
    if (n == 0 && !waits && !interrupted)
        tell_topics(p, "finds no record there in");
    return true;
}

static bool preview(const struct wish *wish, const struct kb_config *config, struct kb_err *err)
{
    struct preview p = {.wish = wish};
    bool ok =
        kb_trial_init(&p.trial, config, NULL, err) && kb_outside_open(&p.outside, config, err);
    if (ok) {
        p.outside.stopped = &interrupted;
        p.trial.router.schemas = p.outside.schemas;
        p.reader = kb_reader_new(config->kafka.properties, config->kafka.n, err);
    }
    ok = p.reader && find_topics(p.reader, wish, config, err) &&
         kb_reader_begin(p.reader, &wish->start, err);
    if (ok) {
        kb_router_set_cluster(&p.trial.router, kb_reader_cluster(p.reader));
        ok = read_records(&p, err);
    }
    kb_reader_free(p.reader);
    kb_trial_deinit(&p.trial);
    kb_outside_close(&p.outside);
    return ok;
}

int kb_cli_preview(int argc, char **argv)
{
    struct wish wish = {.start.kind = KB_START_BEGINNING, .count = COUNT};
    struct kb_problems problems;
    struct kb_err err;
    int code = parse(&wish, argc, argv);
    if (code != KB_EXIT_DONE)
        return code;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(kb_cli_file(wish.file), &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    if (!config)
        return KB_EXIT_USAGE;
    kb_log_setup(KB_LOG_ERROR, config->log.format);
    if (!preview(&wish, config, &err)) {
        fprintf(stderr, "kably preview: %s\n", err.text);
        code = err.class == KB_ERR_CONFIG ? KB_EXIT_USAGE : KB_EXIT_FAILED;
    }
    kb_config_unref(config);
    return code;
}
