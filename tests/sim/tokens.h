/* The credentials of the simulated Ably: what a request shows, and where tokens come from (POST
 * /keys/NAME/requestToken, GET /time), behind the same door as publishing.
 *
 * The judge of it: each request shows the key, or a token that Ably gave or can verify, which has
 * not ended, and which this worker was not told is refused; a worker asks one question at a time,
 * signed right, never with a nonce of before, and not without pause.
 *
 * network.c calls all of these. */
#ifndef SIM_TOKENS_H
#define SIM_TOKENS_H

#include "ably.h"
#include "network_state.h"

#define SIM_WALL_MS INT64_C(1800000000000) /* Ably's clock when a run begins */

/* Is this a question for a token or for the time? Then it is one of the others' here. */
bool sim_tokens_asked(const struct kb_http_request *req);
void sim_tokens_submit(struct sim_transport *tr, struct kb_http_request *req);
struct kb_http_request *sim_tokens_done(struct sim_transport *tr); /* NULL: none has ended */
bool sim_tokens_cancel(struct sim_transport *tr, const struct kb_http_request *req);
void sim_tokens_crash(struct sim_transport *tr);

/* A publishing request is on its way: notes and judges what it shows. */
void sim_tokens_show(struct sim_transport *tr, struct sim_exchange *ex);
/* It arrives: Ably's code for a token that is not good any more, 0 = good. */
int sim_tokens_refusal(const struct sim *sim, const struct sim_token *token);
/* The worker is about to read that it was refused. */
void sim_tokens_told(struct sim_transport *tr, const struct sim_exchange *ex);
/* All tokens that there are end now. */
void sim_tokens_revoke(struct sim *sim);

#endif
