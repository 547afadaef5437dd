/* A dead letter's headers, made once when the letter is sent. Called by dead_letters.c alone. */
#include "kafka/connect_headers.h"

#include <inttypes.h>

/* Where a class of failure happens in Connect's picture of a sink: the class names are those
 * Connect's own tools expect at that stage. */
struct stage {
    const char *stage, *class_name, *exception;
};

static const struct stage stages[KB_FAILURE_COUNT] = {
    [KB_FAILURE_DECODE] = {"VALUE_CONVERTER", "org.apache.kafka.connect.storage.Converter",
        "kably.DecodeError"},
    [KB_FAILURE_MAPPING] = {"TRANSFORMATION", "org.apache.kafka.connect.transforms.Transformation",
        "kably.MappingError"},
    [KB_FAILURE_HOOK] = {"TRANSFORMATION", "org.apache.kafka.connect.transforms.Transformation",
        "kably.HookError"},
    [KB_FAILURE_MESSAGE] = {"TASK_PUT", "org.apache.kafka.connect.sink.SinkTask",
        "kably.MessageError"},
    [KB_FAILURE_PUBLISH] = {"TASK_PUT", "org.apache.kafka.connect.sink.SinkTask",
        "kably.PublishError"},
};

/* librdkafka keeps copies. Its only failure would be no memory, where it ends the process itself.
 */
static void add(rd_kafka_headers_t *headers, const char *name, struct kb_slice value)
{
    rd_kafka_header_add(headers, name, -1, value.ptr, (ssize_t)value.len);
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, number);
    add(headers, name, (struct kb_slice){text, (size_t)len});
}

rd_kafka_headers_t *kb_connect_headers(const struct kb_record *rec,
    const struct kb_dead_letter_reason *reason, const char *group_id, int worker)
{
    const struct stage *stage = &stages[reason->failure];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(rec->n_headers + 13);

    for (size_t i = 0; i < rec->n_headers; i++) {
        const struct kb_header *header = &rec->headers[i];
        rd_kafka_header_add(headers, header->name.ptr, (ssize_t)header->name.len, header->value.ptr,
            (ssize_t)header->value.len);
    }
    add(headers, KB_CONNECT_ERRORS "topic", rec->topic);
    add_number(headers, KB_CONNECT_ERRORS "partition", rec->partition);
    add_number(headers, KB_CONNECT_ERRORS "offset", rec->offset);
    add(headers, KB_CONNECT_ERRORS "connector.name", kb_slice_of(group_id));
    add_number(headers, KB_CONNECT_ERRORS "task.id", worker);
    add(headers, KB_CONNECT_ERRORS "stage", kb_slice_of(stage->stage));
    add(headers, KB_CONNECT_ERRORS "class.name", kb_slice_of(stage->class_name));
    add(headers, KB_CONNECT_ERRORS "exception.class.name", kb_slice_of(stage->exception));
    add(headers, KB_CONNECT_ERRORS "exception.message", kb_slice_of(reason->text));
    add(headers, KB_CONNECT_ERRORS "exception.stacktrace", KB_S(""));
    add(headers, "kably.error.class", kb_slice_of(kb_failure_name(reason->failure)));
    add_number(headers, "kably.error.code", reason->code);
    add_number(headers, "kably.error.attempts", reason->attempts);
    return headers;
}
