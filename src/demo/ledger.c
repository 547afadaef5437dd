/* See ledger.h. Entry number i is record number i of samples.h; a second list leads from topic,
 * partition and offset to that number. */
#include "demo/ledger.h"

#include "base/hash.h"
#include "route/route.h"

#include <stdlib.h>

enum { ID_MAX = 128 };

struct kb_ledger {
    uint64_t cluster_hash;
    size_t max, count, settled;
    struct kb_ledger_entry *entries;
    /* Record numbers by place: partition p of topic t has a list of its own, `max` long. */
    uint32_t *numbers[KB_SAMPLE_TOPIC_COUNT][KB_SAMPLE_PARTITIONS_MAX];
    int64_t ends[KB_SAMPLE_TOPIC_COUNT][KB_SAMPLE_PARTITIONS_MAX];
    size_t *latest; /* of each channel: number + 1 of the latest record that arrived */
    size_t arrivals[KB_ARRIVAL_COUNT];
};

struct kb_ledger *kb_ledger_new(size_t max, struct kb_slice cluster_id)
{
    struct kb_ledger *ledger = calloc(1, sizeof(*ledger));
    if (!ledger)
        return NULL;
    ledger->max = max;
    ledger->cluster_hash = cluster_id.len > 0 ? kb_hash64_stable(cluster_id) : 0;
    ledger->entries = calloc(max, sizeof(*ledger->entries));
    ledger->latest = calloc(kb_n_sample_channels, sizeof(*ledger->latest));
    bool ok = ledger->entries && ledger->latest;
    for (size_t t = 0; ok && t < KB_SAMPLE_TOPIC_COUNT; t++) {
        for (int p = 0; ok && p < kb_sample_topics[t].partitions; p++) {
            ledger->numbers[t][p] = malloc(max * sizeof(uint32_t));
            ok = ledger->numbers[t][p] != NULL;
        }
    }
    if (ok)
        return ledger;
    kb_ledger_free(ledger);
    return NULL;
}

void kb_ledger_free(struct kb_ledger *ledger)
{
    if (!ledger)
        return;
    for (size_t t = 0; t < KB_SAMPLE_TOPIC_COUNT; t++)
        for (size_t p = 0; p < KB_SAMPLE_PARTITIONS_MAX; p++)
            free(ledger->numbers[t][p]);
    free(ledger->entries);
    free(ledger->latest);
    free(ledger);
}

size_t kb_ledger_count(const struct kb_ledger *ledger)
{
    return ledger->count;
}

size_t kb_ledger_room(const struct kb_ledger *ledger)
{
    return ledger->max - ledger->count;
}

const struct kb_ledger_entry *kb_ledger_entry(const struct kb_ledger *ledger, size_t number)
{
    return &ledger->entries[number];
}

static enum kb_sample_topic topic_of(size_t number)
{
    return number % KB_SAMPLE_TOPIC_COUNT;
}

size_t kb_ledger_send(
    struct kb_ledger *ledger, int32_t partition, int64_t timestamp, int64_t now_us)
{
    KB_BUG_ON(ledger->count == ledger->max);
    size_t number = ledger->count++;
    enum kb_sample_topic topic = topic_of(number);
    int64_t offset = ledger->ends[topic][partition]++;
    ledger->numbers[topic][partition][offset] = (uint32_t)number;
    ledger->entries[number] = (struct kb_ledger_entry){
        .partition = partition, .offset = offset, .timestamp = timestamp, .sent_us = now_us};
    return number;
}

static bool find(const struct kb_ledger *ledger, struct kb_slice topic, int64_t partition,
    int64_t offset, size_t *number)
{
    for (size_t t = 0; t < KB_SAMPLE_TOPIC_COUNT; t++) {
        if (!kb_slice_is(topic, kb_sample_topics[t].name))
            continue;
        if (partition < 0 || partition >= kb_sample_topics[t].partitions || offset < 0 ||
            offset >= ledger->ends[t][partition])
            return false;
        *number = ledger->numbers[t][partition][offset];
        return true;
    }
    return false;
}

/* A decimal number and the '/' behind it, both taken off `text`. */
static bool take_number(struct kb_slice *text, int64_t *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9' && i < 18; i++)
        *out = *out * 10 + (text->ptr[i] - '0');
    if (i == 0 || i == text->len || text->ptr[i] != '/')
        return false;
    text->ptr += i + 1;
    text->len -= i + 1;
    return true;
}

