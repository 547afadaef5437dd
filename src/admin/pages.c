/* The admin server's addresses: which there are, who may ask for them, what they answer. Called by
 * server.c on its thread. A new address is a row of `routes`. */
#include "admin/pages.h"

#include "base/utf8.h"
#include "value/json.h"

#include <strings.h>

#define BODY_MAX ((size_t)64 << 20)
#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define SCHEME "Bearer "

struct route {
    const char *path, *help;
    bool open;  /* needs no token */
    bool posts; /* it does something: POST, else GET and HEAD */
    void (*serve)(struct kb_page *page, const struct kb_view *view, bool authorized);
};

/* ---- answers ---- */

void kb_page_init(struct kb_page *page)
{
    *page = (struct kb_page){.status = 0};
    kb_buf_init(&page->body, BODY_MAX);
}

void kb_page_deinit(struct kb_page *page)
{
    kb_buf_deinit(&page->body);
}

void kb_page_begin(struct kb_page *page, struct kb_slice method, struct kb_slice path)
{
    struct kb_buf body = page->body;
    kb_buf_reset(&body);
    *page = (struct kb_page){
        .method = method, .path = path, .status = 200, .content_type = JSON_TYPE, .body = body};
}

void kb_page_error(struct kb_page *page, int status, const char *text)
{
    page->status = status;
    page->content_type = JSON_TYPE;
    page->ready = NULL;
    kb_buf_reset(&page->body);
    kb_buf_add(&page->body, KB_S("{\"error\":"));
    kb_json_string(&page->body, kb_slice_of(text));
    kb_buf_add(&page->body, KB_S("}\n"));
}

/* ---- the short pages ---- */

static void serve_health(
    struct kb_page *page, const struct kb_view *view, const char *name, bool good, bool details)
{
    page->status = good ? 200 : 503;
    kb_buf_printf(&page->body, "{\"%s\":%s,\"reasons\":", name, good ? "true" : "false");
    if (good)
        kb_buf_add(&page->body, KB_S("[]"));
    else
        kb_page_reasons(page, view, details);
    kb_buf_add(&page->body, KB_S("}\n"));
}

static void serve_live(struct kb_page *page, const struct kb_view *view, bool authorized)
{
    serve_health(page, view, "live", view->live, authorized);
}

static void serve_ready(struct kb_page *page, const struct kb_view *view, bool authorized)
{
    serve_health(page, view, "ready", view->ready, authorized);
}

static void serve_metrics(struct kb_page *page, const struct kb_view *view, bool authorized)
{
    (void)authorized;
    kb_page_metrics(page, view);
}

static bool wants_text(const struct kb_page *page)
{
    static const char text[] = "text/plain";
    return page->accept.ptr &&
           memmem(page->accept.ptr, page->accept.len, text, sizeof(text) - 1) != NULL;
}

/* Text for people (`kably status`, curl), JSON for everybody else. */
static void serve_status(struct kb_page *page, const struct kb_view *view, bool authorized)
{
    (void)authorized;
    page->ready = view->ready ? "yes" : "no";
    if (!wants_text(page)) {
        kb_page_status_json(page, view);
        return;
    }
    page->content_type = TEXT_TYPE;
    kb_page_status_text(page, view);
}

/* A page of somebody else's may send a browser here, but not without saying whose it is. */
static void serve_reload(struct kb_page *page, const struct kb_view *view, bool authorized)
{
    (void)view;
    (void)authorized;
    if (page->origin.ptr)
        kb_page_error(page, 403, "this address is not for browsers");
    else
        page->wants_reload = true;
}

void kb_page_reloaded(struct kb_page *page, const struct kb_reload_report *report)
{
    struct kb_buf *out = &page->body;
    kb_buf_reset(out);
    page->status = report->failed ? 422 : 200;
    if (wants_text(page)) {
        page->content_type = TEXT_TYPE;
        kb_buf_printf(out, "%s\n", report->text);
        return;
    }
    page->content_type = JSON_TYPE;
    kb_buf_printf(out, "{\"generation\":%llu,\"%s\":", (unsigned long long)report->generation,
        report->failed ? "error" : "reloaded");
    kb_json_string(out, (struct kb_slice){report->text, kb_utf8_prefix(kb_slice_of(report->text))});
    kb_buf_add(out, KB_S("}\n"));
}

