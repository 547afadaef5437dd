/* Reads a batch request's body (batch.h) as a sink of JSON events: the depth says what a value is.
 *
 *     depth 1 [  2 {  "channels": 3 [ string ]  "messages": 3 [ 4 { "id": string ... }, ... ] */
#include "batch.h"

#include "value/json.h"

#include <stdlib.h>

struct reader {
    struct kb_events events;
    struct sim_batch *batch;
    int depth;
    size_t set;
    int channels, messages;  /* of the current set */
    struct kb_slice channel; /* of it, a copy */
    char key[5][16];         /* by depth; only those of spec and message are kept */
    const char *wrong;
};

static struct reader *reader_of(struct kb_events *sink)
{
    return (struct reader *)sink;
}

static struct sim_spec *current(struct reader *reader)
{
    return &reader->batch->specs[reader->batch->n - 1];
}

static bool under(const struct reader *reader, const char *key)
{
    return strcmp(reader->key[2], key) == 0;
}

static struct kb_slice keep(struct kb_slice text)
{
    char *copy = malloc(text.len + 1);
    KB_BUG_ON(!copy);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return (struct kb_slice){copy, text.len};
}

static void new_set(struct reader *reader)
{
    free((char *)reader->channel.ptr);
    reader->channel = (struct kb_slice){NULL, 0};
    reader->channels = reader->messages = 0;
    reader->set++;
}

static void new_message(struct reader *reader)
{
    struct sim_batch *batch = reader->batch;
    if (batch->n == batch->cap) {
        batch->cap = batch->cap ? 2 * batch->cap : 64;
        batch->specs = realloc(batch->specs, batch->cap * sizeof(*batch->specs));
        KB_BUG_ON(!batch->specs);
    }
    reader->messages++;
    if (!reader->channel.ptr)
        reader->wrong = "messages before their channel";
    batch->specs[batch->n++] =
        (struct sim_spec){.set = reader->set, .channel = keep(reader->channel)};
}

static void begin_object(struct kb_events *sink)
{
    struct reader *reader = reader_of(sink);
    int depth = ++reader->depth;
    if (depth == 2)
        new_set(reader);
    else if (depth == 4 && under(reader, "messages"))
        new_message(reader);
    else if (depth < 5)
        reader->wrong = "an object where none belongs";
}

static void end_object(struct kb_events *sink)
{
    struct reader *reader = reader_of(sink);
    if (reader->depth-- == 2 && (reader->channels != 1 || reader->messages < 1))
        reader->wrong = "a spec without exactly one channel, or without a message";
}

static void begin_array(struct kb_events *sink)
{
    struct reader *reader = reader_of(sink);
    int depth = ++reader->depth;
    if (depth == 2 || depth == 4)
        reader->wrong = "an array where none belongs";
}

static void end_array(struct kb_events *sink)
{
    reader_of(sink)->depth--;
}

static void key(struct kb_events *sink, struct kb_slice name)
{
    struct reader *reader = reader_of(sink);
    if (reader->depth != 2 && reader->depth != 4)
        return;
    char *to = reader->key[reader->depth];
    size_t len = name.len < 15 ? name.len : 15;
    memcpy(to, name.ptr, len);
    to[len] = '\0';
    if (reader->depth == 2 && strcmp(to, "channels") != 0 && strcmp(to, "messages") != 0)
        reader->wrong = "an unknown key in a spec";
}

static struct kb_slice *field(struct reader *reader)
{
    const char *name = reader->key[4];
    struct sim_spec *spec = current(reader);
    if (strcmp(name, "id") == 0)
        return &spec->id;
    if (strcmp(name, "name") == 0)
        return &spec->name;
    if (strcmp(name, "encoding") == 0)
        return &spec->encoding;
    return strcmp(name, "data") == 0 ? &spec->data : NULL;
}

static void string(struct kb_events *sink, struct kb_slice text)
{
    struct reader *reader = reader_of(sink);
    struct kb_slice *to = NULL;
    if (reader->depth > 4)
        return;
    if (reader->depth == 3 && under(reader, "channels") && reader->channels++ == 0)
        to = &reader->channel;
    else if (reader->depth == 4)
        to = field(reader);
    if (!to || to->ptr)
        reader->wrong = "a string where none belongs";
    else
        *to = keep(text);
}

static void scalar(struct kb_events *sink)
{
    struct reader *reader = reader_of(sink);
    if (reader->depth < 5)
        reader->wrong = "a value that is neither text nor structure";
}

static void number(struct kb_events *sink, struct kb_slice text)
{
    (void)text;
    scalar(sink);
}

static void boolean(struct kb_events *sink, bool truth)
{
    (void)truth;
    scalar(sink);
}

static const struct kb_events_ops ops = {.begin_object = begin_object,
    .end_object = end_object,
    .begin_array = begin_array,
    .end_array = end_array,
    .key = key,
    .string = string,
    .number = number,
    .boolean = boolean,
    .null = scalar};

bool sim_batch_read(struct kb_slice body, struct sim_batch *batch, struct kb_err *err)
{
    struct reader reader = {.events = {&ops}, .batch = batch};
    *batch = (struct sim_batch){.specs = NULL};
    bool json = kb_json_read(body, &reader.events, err);
    free((char *)reader.channel.ptr);
    if (!json)
        return false;
    if (body.len == 0 || body.ptr[0] != '[' || batch->n == 0)
        return kb_err_fatal(err, "a batch is an array of at least one spec");
    return !reader.wrong || kb_err_fatal(err, "%s", reader.wrong);
}

size_t sim_batch_set_end(const struct sim_batch *batch, size_t first)
{
    size_t end = first + 1;
    while (end < batch->n && batch->specs[end].set == batch->specs[first].set)
        end++;
    return end;
}

void sim_batch_deinit(struct sim_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct sim_spec *spec = &batch->specs[i];
        free((char *)spec->channel.ptr);
        free((char *)spec->id.ptr);
        free((char *)spec->name.ptr);
        free((char *)spec->data.ptr);
        free((char *)spec->encoding.ptr);
    }
    free(batch->specs);
    *batch = (struct sim_batch){.specs = NULL};
}
