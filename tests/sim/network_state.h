/* The inside of the simulated network, shared by network.c (travelling) and exchange.c (what a
 * request must be, what its answer told). */
#ifndef SIM_NETWORK_STATE_H
#define SIM_NETWORK_STATE_H

#include "ably.h"
#include "kafka.h"
#include "plan.h"
#include "truth.h"
#include "world.h"

#define CHANNELS_MAX 512

struct sim_question;

struct sim_exchange {
    struct sim_exchange *next;
    struct sim_exchange *older; /* of all exchanges of the run */
    struct sim_transport *transport;
    struct kb_http_request *req;      /* NULL = the client has it back */
    const struct kb_http_request *of; /* whose it was, for comparing alone */
    struct sim_batch batch;
    struct sim_answer answer;
    struct sim_token *token; /* what it showed; NULL = the key itself */
    int host;
    bool again; /* the very bytes that this request had the last time */
    uint64_t bytes_hash;
    bool served, reply_lost, ended, timed_out, cut, connected;
    int64_t reply_after_ms;
    uint64_t generation; /* of its process's configuration when it was sent */
};

struct sim_transport {
    struct kb_transport transport;
    struct sim *sim;
    struct sim_worker *worker;
    bool dead;
    unsigned refused; /* messages the client was told are refused, since the last accepted one */
    struct sim_exchange *open; /* the client waits for these, oldest first */
    struct sim_exchange *rides[CHANNELS_MAX];
    double tokens[CHANNELS_MAX]; /* of each channel's rate */
    int64_t tokens_ms[CHANNELS_MAX];
    struct sim_question *question; /* for a token, that is out; NULL = none */
    double asks;                   /* questions it may still put at once, and since when */
    int64_t asked_ms;
    char *last_body; /* of the reply that was given last */
    struct sim_answer last;
};

/* Method, address, headers; which host it goes to. */
int sim_exchange_check_request(struct sim *sim, const struct kb_http_request *req);
/* Limits, and each spec by itself; notes which channels ride in it. */
void sim_exchange_check(struct sim_transport *tr, struct sim_exchange *ex);
/* The client is about to read this answer. */
void sim_exchange_told(struct sim_transport *tr, struct sim_exchange *ex);
/* There will be none to read. */
void sim_exchange_untold(struct sim_transport *tr, struct sim_exchange *ex);

#endif
