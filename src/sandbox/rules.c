/* Ably's rules for a batch, the messages of a spec and channel names (Ably's REST documentation).
 * Pure functions of what was posted; called by publish.c before anything is stored. */
#include "sandbox/posted.h"

#include "base/compiler.h"
#include "base/hash.h"

#include <stdint.h>

static struct kb_refusal broken(int status, int code, const char *text)
{
    return (struct kb_refusal){status, code, kb_slice_of(text)};
}

/* The channels of a request so far; an open hash table that is never full. */
struct names {
    struct kb_slice list[KB_POSTED_CHANNELS_MAX];
    size_t n;
    uint8_t table[4 * KB_POSTED_CHANNELS_MAX]; /* a name's number from 1, 0 = empty */
};

static bool add_name(struct names *names, struct kb_slice name)
{
    size_t place = kb_hash64(name, 0) % KB_COUNT(names->table);

    for (; names->table[place]; place = (place + 1) % KB_COUNT(names->table)) {
        if (kb_slice_eq(names->list[names->table[place] - 1], name))
            return true;
    }
    if (names->n == KB_POSTED_CHANNELS_MAX)
        return false;
    names->list[names->n++] = name;
    names->table[place] = (uint8_t)names->n;
    return true;
}

/* A spec needs a channel and a message, and names a channel once. */
static struct kb_refusal check_spec_shape(const struct kb_posted_spec *spec)
{
    if (spec->n_channels == 0)
        return broken(400, 40001, "a spec without channels");
    if (spec->n_messages == 0)
        return broken(400, 40001, "a spec without messages");
    for (const struct kb_posted_channel *a = spec->channels; a; a = a->next) {
        for (const struct kb_posted_channel *b = a->next; b; b = b->next) {
            if (kb_slice_eq(a->name, b->name))
                return broken(400, 40001, "a spec names the same channel twice");
        }
    }
    return (struct kb_refusal){0};
}

struct kb_refusal kb_posted_check_shape(const struct kb_posted *posted)
{
    struct names names = {.n = 0};
    struct kb_refusal refusal = {0};

    if (posted->n_specs == 0)
        return broken(400, 40001, "the batch is empty");
    for (const struct kb_posted_spec *spec = posted->specs; spec; spec = spec->next) {
        refusal = check_spec_shape(spec);
        if (refusal.code)
            return refusal;
        for (const struct kb_posted_channel *ch = spec->channels; ch; ch = ch->next) {
            if (!add_name(&names, ch->name)) /* it counts once, however many specs use it */
                return broken(400, 40001, "more than 100 different channels in one request");
        }
    }
    return refusal;
}

static bool ends_with(struct kb_slice text, struct kb_slice end)
{
    return text.len >= end.len &&
           kb_slice_eq((struct kb_slice){text.ptr + text.len - end.len, end.len}, end);
}

/* Binary data counts as its bytes, not as their base64. */
static size_t data_size(const struct kb_posted_message *msg)
{
    size_t len = msg->data.len;

    if (msg->kind != KB_POSTED_TEXT || !ends_with(msg->encoding, KB_S("base64")))
        return len;
    while (len > 0 && msg->data.ptr[len - 1] == '=')
        len--;
    return len * 3 / 4;
}

static size_t message_size(const struct kb_posted_message *msg)
{
    return msg->name.len + data_size(msg) + msg->client_id.len + msg->extras.len;
}

/* Splits "BASE:7" into the base and 7. */
static bool split_id(struct kb_slice id, struct kb_slice *base, size_t *index)
{
    size_t colon = id.len, number = 0;

    while (colon > 0 && id.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || colon == id.len || id.len - colon > 4)
        return false;
    for (size_t i = colon; i < id.len; i++) {
        if (id.ptr[i] < '0' || id.ptr[i] > '9')
            return false;
        number = number * 10 + (size_t)(id.ptr[i] - '0');
    }
    *base = (struct kb_slice){id.ptr, colon - 1};
    *index = number;
    return id.len - colon == 1 || id.ptr[colon] != '0';
}

/* One message: any id that is not empty. Several: all of them BASE:0, BASE:1 and so on, or none has
 * one; the base is then the key of the whole set. */
static bool check_ids(struct kb_posted_spec *spec)
{
    struct kb_posted_message *first = spec->messages;
    struct kb_slice base = {0};
    size_t index, expected = 0;

    if (spec->n_messages == 1) {
        spec->key = first->id;
        return !first->id.ptr || first->id.len > 0;
    }
    for (struct kb_posted_message *msg = first; msg; msg = msg->next, expected++) {
        if (!msg->id.ptr && !first->id.ptr)
            continue;
        if (!msg->id.ptr || !split_id(msg->id, &base, &index) || index != expected)
            return false;
        if (msg == first)
            spec->key = base;
        else if (!kb_slice_eq(base, spec->key))
            return false;
    }
    return true;
}

static struct kb_refusal first_broken(struct kb_posted_spec *spec, size_t max_message_size)
{
    if (spec->n_messages > KB_POSTED_MESSAGES_MAX)
        return broken(400, 40034, "more than 1000 messages in one spec");
    if (spec->size > max_message_size)
        return broken(
            413, 40009, "the messages of the spec are larger than the maximum message size");
    if (!check_ids(spec))
        return broken(400, 40031,
            "invalid id: not empty, and for several messages BASE:0, BASE:1, ... with one base");
    for (const struct kb_posted_message *msg = spec->messages; msg; msg = msg->next) {
        if (kb_slice_is(msg->client_id, "*"))
            return broken(400, 40012, "clientId must not be the wildcard");
    }
    return (struct kb_refusal){0};
}

void kb_posted_check(struct kb_posted_spec *spec, size_t max_message_size)
{
    spec->size = 0;
    for (const struct kb_posted_message *msg = spec->messages; msg; msg = msg->next)
        spec->size += message_size(msg);
    if (!spec->refusal.code)
        spec->refusal = first_broken(spec, max_message_size);
}

struct kb_refusal kb_posted_check_channel(struct kb_slice name)
{
    if (name.len == 0)
        return broken(400, 40010, "a channel's name must not be empty");
    if (name.ptr[0] == '[' || name.ptr[0] == ':')
        return broken(400, 40010, "a channel's name must not start with '[' or ':'");
    if (memchr(name.ptr, '\n', name.len) || memchr(name.ptr, '\r', name.len))
        return broken(400, 40010, "a channel's name must not hold a newline");
    return (struct kb_refusal){0};
}