/* Which record has this id? The id names the place; all of it must be what that record's id is. */
static bool find_id(const struct kb_ledger *ledger, struct kb_slice id, size_t *number)
{
    const char *slash = id.ptr ? memchr(id.ptr, '/', id.len) : NULL;
    if (!slash)
        return false;
    struct kb_slice topic = {id.ptr, (size_t)(slash - id.ptr)};
    struct kb_slice rest = {slash + 1, id.len - topic.len - 1};
    int64_t partition, offset;
    if (!take_number(&rest, &partition) || !take_number(&rest, &offset) ||
        !find(ledger, topic, partition, offset, number))
        return false;

    struct kb_record rec = {.topic = topic,
        .partition = (int32_t)partition,
        .offset = offset,
        .timestamp = ledger->entries[*number].timestamp};
    struct kb_buf expected;
    kb_buf_init(&expected, ID_MAX);
    kb_message_id(&expected, &rec, 0, ledger->cluster_hash);
    bool same = !expected.failed && kb_slice_eq(kb_buf_slice(&expected), id);
    kb_buf_deinit(&expected);
    return same;
}

static enum kb_arrival judge(
    struct kb_ledger *ledger, size_t number, size_t channel, struct kb_slice data)
{
    struct kb_sample sample;
    kb_sample_make((uint32_t)number, &sample);
    if (ledger->entries[number].arrivals > 1)
        return KB_ARRIVAL_AGAIN;
    if (sample.channel != channel)
        return KB_ARRIVAL_ELSEWHERE;
    if (!kb_slice_eq(data, kb_sample_value(&sample)))
        return KB_ARRIVAL_CHANGED;
    if (number + 1 < ledger->latest[channel])
        return KB_ARRIVAL_DISORDER;
    ledger->latest[channel] = number + 1;
    return KB_ARRIVAL_GOOD;
}

static uint32_t outcomes(const struct kb_ledger_entry *entry)
{
    return entry->arrivals + entry->dead_letters + entry->skipped;
}

static void note_outcome(struct kb_ledger *ledger, const struct kb_ledger_entry *entry)
{
    if (outcomes(entry) == 1)
        ledger->settled++;
}

enum kb_arrival kb_ledger_arrive(struct kb_ledger *ledger, size_t channel, struct kb_slice id,
    struct kb_slice data, int64_t now_us, size_t *number)
{
    enum kb_arrival arrival = KB_ARRIVAL_STRANGER;
    if (find_id(ledger, id, number)) {
        struct kb_ledger_entry *entry = &ledger->entries[*number];
        if (entry->arrivals++ == 0)
            entry->arrived_us = now_us;
        note_outcome(ledger, entry);
        arrival = judge(ledger, *number, channel, data);
    }
    ledger->arrivals[arrival]++;
    return arrival;
}

bool kb_ledger_dead_letter(struct kb_ledger *ledger, struct kb_slice topic, int64_t partition,
    int64_t offset, size_t *number)
{
    if (!find(ledger, topic, partition, offset, number))
        return false;
    ledger->entries[*number].dead_letters++;
    note_outcome(ledger, &ledger->entries[*number]);
    return true;
}

void kb_ledger_skip(struct kb_ledger *ledger, size_t number)
{
    KB_BUG_ON(ledger->entries[number].skipped);
    ledger->entries[number].skipped = true;
    note_outcome(ledger, &ledger->entries[number]);
}

bool kb_ledger_settled(const struct kb_ledger *ledger, size_t number)
{
    return outcomes(&ledger->entries[number]) > 0;
}

size_t kb_ledger_settled_count(const struct kb_ledger *ledger)
{
    return ledger->settled;
}

void kb_ledger_report(const struct kb_ledger *ledger, struct kb_ledger_report *report)
{
    *report = (struct kb_ledger_report){.missing = ledger->count - ledger->settled};
    memcpy(report->arrivals, ledger->arrivals, sizeof(report->arrivals));
    for (size_t i = 0; i < ledger->count; i++) {
        const struct kb_ledger_entry *entry = &ledger->entries[i];
        enum kb_sample_topic topic = topic_of(i);
        report->topics[topic].sent++;
        report->topics[topic].arrived += entry->arrivals > 0;
        report->topics[topic].dead += entry->dead_letters > 0;
        report->topics[topic].skipped += entry->skipped;
        report->wrong_fate +=
            i == KB_SAMPLE_POISON ? entry->arrivals > 0 : entry->dead_letters > 0 || entry->skipped;
        report->repeated_death += entry->dead_letters > 1 ? entry->dead_letters - 1 : 0;
    }
    for (size_t t = 0; t < KB_SAMPLE_TOPIC_COUNT; t++) {
        report->all.sent += report->topics[t].sent;
        report->all.arrived += report->topics[t].arrived;
        report->all.dead += report->topics[t].dead;
        report->all.skipped += report->topics[t].skipped;
    }
    report->wrong = report->wrong_fate + report->repeated_death;
    for (int a = KB_ARRIVAL_AGAIN; a < KB_ARRIVAL_COUNT; a++)
        report->wrong += report->arrivals[a];
    report->good = report->wrong + report->missing == 0;
}
