/* Does Ably take these settings? Asked before a reload goes over to them, by the very means of the
 * publisher: the same hosts and fallbacks, the same ways to credentials, the same headers.
 *
 *     struct kb_ably_probe *probe = kb_ably_probe_new(&options, transport, random, &err);
 *     while ((state = kb_ably_probe_step(probe, now_ms, &err)) == KB_PROBE_ASKING)
 *         wait for the transport
 *     kb_ably_probe_free(probe);
 *
 * What is asked for changes nothing and costs one request: the newest message of a channel that
 * nobody uses. Credentials that may publish and no more get a refusal for that (40160 to 40169),
 * and so have been recognised; a rate limit says nothing against them either. Any host that gives
 * such an answer will do.
 *
 * No text it gives holds a secret. Thread: one. */
#ifndef KB_ABLY_PROBE_H
#define KB_ABLY_PROBE_H

#include "ably/publisher.h"

enum kb_probe_state { KB_PROBE_ASKING, KB_PROBE_WELL, KB_PROBE_FAILED };

struct kb_ably_probe; /* opaque */

/* Of the options: hosts and the limits of their tries, auth, client_id, agent, clock, timeouts.
 * Copies them. Returns new. */
struct kb_ably_probe *kb_ably_probe_new(const struct kb_publisher_options *options,
    struct kb_transport *transport, struct kb_random *random, struct kb_err *err) KB_MUST_CHECK;
void kb_ably_probe_free(struct kb_ably_probe *probe); /* cancels what it asks; NULL is fine */

/* FAILED: err says why. WELL and FAILED are final. */
enum kb_probe_state kb_ably_probe_step(
    struct kb_ably_probe *probe, int64_t now_ms, struct kb_err *err) KB_MUST_CHECK;

#endif
