/* The admin server: health, metrics and status of a running kably over HTTP.
 *
 *     struct kb_admin *admin;
 *     if (!kb_admin_start_for(config, boards, n_boards, reloads, &admin, &err))
 *         ...                                  // the address is in use, say: err says what to do
 *     if (admin)                               // else the file asks for none
 *         kb_admin_port(admin);
 *     kb_admin_stop(admin);
 *
 * Its addresses are the rows of `routes` in pages.c. It looks at the boards the workers write on
 * (pipeline/status.h), at the metrics and at /proc; all it does is to ask for a reload
 * (pipeline/reload.h), whose end the asker waits for while others are served. Neither a slow client
 * nor many of them reach the workers; a connection that takes too long is closed.
 *
 * One thread of its own serves everything. Start, port and stop are the caller's; the boards must
 * outlive it. */
#ifndef KB_ADMIN_ADMIN_H
#define KB_ADMIN_ADMIN_H

#include "config/config.h"
#include "pipeline/status.h"

struct kb_admin_options {
    const char *listen; /* ADDRESS:PORT, checked (base/address.h); port 0 = any free one */
    const char *token;  /* NULL = none is asked for */
    const char *config_path;
    struct kb_board *boards; /* borrowed */
    size_t n_boards;
    struct kb_reloads *reloads; /* borrowed; NULL = nothing can be reloaded */
    int longest_ms;             /* of one request, and of a connection's silence; 0 = the default */
};

struct kb_admin; /* opaque */

/* Copies the texts. KB_ERR_FATAL where it can't listen. */
struct kb_admin *kb_admin_start(
    const struct kb_admin_options *options, struct kb_err *err) KB_MUST_CHECK; /* returns new */
/* As the configuration has it; *out is new, or NULL where it asks for no admin server. */
bool kb_admin_start_for(const struct kb_config *config, struct kb_board *boards, size_t n_boards,
    struct kb_reloads *reloads, struct kb_admin **out, struct kb_err *err) KB_MUST_CHECK;
/* Another token, NULL = none, from the next request on. Copies it; false = no memory. Any thread.
 */
bool kb_admin_set_token(struct kb_admin *admin, const char *token) KB_MUST_CHECK;
int kb_admin_port(const struct kb_admin *admin);
void kb_admin_stop(struct kb_admin *admin); /* NULL is fine */

#endif
