/* Taking records: from librdkafka's messages to kably's, without a copy.
 *
 * - Records come by rd_kafka_consume_queue(0), one at a time. The batch call skips records
 * before 2.1, the callback call aborts on a rebalance.
 * - The eventfd fires only when the queue goes from empty to non-empty: read it first, then poll
 * until nothing comes, or tell the worker to come back (`more`).
 * - Callbacks (rebalance, commit, errors) run inside the poll, on this thread.
 *
 * Ownership: the messages of a take are held until the next one; their bytes are what the records
 * point at. */
#include "kafka/consumer_inside.h"

#include <unistd.h>

static void drain_wake_fd(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof(count)) > 0) {}
}

void kb_consumer_release_held(struct kb_consumer *c)
{
    for (size_t i = 0; i < c->n_held; i++)
        rd_kafka_message_destroy(c->held[i]);
    c->n_held = 0;
    c->n_headers = 0;
}

static bool room_for_held(struct kb_consumer *c, size_t max)
{
    if (max <= c->held_cap)
        return true;
    rd_kafka_message_t **held = realloc(c->held, max * sizeof(rd_kafka_message_t *));
    if (!held)
        return false;
    c->held = held;
    c->held_cap = max;
    return true;
}

static bool room_for_headers(struct kb_consumer *c, size_t n)
{
    size_t cap = c->headers_cap ? c->headers_cap : 64;
    while (cap < c->n_headers + n)
        cap *= 2;
    if (cap == c->headers_cap)
        return true;
    struct kb_header *headers = realloc(c->headers, cap * sizeof(*headers));
    if (!headers)
        return false;
    c->headers = headers;
    c->headers_cap = cap;
    return true;
}

/* Appends the message's headers to the array, which may still move: the records are pointed at it
 * later. */
static bool add_headers(struct kb_consumer *c, const rd_kafka_message_t *message, size_t *n)
{
    rd_kafka_headers_t *list;
    *n = 0;
    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    size_t count = rd_kafka_header_cnt(list);
    if (!room_for_headers(c, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(list, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        c->headers[c->n_headers++] =
            (struct kb_header){.name = kb_slice_of(name), .value = {value, size}};
        ++*n;
    }
    return true;
}

static void point_at_headers(const struct kb_consumer *c, struct kb_record *records, size_t n)
{
    const struct kb_header *next = c->headers;
    for (size_t i = 0; i < n; i++) {
        records[i].headers = records[i].n_headers ? next : NULL;
        next += records[i].n_headers;
    }
}

/* Fills *rec from a message; false: the message is no record for the worker. */
static bool to_record(
    struct kb_consumer *c, const rd_kafka_message_t *message, struct kb_record *rec)
{
    rd_kafka_timestamp_type_t type;
    if (message->err) {
        kb_consumer_note_error(c, message->err, rd_kafka_message_errstr(message));
        return false;
    }
    struct kb_partition *part = kb_partitions_of(&c->parts, message);
    if (!part || part->leaving)
        return false;
    const struct kb_record_place place = {
        message->offset, rd_kafka_message_timestamp(message, &type)};
    *rec = (struct kb_record){
        .topic = part->topic,
        .partition = message->partition,
        .slot = part->id.slot,
        .offset = place.offset,
        .new_log = kb_partition_came(part, place, kb_clock_system()),
        .timestamp = place.timestamp,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    if (add_headers(c, message, &rec->n_headers))
        return true;
    kb_consumer_fail(c, "no memory for the headers of a record");
    return false;
}

/* About how many bytes are queued: as many more records, of the size of those just taken. */
static size_t queued_bytes(const struct kb_consumer *c)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->n_held; i++)
        bytes += c->held[i]->len + c->held[i]->key_len;
    return rd_kafka_queue_length(c->queue) * (bytes / c->n_held + 1);
}

size_t kb_consumer_take(struct kb_source *src, struct kb_record *out, size_t max, bool *more)
{
    struct kb_consumer *c = kb_consumer_of(src);
    size_t n = 0;
    bool empty = false;

    drain_wake_fd(src->wake_fd);
    kb_consumer_release_held(c);
    if (!room_for_held(c, max))
        kb_consumer_fail(c, "no memory");
    while (n < max && !empty && !c->has_failed) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(c->queue, 0);
        if (!message)
            empty = true;
        else if (to_record(c, message, &out[n]))
            c->held[n++] = message;
        else
            rd_kafka_message_destroy(message);
    }
    c->n_held = n;
    c->took_records |= n > 0;
    point_at_headers(c, out, n);
    *more = n == max && !c->has_failed;
    kb_fetch_gate_note(&c->gate, n > 0 && *more ? queued_bytes(c) : 0);
    return n;
}
