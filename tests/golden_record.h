/* A Kafka record from the labelled lines of a golden case:
 *
 *     topic: orders          (unless said, the first four are golden_record_init's)
 *     partition: 3
 *     offset: 1881
 *     timestamp: -1
 *     key: k1                (no line = a null key, "key:" = an empty one; value the same)
 *     value: {"a":1}
 *     header: tenant=acme    (as often as wanted; without "=" a null header)
 */
#ifndef TESTS_GOLDEN_RECORD_H
#define TESTS_GOLDEN_RECORD_H

#include "golden.h"
#include "record/record.h"

#define GOLDEN_HEADERS_MAX 8

struct golden_record {
    struct kb_record rec;
    struct kb_header headers[GOLDEN_HEADERS_MAX];
};

static inline void golden_record_init(struct golden_record *record)
{
    *record = (struct golden_record){.rec = {.topic = KB_S("orders"),
                                         .partition = 3,
                                         .offset = 1881,
                                         .timestamp = INT64_C(1767225600000)}};
    record->rec.headers = record->headers;
}

static inline void golden_record_header(struct golden_record *record, struct kb_slice text)
{
    assert_true(record->rec.n_headers < GOLDEN_HEADERS_MAX);
    struct kb_header *header = &record->headers[record->rec.n_headers++];
    const char *equals = memchr(text.ptr, '=', text.len);
    header->name = equals ? (struct kb_slice){text.ptr, (size_t)(equals - text.ptr)} : text;
    header->value = equals ? (struct kb_slice){equals + 1, text.len - header->name.len - 1}
                           : (struct kb_slice){NULL, 0};
}

/* True where the line was the record's. */
static inline bool golden_record_line(
    struct golden_record *record, struct kb_slice label, struct kb_slice text)
{
    if (kb_slice_is(label, "topic"))
        record->rec.topic = text;
    else if (kb_slice_is(label, "partition"))
        record->rec.partition = (int32_t)strtol(text.ptr, NULL, 10);
    else if (kb_slice_is(label, "offset"))
        record->rec.offset = strtoll(text.ptr, NULL, 10);
    else if (kb_slice_is(label, "timestamp"))
        record->rec.timestamp = strtoll(text.ptr, NULL, 10);
    else if (kb_slice_is(label, "key"))
        record->rec.key = text;
    else if (kb_slice_is(label, "value"))
        record->rec.value = text;
    else if (kb_slice_is(label, "header"))
        golden_record_header(record, text);
    else
        return false;
    return true;
}

#endif
