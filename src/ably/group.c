/* See group.h. lanes_pack.c asks for groups, lanes.c takes them apart.
 *
 * A spec's bytes are our own, made by spec.c or spec_msgpack.c with the id as the message's first
 * member; a group is made of the same bytes with other ids. */
#include "ably/group.h"

#include "base/base64.h"
#include "base/hash.h"
#include "value/msgpack.h"

#define LOOK_MAX 8192 /* specs of a queue that are looked at for one group */
#define BASE_MAX 512  /* a topic's name has at most 249 bytes */
#define TEXT_MAX (4u << 20)
#define LONGER_ID 64 /* bytes that a member's id may grow by */
#define TAG_LEN 11

void kb_grouper_init(
    struct kb_grouper *grouper, struct kb_slabs *slabs, struct kb_spec_pool *pool, bool msgpack)
{
    *grouper = (struct kb_grouper){.slabs = slabs, .pool = pool, .msgpack = msgpack};
    kb_buf_init(&grouper->base, BASE_MAX);
    kb_buf_init(&grouper->text, TEXT_MAX);
}

void kb_grouper_deinit(struct kb_grouper *grouper)
{
    kb_buf_deinit(&grouper->base);
    kb_buf_deinit(&grouper->text);
}

/* ---- a spec's bytes ---- */

struct parts {
    struct kb_slice head;          /* up to where the messages begin */
    struct kb_slice id;            /* of its one message */
    struct kb_slice place, offset; /* of the id: "TOPIC/PARTITION/", "OFFSET" */
    struct kb_slice rest;          /* what stands behind the id in the message, with its end */
    char members;                  /* MessagePack: the byte that says how many members it has */
};

static struct kb_slice between(struct kb_slice bytes, size_t from, size_t to)
{
    return (struct kb_slice){bytes.ptr + from, to - from};
}

static bool skip(struct kb_slice bytes, size_t *at, struct kb_slice literal)
{
    if (*at > bytes.len || bytes.len - *at < literal.len ||
        memcmp(bytes.ptr + *at, literal.ptr, literal.len) != 0)
        return false;
    *at += literal.len;
    return true;
}

/* {"channels":["c"],"messages":[{"id":"...",...}]} */
static bool split_json(struct kb_slice bytes, struct parts *out)
{
    size_t at = 0, id;
    if (!skip(bytes, &at, KB_S("{\"channels\":[\"")))
        return false;
    while (at < bytes.len && bytes.ptr[at] != '"')
        at += bytes.ptr[at] == '\\' ? 2 : 1;
    if (!skip(bytes, &at, KB_S("\"],\"messages\":[")))
        return false;
    out->head = between(bytes, 0, at);
    if (!skip(bytes, &at, KB_S("{\"id\":\"")))
        return false;
    id = at;
    while (at < bytes.len && bytes.ptr[at] != '"')
        at++;
    if (bytes.len < at + 3)
        return false;
    out->id = between(bytes, id, at);
    out->rest = between(bytes, at + 1, bytes.len - 2);
    return true;
}

/* A text's head in MessagePack; *at stands at its first byte then, and `end` behind its last. */
static bool skip_text_head(struct kb_slice bytes, size_t *at, size_t *end)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr + *at;
    size_t left = bytes.len - *at, head, len = 0;
    if (left < 1)
        return false;
    head = p[0] >> 5 == 5 ? 0 : p[0] == 0xd9 ? 1 : p[0] == 0xda ? 2 : p[0] == 0xdb ? 4 : 9;
    if (left <= head)
        return false;
    for (size_t i = 1; i <= head; i++)
        len = len << 8 | p[i];
    if (head == 0)
        len = p[0] & 0x1f;
    *at += 1 + head;
    *end = *at + len;
    return len <= bytes.len - *at;
}

/* The same in MessagePack. */
static bool split_msgpack(struct kb_slice bytes, struct parts *out)
{
    size_t at = 0, end;
    if (!skip(bytes, &at,
            KB_S("\x82\xa8"
                 "channels\x91")) ||
        !skip_text_head(bytes, &at, &end))
        return false;
    at = end;
    if (!skip(bytes, &at,
            KB_S("\xa8"
                 "messages")))
        return false;
    out->head = between(bytes, 0, at);
    if (!skip(bytes, &at, KB_S("\x91")) || at == bytes.len)
        return false;
    out->members = bytes.ptr[at++];
    if (!skip(bytes, &at,
            KB_S("\xa2"
                 "id")) ||
        !skip_text_head(bytes, &at, &end))
        return false;
    out->id = between(bytes, at, end);
    out->rest = between(bytes, end, bytes.len);
    return true;
}

/* TOPIC/PARTITION/OFFSET/TAG:0 */
static bool split_id(struct parts *parts)
{
    size_t slash[3], n = 0;
    for (size_t i = 0; i < parts->id.len; i++)
        if (parts->id.ptr[i] == '/' && n++ < 3)
            slash[n - 1] = i;
    if (n != 3)
        return false;
    parts->place = between(parts->id, 0, slash[1] + 1);
    parts->offset = between(parts->id, slash[1] + 1, slash[2]);
    return true;
}

static bool split(const struct kb_grouper *grouper, const struct kb_spec *spec, struct parts *out)
{
    struct kb_slice bytes = (spec->group ? spec->members : spec)->json.bytes;
    return (grouper->msgpack ? split_msgpack(bytes, out) : split_json(bytes, out)) && split_id(out);
}

/* ---- who comes together ---- */

struct sum {
    size_t n, size, bytes, company;
};

