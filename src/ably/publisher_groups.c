/* What an answer means for groups (group.h), and for what may come to be in one: which messages
 * nobody knows the fate of, which groups end with it, and where their messages go. See publisher.h;
 * called by publisher_answer.c. Thread: its worker's. */
#include "ably/publisher_inside.h"

bool kb_publisher_wants(const struct kb_publisher *pub, const struct kb_spec *spec)
{
    if (!spec->group)
        return pub->callbacks.wanted(pub->callbacks.context, spec->owner);
    for (const struct kb_spec *member = spec->members; member; member = member->next)
        if (!pub->callbacks.wanted(pub->callbacks.context, member->owner))
            return false;
    return true;
}

/* Does the answer say that Ably has not taken spec `i`? A rate limit and a refusal do. Not all
 * answers are Ably's own, and one that is may say that it doesn't know. */
static bool taken_none(const struct kb_publisher *pub, size_t i)
{
    if (pub->reply.verdict != KB_REPLY_RESULTS)
        return pub->reply.verdict == KB_REPLY_REFUSED;
    enum kb_ably_class class = pub->reply.results[i].class;
    return class == KB_ABLY_RATE || class == KB_ABLY_RATE_CHANNEL || kb_ably_class_refuses(class);
}

void kb_publisher_note_unknown(struct kb_publisher *pub, const struct kb_request *req)
{
    if (pub->fates.n[KB_FATE_AGAIN] + pub->fates.n[KB_FATE_HOLD] == 0)
        return;
    for (size_t i = 0; i < req->n; i++)
        if (kb_publisher_goes_again(pub, i) && (req->unknown || !taken_none(pub, i)))
            req->specs[i]->unknown = true;
}

static bool refused_alone(const struct kb_publisher *pub, const struct kb_request *req, size_t i)
{
    return pub->reply.verdict == KB_REPLY_RESULTS
               ? kb_ably_class_refuses(pub->reply.results[i].class)
               : pub->reply.verdict == KB_REPLY_REFUSED && req->n == 1;
}

/* A group that is refused is halved until the message to blame stands alone. One that is over its
 * channel's rate makes way for a larger one, one with a message that nobody wants any more for one
 * without. Only what may have been taken goes again as it is. */
void kb_publisher_end_groups(struct kb_publisher *pub, const struct kb_request *req)
{
    struct kb_fates *fates = &pub->fates;
    for (size_t i = 0; req->messages > req->n && i < req->n; i++) {
        struct kb_spec *group = req->specs[i];
        if (!group->group || fates->of[i] == KB_FATE_PUBLISHED)
            continue;
        bool refused = refused_alone(pub, req, i);
        group->apart = refused || (fates->of[i] == KB_FATE_HOLD && !group->unknown) ||
                       !kb_publisher_wants(pub, group);
        if (!refused)
            continue;
        fates->n[fates->of[i]]--;
        fates->n[KB_FATE_AGAIN]++;
        fates->of[i] = KB_FATE_AGAIN;
        for (struct kb_spec *member = group->members; member; member = member->next)
            member->company = (group->group + 1) / 2;
    }
}

/* Backward, as lanes.h asks. */
void kb_publisher_put_back_members(struct kb_publisher *pub, struct kb_spec *group)
{
    struct kb_queue again = {NULL, NULL}, unwanted = {NULL, NULL};
    for (struct kb_spec *member = group->members, *next; member; member = next) {
        next = member->next;
        if (kb_publisher_wants(pub, member))
            kb_queue_push_head(&again, member);
        else
            kb_queue_push_tail(&unwanted, member);
    }
    group->members = unwanted.head;
    while (again.head)
        kb_lanes_put_back(pub->lanes, kb_queue_pop_head(&again));
}

size_t kb_publisher_messages_of(
    const struct kb_publisher *pub, const struct kb_request *req, enum kb_fate fate)
{
    size_t n = pub->fates.n[fate];
    for (size_t i = 0; req->messages > req->n && i < req->n; i++)
        if (pub->fates.of[i] == fate)
            n += kb_spec_messages(req->specs[i]) - 1;
    return n;
}
