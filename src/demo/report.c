/* See report.h. */
#include "demo/report.h"

#include "metrics/metrics.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MISSING_NAMED = 5 };

static void print_counts(const struct kb_screen *screen, const struct kb_ledger_report *report)
{
    kb_screen_line(screen, KB_TINT_BOLD, "%-12s %9s %9s %14s %8s", "topic", "records", "received",
        "dead-lettered", "skipped");
    for (size_t t = 0; t < KB_SAMPLE_TOPIC_COUNT; t++)
        kb_screen_line(screen, KB_TINT_PLAIN, "%-12s %9zu %9zu %14zu %8zu",
            kb_sample_topics[t].name, report->topics[t].sent, report->topics[t].arrived,
            report->topics[t].dead, report->topics[t].skipped);
    kb_screen_line(screen, KB_TINT_PLAIN, "%-12s %9zu %9zu %14zu %8zu", "all", report->all.sent,
        report->all.arrived, report->all.dead, report->all.skipped);

    uint64_t dead = 0;
    for (int m = KB_METRIC_DEAD_LETTERS_DECODE; m <= KB_METRIC_DEAD_LETTERS_PUBLISH; m++)
        dead += kb_metric_get(m);
    kb_screen_line(screen, KB_TINT_PLAIN,
        "kably's own count: %" PRIu64 " in, %" PRIu64 " published, %" PRIu64
        " dead-lettered, %" PRIu64 " skipped",
        kb_metric_get(KB_METRIC_RECORDS_CONSUMED), kb_metric_get(KB_METRIC_RECORDS_PUBLISHED), dead,
        kb_metric_get(KB_METRIC_RECORDS_SKIPPED));
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* From the application's send to the subscriber, of the records that were sent one at a time. */
static void print_latency(const struct kb_story *s)
{
    int64_t *took = calloc(s->one_by_one + 1, sizeof(*took));
    size_t n = 0;
    for (size_t i = 0; took && i < s->one_by_one && i < kb_ledger_count(s->ledger); i++) {
        const struct kb_ledger_entry *entry = kb_ledger_entry(s->ledger, i);
        if (entry->arrivals > 0)
            took[n++] = entry->arrived_us - entry->sent_us;
    }
    if (n > 0) {
        qsort(took, n, sizeof(*took), by_size);
        kb_screen_line(&s->screen, KB_TINT_PLAIN,
            "one at a time: %.1f ms from Kafka to the subscriber in the median, %.1f ms at most",
            (double)took[n / 2] / 1000, (double)took[n - 1] / 1000);
    }
    free(took);
}

static void print_rate(const struct kb_story *s)
{
    size_t n = kb_ledger_count(s->ledger) - s->one_by_one;
    if (s->at_once_us > 0)
        kb_screen_line(&s->screen, KB_TINT_PLAIN, "%zu at once: %.2f s, %.0f records a second", n,
            (double)s->at_once_us / 1e6, (double)n * 1e6 / (double)s->at_once_us);
}

static void print_missing(const struct kb_story *s, size_t missing)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "  %zu without any outcome:", missing);
    size_t named = 0;
    for (size_t i = 0; i < kb_ledger_count(s->ledger) && named < MISSING_NAMED; i++) {
        const struct kb_ledger_entry *entry = kb_ledger_entry(s->ledger, i);
        if (kb_ledger_settled(s->ledger, i))
            continue;
        len += snprintf(text + len, sizeof(text) - (size_t)len, " %s[%" PRId32 "]@%" PRId64,
            kb_sample_topics[i % KB_SAMPLE_TOPIC_COUNT].name, entry->partition, entry->offset);
        named++;
    }
    kb_screen_line(&s->screen, KB_TINT_BAD, "%s%s", text, missing > named ? " ..." : "");
}

static void print_faults(const struct kb_story *s, const struct kb_ledger_report *report)
{
    static const char *const words[KB_ARRIVAL_COUNT] = {
        [KB_ARRIVAL_AGAIN] = "received a second time",
        [KB_ARRIVAL_DISORDER] = "received behind a later record of the channel",
        [KB_ARRIVAL_ELSEWHERE] = "received at another channel than the demo expects",
        [KB_ARRIVAL_CHANGED] = "received with other data than was written",
    };
    const struct kb_screen *screen = &s->screen;
    kb_screen_line(screen, KB_TINT_BAD, "NOT as it should be, of %u records:", s->options.records);
    if (report->all.sent < s->options.records)
        kb_screen_line(
            screen, KB_TINT_BAD, "  %zu not even written", s->options.records - report->all.sent);
    if (report->missing > 0)
        print_missing(s, report->missing);
    for (int a = KB_ARRIVAL_AGAIN; a < KB_ARRIVAL_COUNT; a++)
        if (report->arrivals[a] > 0)
            kb_screen_line(screen, KB_TINT_BAD, "  %zu %s", report->arrivals[a], words[a]);
    if (report->wrong_fate > 0)
        kb_screen_line(screen, KB_TINT_BAD,
            "  %zu with the wrong outcome: good ones left out, or the broken one published",
            report->wrong_fate);
    if (report->repeated_death > 0)
        kb_screen_line(
            screen, KB_TINT_BAD, "  %zu dead letters written again", report->repeated_death);
}

bool kb_report_print(const struct kb_story *s)
{
    struct kb_ledger_report report;
    kb_ledger_report(s->ledger, &report);
    kb_screen_gap(&s->screen);
    print_counts(&s->screen, &report);
    print_latency(s);
    print_rate(s);
    if (s->failed || !report.good || report.all.sent != s->options.records) {
        print_faults(s, &report);
        return false;
    }
    kb_screen_line(&s->screen, KB_TINT_GOOD,
        "every %srecord arrived exactly once, unchanged, in the order of its channel%s",
        report.all.dead + report.all.skipped > 0 ? "readable " : "",
        report.all.dead > 0      ? ";\nthe one that breaks off is in " KB_SAMPLE_DEAD_LETTERS
        : report.all.skipped > 0 ? ";\nthe one that breaks off was skipped"
                                 : "");
    return true;
}

bool kb_report_still_good(const struct kb_story *s)
{
    struct kb_ledger_report report;
    kb_ledger_report(s->ledger, &report);
    if (report.wrong == 0)
        return true;
    print_faults(s, &report);
    return false;
}

void kb_report_what_to_try(const struct kb_story *s)
{
    kb_screen_line(&s->screen, KB_TINT_BOLD, "One record a second from now on. Ctrl-C ends it.");
    kb_screen_line(&s->screen, KB_TINT_PLAIN,
        "  In another terminal, subscribe with the curl line above; other channels are");
    for (size_t i = 0; i < kb_n_sample_channels; i += 2)
        kb_screen_line(&s->screen, KB_TINT_PLAIN, "    %-24s %s", kb_sample_channels[i],
            i + 1 < kb_n_sample_channels ? kb_sample_channels[i + 1] : "");
    kb_screen_line(&s->screen, KB_TINT_PLAIN, "  Change something in %s and start the demo again.",
        s->place.config);
    kb_screen_gap(&s->screen);
}
