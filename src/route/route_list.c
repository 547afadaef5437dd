/* Which messages a record becomes: one, or those that transform gave, each to its own channel or to
 * all of the topic's; see route_inside.h. */
#include "route/route_inside.h"

bool kb_router_reserve(struct kb_router *router, size_t n)
{
    if (n <= router->list_cap)
        return true;
    struct kb_message *list = realloc(router->list, n * sizeof(*list));
    if (!list)
        return false;
    router->list = list;
    router->list_cap = n;
    return true;
}

/* The same text in the copy of router->text. */
static void move(struct kb_slice *text, const struct kb_buf *from, const char *copy)
{
    uintptr_t start = (uintptr_t)from->ptr, at = (uintptr_t)text->ptr;
    if (at >= start && at - start <= from->len)
        text->ptr = copy + (at - start);
}

/* Of several messages each has the whole buffer for its texts, which then go elsewhere. */
static bool keep_texts(struct kb_router *router, struct kb_message *msg, struct kb_err *err)
{
    struct kb_slice *texts[] = {&msg->channel, &msg->id, &msg->name, &msg->client_id,
        &msg->cipher_key, &msg->extras, &msg->push};
    struct kb_slice copy;
    if (!kb_arena_copy(&router->arena, kb_buf_slice(&router->text), &copy))
        return kb_err_record(err, KB_FAILURE_MESSAGE,
            "the texts of a record's messages are longer than %zu MiB together",
            router->arena.max >> 20);
    for (size_t i = 0; i < KB_COUNT(texts); i++)
        move(texts[i], &router->text, copy.ptr);
    kb_buf_reset(&router->text);
    return true;
}

/* How often one message goes out: once, or to each channel of the topic's list. One that transform
 * gave a channel goes there alone. */
static size_t copies(const struct kb_rules *rules, const struct kb_hook_message *own)
{
    return own->channel.ptr ? 1 : 1 + rules->n_more_channels;
}

/* Two of the topic's templates may give one name for this record: it goes there once. The others
 * keep their numbers, and so their ids. */
static bool goes_there(const struct kb_message *made, size_t n, struct kb_slice channel)
{
    for (size_t i = 0; i < n; i++)
        if (kb_slice_eq(made[i].channel, channel))
            return true;
    return false;
}

/* Of one record's messages for a channel Ably would drop all but the first that have an id, and yet
 * say that it has published them: the user's id must tell them apart. */
static bool check_own_ids(const struct kb_message *messages, size_t n, struct kb_err *err)
{
    for (size_t i = 1; i < n; i++)
        for (size_t before = 0; before < i; before++)
            if (kb_slice_eq(messages[i].id, messages[before].id) &&
                kb_slice_eq(messages[i].channel, messages[before].channel))
                return kb_err_record(err, KB_FAILURE_MESSAGE,
                    "id: messages %zu and %zu have the same on one channel, where Ably drops the "
                    "second; id = function(record, n) can tell them apart",
                    before + 1, i + 1);
    return true;
}

/* One message, on each channel that it goes to. `part` is the first of them, and then the first of
 * the message that comes next. */
static bool add_copies(struct kb_routing *r, struct kb_routing_part *part, size_t total,
    size_t *made, struct kb_err *err)
{
    struct kb_router *router = r->router;
    size_t first = *made, n = copies(r->rules, part->own);
    for (size_t copy = 0; copy < n; copy++, part->index++) {
        struct kb_message *msg = &router->list[*made];
        part->channel = copy == 0 ? r->rules->channel : r->rules->more_channels[copy - 1];
        bool ok =
            kb_routing_message(r, part, msg, err) && (total == 1 || keep_texts(router, msg, err));
        if (!ok)
            return total == 1 ? false : kb_err_wrap(err, "message %u", part->index + 1);
        *made += !goes_there(&router->list[first], *made - first, msg->channel);
    }
    return true;
}

bool kb_routing_list(
    struct kb_routing *r, const struct kb_hook_message *own, size_t n, struct kb_err *err)
{
    struct kb_router *router = r->router;
    struct kb_routing_part part = {.index = 0};
    size_t total = 0, made = 0;
    for (size_t i = 0; i < n; i++)
        total += copies(r->rules, &own[i]);
    if (!kb_router_reserve(router, total))
        return kb_err_fatal(err, "no memory for %zu messages of a record", total);
    for (size_t i = 0; i < n; i++) {
        part.own = &own[i];
        if (!add_copies(r, &part, total, &made, err))
            return false;
    }
    if (r->rules->id && !check_own_ids(router->list, made, err))
        return false;
    router->messages = router->list;
    router->n_messages = made;
    return true;
}
