/* Reads the bodies of Ably's replies; see reply_body.h. A sink of JSON events that knows its place
 * in
 *
 *     [ {"successCount":1, "failureCount":0,
 *        "results":[ {"channel":…, "messageId":…, "serials":[…]} ]},
 *       {"successCount":0, "failureCount":1,
 *        "results":[ {"channel":…, "error":{"code":…, …}} ]} ]
 *
 * and passes over members it doesn't know. Accepted besides: one such object for a request of one
 * spec; the older form, where the results stand in the array themselves; and the older mixed reply,
 * HTTP 400 with {"error":{"code":40020}, "batchResponse":[…]}. */
#include "ably/reply_body.h"

#include "value/json.h"
#include "value/msgpack.h"

#define TEXT_MAX 512
#define NO_COUNT 1000000 /* a number that counts nothing: negative, with a fraction, huge */

enum place { NOWHERE, TOP, ITEMS, ITEM, RESULTS, RESULT, ERROR, DEPTH_MAX };

#define MEMBERS(X)                   \
    X(SUCCESS_COUNT, "successCount") \
    X(FAILURE_COUNT, "failureCount") \
    X(RESULTS, "results")            \
    X(CHANNEL, "channel")            \
    X(MESSAGE_ID, "messageId")       \
    X(SERIALS, "serials")            \
    X(ERROR, "error")                \
    X(CODE, "code")                  \
    X(STATUS_CODE, "statusCode")     \
    X(MESSAGE, "message")            \
    X(BATCH_RESPONSE, "batchResponse")

enum member {
    MEMBER_OTHER,
#define X(id, name) MEMBER_##id,
    MEMBERS(X)
#undef X
};

struct item {
    int successes, failures; /* -1 = not given */
    bool has_results;
    size_t n_results;
    struct kb_reply_entry flat, result;
};

struct reader {
    struct kb_events events;
    struct kb_reply *reply;
    size_t n_specs, n;       /* expected, read */
    const char *bad;         /* the first thing that makes no sense */
    struct item top, single; /* the outermost object; the array's current one */
    struct item *item;
    struct kb_reply_entry *entry; /* where `error` and its members belong */
    enum place places[DEPTH_MAX];
    unsigned depth, ignored; /* containers open; those inside one we don't know */
    enum member member;      /* the last key: of the value to come */
    bool batch;
};

static void complain(struct reader *reader, const char *what)
{
    if (!reader->bad)
        reader->bad = what;
}

static enum place place_now(const struct reader *reader)
{
    return reader->depth ? reader->places[reader->depth - 1] : NOWHERE;
}

/* ---- what an item says ---- */

static bool counts_agree(const struct item *item, const struct kb_reply_entry *entry)
{
    int failures = entry->error;
    return (item->failures < 0 || item->failures == failures) &&
           (item->successes < 0 || item->successes == 1 - failures);
}

/* The one result of an item, NULL where it has none or several. */
static const struct kb_reply_entry *item_entry(const struct item *item)
{
    if (item->has_results)
        return item->n_results == 1 && !item->flat.error ? &item->result : NULL;
    return item->flat.channel ? &item->flat : NULL;
}

static void item_end(struct reader *reader, const struct item *item)
{
    const struct kb_reply_entry *entry = item_entry(item);
    if (reader->n >= reader->n_specs) {
        complain(reader, "more results than messages were sent");
        return;
    }
    if (!entry || entry->error == (entry->published || item->successes == 1) ||
        !counts_agree(item, entry)) {
        complain(reader, "a result that is neither clearly published nor refused");
        return;
    }
    struct kb_result *result = &reader->reply->results[reader->n++];
    *result = (struct kb_result){.class = KB_ABLY_OK};
    if (!entry->error)
        return;
    result->class = kb_classify(entry->status, entry->code, KB_LEVEL_SPEC);
    result->code = entry->code;
    result->status = entry->status;
    result->text = entry->text;
    if (result->class == KB_ABLY_FOREIGN || result->class == KB_ABLY_OK)
        complain(reader, "an error without a code or status");
}

