/* See fates.h. One function per kind of reply; publisher.c asks once per answer. */
#include "ably/fates.h"

#include "base/compiler.h"

static void set(struct kb_fates *fates, size_t i, enum kb_fate fate)
{
    fates->of[i] = (unsigned char)fate;
    fates->n[fate]++;
}

static void set_all(struct kb_fates *fates, size_t n, enum kb_fate fate)
{
    for (size_t i = 0; i < n; i++)
        set(fates, i, fate);
}

/* A refusal without an acceptance beside it: the gate has the word. */
static void refuse_alone(
    struct kb_fates *fates, size_t i, const struct kb_result *result, struct kb_gate *gate)
{
    set(fates, i, kb_gate_refused(gate) ? KB_FATE_REFUSED : KB_FATE_AGAIN);
    fates->why = *result;
}

static bool blames_nobody(enum kb_ably_class class)
{
    return class != KB_ABLY_OK && class != KB_ABLY_RATE_CHANNEL && !kb_ably_class_refuses(class);
}

/* What the results of one reply have in common. */
struct tally {
    size_t accepted, refused,
        general; /* general: failures that are neither the message's nor the channel's */
    const struct kb_result *general_first, *credentials, *limited;
};

static struct tally tally_results(const struct kb_result *results, size_t n)
{
    struct tally tally = {0};
    for (size_t i = 0; i < n; i++) {
        enum kb_ably_class class = results[i].class;
        tally.accepted += class == KB_ABLY_OK;
        tally.refused += kb_ably_class_refuses(class);
        if (!blames_nobody(class))
            continue;
        if (tally.general++ == 0)
            tally.general_first = &results[i];
        if (class == KB_ABLY_RATE)
            tally.limited = &results[i];
        if (class == KB_ABLY_TOKEN || class == KB_ABLY_CREDENTIALS)
            tally.credentials = &results[i];
    }
    return tally;
}

static void decide_results(
    struct kb_fates *fates, const struct kb_reply *reply, size_t n, struct kb_gate *gate)
{
    struct tally tally = tally_results(reply->results, n);
    const struct kb_result *outage = tally.credentials;
    fates->limited = tally.limited;
    if (tally.accepted + tally.refused == 0 && tally.general > 0)
        outage = tally.general_first; /* not one got through: it isn't about these channels */
    for (size_t i = 0; i < n; i++) {
        const struct kb_result *result = &reply->results[i];
        if (result->class == KB_ABLY_OK)
            set(fates, i, KB_FATE_PUBLISHED);
        else if (!kb_ably_class_refuses(result->class))
            set(fates, i,
                result->class != KB_ABLY_RATE_CHANNEL && tally.accepted + tally.refused == 0
                    ? KB_FATE_AGAIN
                    : KB_FATE_HOLD);
        else if (tally.accepted > 0)
            set(fates, i, KB_FATE_REFUSED);
        else
            refuse_alone(fates, i, result, gate);
    }
    if (outage) {
        fates->outage = true;
        fates->why = *outage;
    }
}

void kb_fates_decide(
    struct kb_fates *fates, const struct kb_reply *reply, size_t n, struct kb_gate *gate)
{
    *fates = (struct kb_fates){.of = fates->of};
    switch (reply->verdict) {
    case KB_REPLY_RESULTS:
        decide_results(fates, reply, n, gate);
        break;
    case KB_REPLY_REFUSED:
        fates->why = reply->whole;
        fates->split = n > 1;
        if (fates->split)
            set_all(fates, n, KB_FATE_AGAIN);
        else
            refuse_alone(fates, 0, &reply->whole, gate);
        break;
    case KB_REPLY_OUTAGE:
        fates->outage = true;
        fates->limited = reply->whole.class == KB_ABLY_RATE ? &reply->whole : NULL;
        fates->why = reply->whole;
        set_all(fates, n, KB_FATE_AGAIN);
        break;
    }
}
