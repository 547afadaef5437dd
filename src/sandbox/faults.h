/* Faults that a test or a curious user asks the local Ably for: POST /_control/faults with a JSON
 * array, which replaces the list; [] clears it. Every key is optional:
 *
 *     channel    only specs of this channel; with delay_ms or cut, and on /sse: only requests
 *                that name it
 *     path       only requests to this path
 *     status     refuse with this HTTP status (default: from `code`)
 *     code       Ably's code (default: status * 100)
 *     message    the error's text
 *     headers    an object of headers for the answer
 *     body, type the answer's body in place of Ably's form, and its Content-Type; then a status of
 *                200 to 299 is allowed too (nothing is published)
 *     whole      true: with a channel, refuse the whole request that names it
 *     delay_ms   the answer waits
 *     cut        "before": the connection ends and nothing was published
 *                "after": published, then it ends without an answer
 *                "middle": published, half of the answer, then it ends
 *     spec       refuse only this spec of a request, counted from 0, inside the results
 *     rate       refuse only the specs of a channel above that many a second, with 42913 unless
 *                `code` says otherwise; several messages in one spec are one, as for Ably
 *     times      so often, then no more
 *     seconds    so long, then no more
 *
 *     [{"status": 503, "times": 3}, {"channel": "user:7", "status": 429, "code": 42913}]
 *
 * A fault that refuses and names neither channel nor spec refuses the whole request, before
 * authentication. One with a channel or a spec refuses these inside the results, each refusal
 * counting once against `times`; a stream of events it refuses as a whole. Of two that refuse, the
 * first in the list wins; delays add up. Code 42922 answers with headers only, as Ably's edge does.
 *
 * Thread: one at a time. */
#ifndef KB_SANDBOX_FAULTS_H
#define KB_SANDBOX_FAULTS_H

#include "base/err.h"
#include "sandbox/exchange.h"
#include "sandbox/posted.h"

#include <stdint.h>

struct kb_faults; /* opaque: the list */

struct kb_faults *kb_faults_new(void); /* returns new, empty; NULL = no memory */
void kb_faults_free(struct kb_faults *faults);

/* Replaces the list; false: it stays as it was and err says which fault and which key. */
bool kb_faults_set(struct kb_faults *faults, struct kb_slice json, int64_t now_ms,
    struct kb_err *err) KB_MUST_CHECK;
void kb_faults_clear(struct kb_faults *faults);
/* The list as JSON, with how often each was met. */
void kb_faults_print(const struct kb_faults *faults, struct kb_buf *out);

/* Lets the faults that name neither channel nor spec act on the exchange. True: the request ends
 * here, refused or cut before publishing. */
bool kb_faults_meet_request(struct kb_faults *faults, struct kb_exchange *x, int64_t now_ms);
/* The same for faults that name a channel but refuse nothing, once it is known what was posted. */
bool kb_faults_meet_channels(struct kb_faults *faults, struct kb_exchange *x,
    const struct kb_posted *posted, int64_t now_ms);
/* The refusal of a spec for a channel; code 0 = none. KB_FAULTS_NO_SPEC: a request for the channel
 * that has no specs, which faults with a `spec` leave alone. */
#define KB_FAULTS_NO_SPEC SIZE_MAX
struct kb_refusal kb_faults_meet_spec(struct kb_faults *faults, struct kb_exchange *x, size_t spec,
    struct kb_slice channel, int64_t now_ms);

#endif