/* ---- events ---- */

static enum place place_within(enum place place, enum member member, bool array)
{
    switch (place) {
    case NOWHERE:
        return array ? ITEMS : TOP;
    case ITEMS:
        return array ? NOWHERE : ITEM;
    case TOP:
        if (member == MEMBER_BATCH_RESPONSE && array)
            return ITEMS;
        /* fallthrough */
    case ITEM:
        if (member == MEMBER_RESULTS && array)
            return RESULTS;
        return member == MEMBER_ERROR && !array ? ERROR : NOWHERE;
    case RESULTS:
        return array ? NOWHERE : RESULT;
    case RESULT:
        return member == MEMBER_ERROR && !array ? ERROR : NOWHERE;
    case ERROR:
    case DEPTH_MAX:
        break;
    }
    return NOWHERE;
}

static const struct item item_empty = {.successes = -1, .failures = -1};

static void enter(struct reader *reader, enum place place)
{
    switch (place) {
    case TOP:
        reader->item = &reader->top;
        reader->entry = &reader->top.flat;
        break;
    case ITEMS:
        if (reader->depth > 0)
            reader->batch = true;
        break;
    case ITEM:
        reader->single = item_empty;
        reader->item = &reader->single;
        reader->entry = &reader->single.flat;
        break;
    case RESULTS:
        reader->item->has_results = true;
        break;
    case RESULT:
        reader->item->n_results++;
        reader->entry = &reader->item->result;
        break;
    case ERROR:
        if (reader->entry->error)
            complain(reader, "two errors in one result");
        reader->entry->error = true;
        break;
    case NOWHERE:
    case DEPTH_MAX:
        break;
    }
    reader->places[reader->depth++] = place;
}

static void leave(struct reader *reader, enum place place)
{
    reader->depth--;
    if (place == ITEM) {
        item_end(reader, &reader->single);
        reader->item = &reader->top;
    }
    if (place == ITEM || place == RESULT)
        reader->entry = &reader->item->flat;
}

static void on_begin(struct kb_events *sink, bool array)
{
    struct reader *reader = (struct reader *)sink;
    enum place now = place_now(reader);
    enum place place = reader->ignored ? NOWHERE : place_within(now, reader->member, array);
    if (!reader->ignored && reader->member == MEMBER_SERIALS && array && now != ERROR)
        reader->entry->published = true;
    if (place != NOWHERE) {
        enter(reader, place);
        return;
    }
    if (!reader->ignored && (now == ITEMS || now == RESULTS))
        complain(reader, "a result that is no object");
    reader->ignored++;
}

static void on_end(struct kb_events *sink)
{
    struct reader *reader = (struct reader *)sink;
    if (reader->ignored)
        reader->ignored--;
    else
        leave(reader, place_now(reader));
}

static void on_begin_object(struct kb_events *sink)
{
    on_begin(sink, false);
}

static void on_begin_array(struct kb_events *sink)
{
    on_begin(sink, true);
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    static const struct kb_slice names[] = {
#define X(id, name) [MEMBER_##id] = {name, sizeof(name) - 1},
        MEMBERS(X)
#undef X
    };
    struct reader *reader = (struct reader *)sink;
    unsigned i = reader->ignored ? KB_COUNT(names) : MEMBER_OTHER + 1;
    while (i < KB_COUNT(names) && !kb_slice_eq(name, names[i]))
        i++;
    reader->member = i < KB_COUNT(names) ? (enum member)i : MEMBER_OTHER;
}

/* Every scalar but null ends up here. Returns the member it belongs to, MEMBER_OTHER for none of
 * interest. */
