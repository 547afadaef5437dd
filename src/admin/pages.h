/* One request to the admin server -> its answer, free of any HTTP library: the server (server.c)
 * fills the upper half from the wire and sends the lower half, a test does both by hand.
 *
 *     struct kb_page page;
 *     kb_page_init(&page);
 *     kb_page_begin(&page, KB_S("GET"), KB_S("/readyz"));
 *     page.authorization = KB_S("Bearer ...");              // ptr NULL = not there
 *     kb_page_serve(&page, &view, token, clock);
 *     page.status, page.content_type, kb_buf_slice(&page.body), page.allow ...
 *     kb_page_deinit(&page);
 *
 * Reused for many requests. Thread: its owner's. */
#ifndef KB_ADMIN_PAGES_H
#define KB_ADMIN_PAGES_H

#include "admin/view.h"
#include "base/buf.h"
#include "base/clock.h"

struct kb_page {
    struct kb_slice method, path; /* the path without its query */
    struct kb_slice authorization, accept, origin;

    bool wants_reload; /* a POST /reload that is allowed: answer with kb_page_reloaded at its end */
    int status;
    const char *content_type;
    struct kb_buf body;
    const char *allow;     /* of a 405 */
    const char *challenge; /* of a 401 */
    const char *ready;     /* of /status: "yes" or "no" */
};

void kb_page_init(struct kb_page *page);
void kb_page_deinit(struct kb_page *page);
void kb_page_begin(struct kb_page *page, struct kb_slice method, struct kb_slice path);

/* `token` NULL = none is asked for. */
void kb_page_serve(
    struct kb_page *page, struct kb_view *view, const char *token, struct kb_clock *clock);

/* Answers a request that wanted a reload, by what became of it. */
void kb_page_reloaded(struct kb_page *page, const struct kb_reload_report *report);

/* Answers with {"error": ...}. */
void kb_page_error(struct kb_page *page, int status, const char *text);

/* status_page.c, metrics_page.c: the longer ones. */
void kb_page_metrics(struct kb_page *page, const struct kb_view *view);
void kb_page_status_json(struct kb_page *page, const struct kb_view *view);
void kb_page_status_text(struct kb_page *page, const struct kb_view *view);
/* The list of reasons as a JSON array; details only for whoever may see the status. */
void kb_page_reasons(struct kb_page *page, const struct kb_view *view, bool details);

#endif
