/* The simulated Ably: what it takes, what it refuses, what it remembers; and the network before it,
 * which is the door of http/transport.h.
 *
 * ably.c is the server: it serves one request at the time it arrives, by the phase it is in.
 * network.c decides whether a request arrives and when, whether its answer comes back, and checks
 * what a request must be. */
#ifndef SIM_ABLY_H
#define SIM_ABLY_H

#include "base/buf.h"
#include "batch.h"
#include "http/transport.h"
#include "sim.h"

#define SIM_KEY "appid.keyid:sim-secret"
#define SIM_REMEMBERS_MS 120000 /* ids of messages */

/* Each with the fault that must be enabled for it. */
#define SIM_PHASES(X)             \
    X(ERRORS, ABLY_ERRORS)        \
    X(DOWN, ABLY_DOWN)            \
    X(RATE, ABLY_RATE)            \
    X(CHANNEL_RATE, CHANNEL_RATE) \
    X(UNAUTHORIZED, UNAUTHORIZED) \
    X(MASS_REFUSAL, MASS_REFUSAL) \
    X(GARBAGE, GARBAGE)           \
    X(CUT, CUT)                   \
    X(LATE, LATE)                 \
    X(TOKENS, TOKENS)

enum sim_phase {
    SIM_PHASE_WELL,
#define X(id, fault) SIM_PHASE_##id,
    SIM_PHASES(X)
#undef X
        SIM_PHASE_COUNT
};

struct sim_token;
struct sim_nonce;

struct sim_ably {
    enum sim_phase phase;
    int64_t until_ms;
    uint32_t away; /* bits of hosts that nobody reaches */
    int64_t away_until_ms;
    uint64_t salt;                  /* which channels are over their rate in this phase */
    struct sim_exchange *exchanges; /* network.c's */
    struct sim_token *tokens;       /* tokens.c's, the newest first */
    struct sim_nonce *nonces;
    uint64_t tokens_given, questions;
    struct sim_seen *seen; /* sets.c's */
    size_t n_seen, cap_seen;
    /* elsewhere: at a fallback host; sets: of several messages */
    uint64_t requests, published, repeated, elsewhere, sets;
};

/* An answer as the server gives it. */
struct sim_answer {
    int status;
    char *body; /* malloc'ed; whoever delivers it frees it */
    size_t len;
    bool proper;        /* says of each spec what became of it */
    bool *accepted;     /* proper: by message; malloc'ed */
    int *codes;         /* the same: Ably's, 0 = accepted */
    bool token_refused; /* the whole request, for what it showed */
    char error_code[16], retry_after[16];
    const char *content_type;
};

void sim_ably_new(struct sim *sim);
void sim_ably_phase(struct sim *sim); /* a phase of trouble begins, by the plan */
void sim_ably_heal(struct sim *sim);
void sim_ably_hosts_away(struct sim *sim, uint32_t hosts, int64_t for_ms);
enum sim_phase sim_ably_phase_now(const struct sim *sim);
/* `token`: what it shows, NULL = the key itself. */
void sim_ably_serve(struct sim *sim, struct sim_batch *batch, const struct sim_token *token,
    struct sim_answer *out);
void sim_answer_deinit(struct sim_answer *answer);

/* network.c */
struct sim_worker;
struct kb_transport *sim_transport_new(struct sim *sim, struct sim_worker *worker);
void sim_transport_crash(struct kb_transport *transport);
void sim_network_end(struct sim *sim); /* the run is over: requests on their way are forgotten */

/* letters.c: the dead-letter topic behind the door of record/dead_letter.h */
struct kb_dead_letters *sim_letters_new(struct sim *sim, struct sim_worker *worker);
void sim_letters_crash(struct kb_dead_letters *dl);
void sim_letters_trouble(struct sim *sim, int64_t for_ms);

#endif