static enum member scalar(struct reader *reader)
{
    enum place place = reader->ignored ? NOWHERE : place_now(reader);
    if (!reader->ignored && place != TOP && place != ITEM && place != RESULT && place != ERROR) {
        complain(reader, "a result that is no object");
        return MEMBER_OTHER;
    }
    if (reader->member == MEMBER_ERROR || reader->member == MEMBER_RESULTS)
        complain(reader, "an error that is no object");
    return reader->member;
}

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    struct reader *reader = (struct reader *)sink;
    enum place place = place_now(reader);
    enum member member = scalar(reader);
    if (place == ERROR && member == MEMBER_MESSAGE) {
        size_t len = text.len < TEXT_MAX ? text.len : TEXT_MAX;
        while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--; /* whole characters only */
        if (!kb_arena_copy(
                &reader->reply->texts, (struct kb_slice){text.ptr, len}, &reader->entry->text))
            reader->entry->text = KB_S("");
    } else if (place != ERROR && member == MEMBER_CHANNEL) {
        reader->entry->channel = true;
    } else if (place != ERROR && member == MEMBER_MESSAGE_ID) {
        reader->entry->published = true;
    }
}

static void on_integer(struct kb_events *sink, int64_t number)
{
    struct reader *reader = (struct reader *)sink;
    enum place place = place_now(reader);
    int value = number >= 0 && number < NO_COUNT ? (int)number : NO_COUNT;
    switch (scalar(reader)) {
    case MEMBER_CODE:
        if (place == ERROR && value < NO_COUNT)
            reader->entry->code = value;
        break;
    case MEMBER_STATUS_CODE:
        if (place == ERROR && value < NO_COUNT)
            reader->entry->status = value;
        break;
    case MEMBER_SUCCESS_COUNT:
        if (place == TOP || place == ITEM)
            reader->item->successes = value;
        break;
    case MEMBER_FAILURE_COUNT:
        if (place == TOP || place == ITEM)
            reader->item->failures = value;
        break;
    default:
        break;
    }
}

static void on_number(struct kb_events *sink, struct kb_slice text)
{
    on_integer(sink, kb_slice_digits(text));
}

static void on_bytes(struct kb_events *sink, struct kb_slice bytes)
{
    (void)bytes;
    scalar((struct reader *)sink);
}

static void on_real(struct kb_events *sink, double number)
{
    (void)number;
    on_integer(sink, -1);
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    (void)truth;
    scalar((struct reader *)sink);
}

static void on_null(struct kb_events *sink)
{
    struct reader *reader = (struct reader *)sink;
    if (!reader->ignored && (place_now(reader) == ITEMS || place_now(reader) == RESULTS))
        complain(reader, "a result that is no object");
}

static const struct kb_events_ops reader_ops = {
    .begin_object = on_begin_object,
    .end_object = on_end,
    .begin_array = on_begin_array,
    .end_array = on_end,
    .key = on_key,
    .string = on_string,
    .bytes = on_bytes,
    .number = on_number,
    .integer = on_integer,
    .real = on_real,
    .boolean = on_boolean,
    .null = on_null,
};

/* ---- the body as a whole ---- */

void kb_reply_body_read(struct kb_reply *reply, struct kb_slice text, size_t n_specs, bool good,
    bool msgpack, struct kb_reply_body *out)
{
    struct reader reader = {.events.ops = &reader_ops,
        .reply = reply,
        .n_specs = n_specs,
        .top = item_empty,
        .single = item_empty};
    struct kb_err err;
    *out = (struct kb_reply_body){0};
    if (!(msgpack ? kb_msgpack_read : kb_json_read)(text, &reader.events, &err))
        out->unusable =
            msgpack ? "the answer is not complete MessagePack" : "the answer is not complete JSON";
    else if (good && reader.places[0] == TOP && n_specs == 1 && !reader.batch)
        item_end(&reader, &reader.top);
    out->bad = reader.bad;
    out->n = reader.n;
    out->batch = reader.batch;
    out->whole = reader.top.flat;
}
