/* The headers of a dead letter: the record's own, then what Kafka Connect's sinks write (KIP-298),
 * so that tools made for Connect's dead-letter topics read kably's, then kably's own words.
 *
 *     __connect.errors.topic .partition .offset           where the record came from
 *     __connect.errors.connector.name .task.id            the group id and the worker's number
 *     __connect.errors.stage .class.name                  where it failed, in Connect's words
 *     __connect.errors.exception.class.name               kably.DecodeError, kably.PublishError ...
 *     __connect.errors.exception.message                  the reason as kably logs it
 *     __connect.errors.exception.stacktrace               present and empty
 *     kably.error.class .code .attempts                   decode | ..., Ably's code, tries
 *
 * Tools ask for the stack trace by its name, and C has none worth keeping. Numbers are decimal
 * text. Thread: any; values. */
#ifndef KB_KAFKA_CONNECT_HEADERS_H
#define KB_KAFKA_CONNECT_HEADERS_H

#include "record/dead_letter.h"

#include <librdkafka/rdkafka.h>

#define KB_CONNECT_ERRORS "__connect.errors."

/* Returns new (rd_kafka_producev takes it). */
rd_kafka_headers_t *kb_connect_headers(const struct kb_record *rec,
    const struct kb_dead_letter_reason *reason, const char *group_id, int worker) KB_MUST_CHECK;

#endif
