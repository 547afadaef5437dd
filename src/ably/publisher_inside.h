/* The publisher's own struct, shared by publisher.c (sending), publisher_answer.c (what became of a
 * request), publisher_again.c (once more, as it is), publisher_auth.c (tokens) and
 * publisher_change.c (what is made of the options). Nobody else includes this. Thread: its
 * worker's. */
#ifndef KB_ABLY_PUBLISHER_INSIDE_H
#define KB_ABLY_PUBLISHER_INSIDE_H

#include "ably/auth.h"
#include "ably/fates.h"
#include "ably/gate.h"
#include "ably/hosts.h"
#include "ably/lanes.h"
#include "ably/pace.h"
#include "ably/publisher.h"
#include "ably/reply.h"
#include "ably/request.h"
#include "ably/spec_pool.h"
#include "base/log.h"

#define KB_PUBLISHER_LANES 256

struct kb_publisher {
    struct kb_publisher_options options; /* its texts are the publisher's own */
    struct kb_transport *transport;
    struct kb_random *random;
    struct kb_publisher_callbacks callbacks;
    struct kb_publisher_setup *change; /* waits until nothing flies; NULL = none */
    uint64_t version;                  /* setups made so far */
    struct kb_hosts hosts;
    struct kb_auth *auth;
    struct kb_host_tries auth_tries; /* of what is asked of Ably for it */
    const char *answering;           /* URL of the host whose answer is being read, for log lines */

    struct kb_slabs slabs;
    struct kb_spec_pool specs;
    struct kb_grouper grouper;
    struct kb_lanes *lanes;
    struct kb_gate gate;
    bool go_past; /* the next probe goes past what was refused, see publisher_answer.c */
    struct kb_pace requests_pace, messages_pace;
    uint32_t limited; /* times the pace was slowed with no acceptance between them */

    struct kb_requests *requests;
    struct kb_request *idle, *flying;
    size_t n_flying, specs_flying;
    size_t n_again; /* of those flying: wait to be sent once more */

    struct kb_reply reply; /* of the answer being read, with its fates */
    struct kb_fates fates;

    struct kb_log_repeat warned, slowed, held, moved, unrenewed;
    bool told; /* this outage has a line in the log, so its end gets one too */
    struct kb_publisher_status status;
};

/* publisher_change.c: what is made of the options */
void kb_publisher_change_if_idle(struct kb_publisher *pub, int64_t now_ms);
void kb_publisher_change_free(struct kb_publisher *pub);
void kb_publisher_requests_free(struct kb_request *req); /* a list of them */

/* publisher.c */
void kb_publisher_spec_free(struct kb_publisher *pub, struct kb_spec *spec);

/* publisher_groups.c: is it wanted by its owner; a group by the owners of all its messages? */
bool kb_publisher_wants(const struct kb_publisher *pub, const struct kb_spec *spec);
/* The fates are decided. First: whose is not known? Then: which groups end here (spec->apart)? */
void kb_publisher_note_unknown(struct kb_publisher *pub, const struct kb_request *req);
void kb_publisher_end_groups(struct kb_publisher *pub, const struct kb_request *req);
/* Of one that ends: what is wanted goes back to its lane, the rest stays in it for its end. */
void kb_publisher_put_back_members(struct kb_publisher *pub, struct kb_spec *group);
/* How many messages the specs of that fate have. */
size_t kb_publisher_messages_of(
    const struct kb_publisher *pub, const struct kb_request *req, enum kb_fate fate);
static inline bool kb_publisher_goes_again(const struct kb_publisher *pub, size_t i)
{
    return pub->fates.of[i] == KB_FATE_AGAIN || pub->fates.of[i] == KB_FATE_HOLD;
}

/* Hands it to the transport; it may end here and now. */
void kb_publisher_submit(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms);

/* publisher_auth.c: gets another token where one is needed, or soon will be. */
void kb_publisher_authorize(struct kb_publisher *pub, int64_t now_ms);
void kb_publisher_auth_ended(struct kb_publisher *pub, int64_t now_ms);

/* publisher_again.c: is the answer one after which the request is sent once more as it is, and that
 * right away? Then it waits for that, still in flight. */
bool kb_publisher_again(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms);
/* Sends those that wait, as far as the rate allows; ends those that are no longer wanted. */
void kb_publisher_send_again(struct kb_publisher *pub, int64_t now_ms);

/* publisher_answer.c: the request's answer is there (req->http.reply). It is sent once more, or it
 * has its end: every spec of it is settled or back in its lane, and the request is idle again. */
void kb_publisher_ended(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms);
void kb_publisher_finish(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms);
/* No token could be had: the answer of a request that waited for it (borrows err); and the same
 * with no request at all. */
struct kb_http_reply kb_publisher_no_token(const struct kb_err *err);
void kb_publisher_outage_without_request(
    struct kb_publisher *pub, const struct kb_err *err, int64_t now_ms);

#endif