static void serve_index(struct kb_page *page, const struct kb_view *view, bool authorized);

static const struct route routes[] = {
    {"/", "this list", false, false, serve_index},
    {"/livez", "200 while its workers turn, else 503", true, false, serve_live},
    {"/readyz", "200 while records can be published, else 503 with the reasons", true, false,
        serve_ready},
    {"/metrics", "counters and gauges, for Prometheus", false, false, serve_metrics},
    {"/status", "all of it at a glance: JSON, or text with Accept: text/plain", false, false,
        serve_status},
    {"/reload", "POST: load the file anew; 200 when it is in force, 422 with what is wrong", false,
        true, serve_reload},
};

static void serve_index(struct kb_page *page, const struct kb_view *view, bool authorized)
{
    (void)authorized;
    page->content_type = TEXT_TYPE;
    kb_buf_printf(&page->body, "kably " KABLY_VERSION ", %s: %s\n\n", view->config_path,
        view->ready ? "ready" : "not ready");
    for (size_t i = 0; i < KB_COUNT(routes); i++)
        kb_buf_printf(&page->body, "%-10s %s\n", routes[i].path, routes[i].help);
}

/* ---- who may ask ---- */

/* Takes as long for a wrong token as for the right one: how much of it is right must not show in
 * the time. */
static bool same_token(struct kb_slice given, const char *token)
{
    size_t len = strlen(token);
    volatile unsigned char differ = given.len != len;
    for (size_t i = 0; i < given.len; i++)
        differ |= (unsigned char)(given.ptr[i] ^ token[i % len]);
    return !differ;
}

static bool is_authorized(const struct kb_page *page, const char *token)
{
    struct kb_slice given = page->authorization, scheme = KB_S(SCHEME);
    if (!token)
        return true;
    if (!given.ptr || given.len < scheme.len || strncasecmp(given.ptr, scheme.ptr, scheme.len) != 0)
        return false;
    given = (struct kb_slice){given.ptr + scheme.len, given.len - scheme.len};
    return same_token(given, token);
}

/* ---- one request ---- */

static const struct route *find_route(struct kb_slice path)
{
    for (size_t i = 0; i < KB_COUNT(routes); i++)
        if (kb_slice_is(path, routes[i].path))
            return &routes[i];
    return NULL;
}

/* NULL = refused, and the answer says so. What is there is told only to whoever may ask. */
static const struct route *admit(struct kb_page *page, bool authorized)
{
    const struct route *route = find_route(page->path);
    if (!authorized && !(route && route->open)) {
        page->challenge = "Bearer realm=\"kably\"";
        kb_page_error(page, 401, "this address needs the admin token: Authorization: Bearer TOKEN");
        return NULL;
    }
    if (!route) {
        kb_page_error(page, 404, "no such address; GET / lists them");
        return NULL;
    }
    bool fits = route->posts
                    ? kb_slice_is(page->method, "POST")
                    : kb_slice_is(page->method, "GET") || kb_slice_is(page->method, "HEAD");
    if (!fits) {
        page->allow = route->posts ? "POST" : "GET, HEAD";
        kb_page_error(page, 405,
            route->posts ? "this address takes POST" : "this address takes GET and HEAD");
        return NULL;
    }
    return route;
}

void kb_page_serve(
    struct kb_page *page, struct kb_view *view, const char *token, struct kb_clock *clock)
{
    bool authorized = is_authorized(page, token);
    const struct route *route = admit(page, authorized);
    if (!route)
        return;
    if (!kb_view_take(view, clock->now_ms(clock), clock->wall_ms(clock))) {
        kb_page_error(page, 500, "out of memory");
        return;
    }
    route->serve(page, view, authorized);
    if (page->body.failed)
        kb_page_error(page, 500, "the answer does not fit into memory");
}
