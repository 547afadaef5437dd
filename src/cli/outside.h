/* The other sides of a configuration, for a command that asks and waits: HTTP with the settings for
 * Ably and with those for the registry, and the registry's schemas.
 *
 *     struct kb_outside outside;
 *     bool ok = kb_outside_open(&outside, config, &err);
 *     kb_outside_ask(&outside, outside.ably, reqs, n, take, context); // till the last is answered
 *     uint64_t before = kb_schemas_changes(outside.schemas);
 *     ... kb_route says KB_WAITS ...
 *     kb_outside_schema(&outside, before, &err)                       // then route it again
 *     kb_outside_close(&outside);                                     // also where open failed
 *
 * Nothing here waits for ever: a request has its own timeouts, a schema KB_OUTSIDE_SCHEMA_MS.
 * Thread: main. */
#ifndef KB_CLI_OUTSIDE_H
#define KB_CLI_OUTSIDE_H

#include "config/config.h"
#include "decode/schemas.h"

#include <signal.h>

#define KB_OUTSIDE_SCHEMA_MS 15000 /* for a registry that is slow */
#define KB_OUTSIDE_OUTAGE_MS 3000  /* for one that answers wrongly, or is not there */

struct kb_outside {
    struct kb_transport *ably, *registry;
    struct kb_schemas *schemas;           /* NULL = the file has no registry */
    const volatile sig_atomic_t *stopped; /* somebody wants it to end; NULL = nobody can */
    uint64_t asked;                       /* requests so far: tells their headers apart */
};

bool kb_outside_open(
    struct kb_outside *outside, const struct kb_config *config, struct kb_err *err) KB_MUST_CHECK;
void kb_outside_close(struct kb_outside *outside);

/* Sends the requests, all at once, and gives each back with its reply, which is good until `take`
 * returns. One that could not be sent has the reason in reply.err, as if nobody had answered. */
typedef void kb_outside_take(void *context, struct kb_http_request *req);
void kb_outside_ask(struct kb_outside *outside, struct kb_transport *door,
    struct kb_http_request *reqs, size_t n, kb_outside_take *take, void *context);

/* Why nobody answered, without the host that it begins with: for a line that names the address. */
const char *kb_outside_why(const struct kb_http_request *req);

/* Waits until a schema has come, or was refused, since `changes`. KB_ERR_OUTAGE: there is none, err
 * says which address was asked and what to do. */
bool kb_outside_schema(
    struct kb_outside *outside, uint64_t changes, struct kb_err *err) KB_MUST_CHECK;

#endif