static bool joins(const struct kb_grouper *grouper, const struct kb_spec *spec, struct sum *sum)
{
    struct sum next = {sum->n + 1, sum->size + spec->size,
        sum->bytes + spec->json.bytes.len + LONGER_ID, sum->company};
    if (spec->company && spec->company < next.company)
        next.company = spec->company;
    if (spec->group || spec->unknown || next.n > next.company || next.size > grouper->max_size ||
        next.bytes > grouper->max_bytes)
        return false;
    *sum = next;
    return true;
}

/* Takes them out of the queue. A message of a partition that is not known stops the search: it may
 * be of this one. */
static struct kb_queue gather(
    const struct kb_grouper *grouper, struct kb_queue *queue, struct sum *sum)
{
    struct kb_queue members = {NULL, NULL};
    struct kb_spec *before = NULL, *spec = queue->head, *next;
    struct parts first, parts;
    if (!spec || !split(grouper, spec, &first))
        return members;
    for (size_t looked = 0; spec && spec->size > 0 && looked < LOOK_MAX; spec = next, looked++) {
        next = spec->next;
        if (!split(grouper, spec, &parts))
            break;
        if (!kb_slice_eq(parts.place, first.place) || !kb_slice_eq(parts.head, first.head)) {
            before = spec;
            continue;
        }
        if (!joins(grouper, spec, sum))
            break;
        kb_queue_take_behind(queue, before, spec);
        kb_queue_push_tail(&members, spec);
    }
    return members;
}

static void put_back(struct kb_queue *queue, struct kb_queue members)
{
    kb_queue_append(&members, *queue);
    *queue = members;
}

/* ---- one of all ---- */

static void make_base(struct kb_grouper *grouper, const struct kb_queue *members)
{
    struct parts first, parts;
    char tag[TAG_LEN];
    uint64_t hash = 0;
    split(grouper, members->head, &first);
    for (const struct kb_spec *spec = members->head; spec; spec = spec->next) {
        split(grouper, spec, &parts);
        hash = kb_mix64(hash ^ kb_hash64_stable(parts.id));
    }
    kb_base64url_u64(tag, hash);
    kb_buf_reset(&grouper->base);
    kb_buf_add(&grouper->base, first.place);
    kb_buf_add(&grouper->base, first.offset);
    kb_buf_byte(&grouper->base, '-');
    kb_buf_add(&grouper->base, parts.offset);
    kb_buf_byte(&grouper->base, '/');
    kb_buf_add(&grouper->base, (struct kb_slice){tag, TAG_LEN});
    kb_buf_byte(&grouper->base, ':');
}

/* The message with the id BASE:index in place of its own. */
static void put_message(struct kb_grouper *grouper, const struct kb_spec *spec, size_t index)
{
    struct kb_buf *base = &grouper->base, *out = &grouper->text;
    struct parts parts;
    size_t len = base->len;
    split(grouper, spec, &parts);
    kb_buf_add_i64(base, (int64_t)index);
    if (grouper->msgpack) {
        kb_buf_byte(out, parts.members);
        kb_msgpack_text(out, KB_S("id"));
        kb_msgpack_text(out, kb_buf_slice(base));
    } else {
        kb_buf_add(out, index == 0 ? KB_S("{\"id\":\"") : KB_S(",{\"id\":\""));
        kb_buf_add(out, kb_buf_slice(base));
        kb_buf_byte(out, '"');
    }
    kb_buf_add(out, parts.rest);
    base->len = len;
}

static bool encode(struct kb_grouper *grouper, const struct kb_queue *members, size_t n)
{
    struct kb_buf *out = &grouper->text;
    struct parts parts;
    size_t index = 0;
    make_base(grouper, members);
    kb_buf_reset(out);
    split(grouper, members->head, &parts);
    kb_buf_add(out, parts.head);
    if (grouper->msgpack)
        kb_msgpack_array(out, (uint32_t)n);
    for (const struct kb_spec *spec = members->head; spec; spec = spec->next)
        put_message(grouper, spec, index++);
    if (!grouper->msgpack)
        kb_buf_add(out, KB_S("]}"));
    return !out->failed && !grouper->base.failed;
}

size_t kb_group_front(struct kb_grouper *grouper, struct kb_queue *queue)
{
    struct sum sum = {.bytes = LONGER_ID, .company = KB_GROUP_MESSAGES_MAX};
    if (grouper->max_messages < sum.company)
        sum.company = grouper->max_messages;
    size_t most = sum.company;
    struct kb_queue members = gather(grouper, queue, &sum);
    struct kb_spec *group = sum.n > 1 ? kb_spec_pool_take(grouper->pool) : NULL;
    if (!group || !encode(grouper, &members, sum.n) ||
        !kb_slabs_put(grouper->slabs, kb_buf_slice(&grouper->text), &group->json)) {
        if (group)
            kb_spec_pool_give(grouper->pool, group);
        put_back(queue, members);
        return 0;
    }
    group->members = members.head;
    group->group = (uint32_t)sum.n;
    group->channel = members.head->channel;
    group->queued_ms = members.head->queued_ms;
    group->company = sum.company < most ? (uint32_t)sum.company : 0;
    kb_queue_push_head(queue, group);
    return sum.n;
}

struct kb_queue kb_group_take_apart(struct kb_grouper *grouper, struct kb_spec *group)
{
    struct kb_queue members = {NULL, NULL};
    for (struct kb_spec *spec = group->members, *next; spec; spec = next) {
        next = spec->next;
        kb_queue_push_tail(&members, spec);
    }
    kb_slab_release(grouper->slabs, &group->json);
    kb_spec_pool_give(grouper->pool, group);
    return members;
}
