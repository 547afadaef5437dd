/* Encoded messages -> Ably, each to its outcome: lanes keep a channel's order, packing fills
 * requests, hosts says where they go, the gate waits out an outage, the reply gives each message
 * its own end.
 *
 *     struct kb_publisher *pub = kb_publisher_new(&options, transport, random, &callbacks, &err);
 *     if (!kb_publisher_add(pub, json, size, channel_hash, owner, now_ms)) ... // no memory
 *     kb_publisher_step(pub, now_ms);         // collects answers, sends what may be sent
 *     kb_publisher_wake_ms(pub, now_ms);      // the next step, unless a socket or Kafka is sooner
 *     kb_publisher_free(pub);
 *
 * Order: specs of one channel are sent in the order they were added; a channel rides in at most one
 * request at a time, retries included (ordering = "channel"). A spec rate-limited for its channel
 * (42913, 42914) waits, with the later ones of its channel behind it; others go on. Outage: no
 * reply, timeout, 5xx, 429, 401/403 and other request-level refusals of credentials, and a run of
 * refusals with no acceptance. Everything of the request goes back to the front of its lanes, the
 * gate closes for a jittered while, then one probe request at a time until an answer is good.
 *
 * A request that a host does not serve goes to another at once, as it is: the same bytes with the
 * same ids, its channels riding in it all the while (RSC15). An outage is what all of them failed.
 *
 * Options may change at any time: kb_publisher_change. What waits and what is tried again goes by
 * the new ones, hosts and credentials included.
 *
 * Everything comes in as arguments or through the doors (transport, random); no clock inside, so
 * the simulation drives the same code. Thread: one worker's. */
#ifndef KB_ABLY_PUBLISHER_H
#define KB_ABLY_PUBLISHER_H

#include "ably/auth.h"
#include "ably/classify.h"
#include "ably/endpoint.h"
#include "base/err.h"
#include "base/random.h"
#include "http/transport.h"

struct kb_publisher_options {
    const struct kb_host_list *hosts; /* the primary, "https://main.realtime.ably.net", and its
                                         fallbacks */
    int max_retries;                  /* other hosts for one request (TO3l5) */
    int64_t retry_ms, keep_ms;        /* for all its tries (TO3l6); a fallback is kept (TO3l10) */
    struct kb_auth_options auth;      /* its agent, client id and timeouts are the ones below */
    struct kb_clock *clock;           /* the wall's, for tokens; NULL is fine with a key alone */
    const char *client_id;            /* NULL = none */
    const char *agent;                /* Ably-Agent, "kably/1.0.0" */
    bool msgpack;    /* what is added is MessagePack; the same for a publisher's whole life */
    int concurrency; /* requests in flight at most */
    double requests_per_second, burst;  /* 0 = no limit */
    double messages_per_second;         /* with a burst of the same */
    double channel_messages_per_second; /* of each channel */
    int linger_ms;
    size_t max_records, max_bytes, max_channels;
    size_t group_size; /* bytes, as Ably counts, of messages that share a BatchSpec when their
                          channel is over its rate; 0 = each has its own */
    bool ordered;      /* false: ordering = "none" */
    int open_timeout_ms, request_timeout_ms; /* 4000, 10000 (TO3l3, TO3l4) */
};

enum kb_outcome {
    KB_OUTCOME_PUBLISHED,
    KB_OUTCOME_REFUSED, /* err is KB_ERR_RECORD of class publish (or message: 40009) with Ably's
                           code */
    KB_OUTCOME_DROPPED  /* no longer wanted: its partition was revoked */
};

struct kb_publisher_callbacks {
    /* A spec's end; exactly once for each that was added. Must not call back into the publisher
     * except kb_publisher_status. */
    void (*settled)(void *context, void *owner, enum kb_outcome outcome, const struct kb_err *err);
    /* Asked before a spec is sent again: is its owner still wanted? */
    bool (*wanted)(void *context, void *owner);
    void *context;
};

struct kb_publisher_status {
    size_t requests_in_flight, specs_in_flight, specs_waiting, bytes;
    bool outage;
    enum kb_ably_class outage_class; /* of the answer that began it or kept it up */
    int64_t outage_since_ms;
    int outage_attempts;
    char outage_text[256]; /* what, which, why; no secret */
    /* Order given up, by Ably refusing an earlier message and taking a later one. */
    uint64_t inversions;
};

/* As they are used: with the agent, client id and timeouts that stand beside them. */
struct kb_auth_options kb_publisher_auth_options(const struct kb_publisher_options *options);

struct kb_publisher;
struct kb_publisher_setup; /* what is made of other options, all that can fail of it */

struct kb_publisher *kb_publisher_new(const struct kb_publisher_options *options,
    struct kb_transport *transport, struct kb_random *random,
    const struct kb_publisher_callbacks *callbacks, struct kb_err *err) KB_MUST_CHECK;
/* Other options, from the next request on; none is sent before those that are out have ended.
 * Copies them. False = no memory: the old ones stay. */
bool kb_publisher_change(struct kb_publisher *pub, const struct kb_publisher_options *options,
    int64_t now_ms, struct kb_err *err) KB_MUST_CHECK;
/* The same in two steps, of which the second can't fail; between them nothing has changed. A setup
 * is NULL where there is nothing to change, which the other two take. */
bool kb_publisher_prepare(struct kb_publisher *pub, const struct kb_publisher_options *options,
    struct kb_publisher_setup **out, struct kb_err *err) KB_MUST_CHECK;
void kb_publisher_adopt(
    struct kb_publisher *pub, struct kb_publisher_setup *setup, int64_t now_ms); /* takes it */
void kb_publisher_forget(struct kb_publisher_setup *setup);
/* Cancels what is in flight; nothing is settled any more. */
void kb_publisher_free(struct kb_publisher *pub);

/* Copies `json` (kb_spec_encode, or kb_spec_encode_msgpack). `size`: the message's, as Ably counts
 * it; 0 = it is never grouped, as it must be where its id is not of kably's making. */
bool kb_publisher_add(struct kb_publisher *pub, struct kb_slice json, size_t size, uint64_t channel,
    void *owner, int64_t now_ms) KB_MUST_CHECK;
void kb_publisher_step(struct kb_publisher *pub, int64_t now_ms);
/* When step should be called next though nothing woke the loop; INT64_MAX = nothing to wait for. */
int64_t kb_publisher_wake_ms(const struct kb_publisher *pub, int64_t now_ms);

/* Settles as DROPPED every spec that is not in flight and whose owner is no longer `wanted`. */
void kb_publisher_sweep(struct kb_publisher *pub);

const struct kb_publisher_status *kb_publisher_status(struct kb_publisher *pub);

#endif
