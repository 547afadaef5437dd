/* See registry.h. */
#include "registry.h"

#include "kafka.h"
#include "plan.h"
#include "world.h"

#include <stdlib.h>

struct inquiry {
    struct inquiry *next;
    struct sim_registry *registry;
    struct kb_http_request *req; /* NULL = the client has it back */
    bool ended;
    uint32_t id;
    int status; /* 0: no answer */
    const char *body;
};

struct sim_registry {
    struct kb_transport transport;
    struct sim *sim;
    struct sim_worker *worker;
    bool dead;
    int64_t away_until_ms;
    struct inquiry *open;
    char *last_body;
};

static void end(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    struct inquiry *inquiry = object;
    if (inquiry->ended || !inquiry->req)
        return;
    inquiry->ended = true;
    sim_worker_poke(inquiry->registry->worker, 0);
}

static void check(struct sim_registry *registry, const struct kb_http_request *req)
{
    struct sim *sim = registry->sim;
    if (strcmp(req->method, "GET") != 0 || req->body_len > 0)
        sim_fail(sim, "the registry is asked with %s", req->method);
    if (strncmp(req->url, SIM_REGISTRY_URL "/schemas/ids/", strlen(SIM_REGISTRY_URL) + 13) != 0)
        sim_fail(sim, "the registry is asked for %s", req->url);
    for (const struct inquiry *other = registry->open; other; other = other->next)
        if (strcmp(other->req->url, req->url) == 0)
            sim_fail(sim, "the registry is asked twice at once for %s", req->url);
}

/* An outage is whatever tells nothing of the schema. */
static void answer_badly(struct sim *sim, struct inquiry *inquiry)
{
    static const int statuses[] = {0, 0, 500, 503, 401, 403, 302, 429, 200};
    inquiry->status = statuses[sim_between(sim, 0, (int64_t)KB_COUNT(statuses) - 1)];
    inquiry->body = sim_chance(sim, 500) ? "<html>no</html>" : "{\"error_code\":50001}";
}

static void answer_well(struct sim *sim, struct inquiry *inquiry)
{
    bool known = inquiry->id >= 1 && inquiry->id <= (uint32_t)sim->plan->schemas;
    if (sim->sabotage == SIM_DENY_SCHEMA && sim_chance(sim, 300))
        known = false;
    inquiry->status = known ? 200 : 404;
    inquiry->body = known ? "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}"
                          : "{\"error_code\":40403,\"message\":\"Schema not found\"}";
}

static bool is_away(struct sim_registry *registry)
{
    struct sim *sim = registry->sim;
    if (sim_faulty(sim, SIM_FAULT_REGISTRY, 100))
        registry->away_until_ms = sim->now_ms + sim_skewed(sim, 100, 60000);
    return sim->faults && sim->now_ms < registry->away_until_ms;
}

static bool submit(struct kb_transport *transport, struct kb_http_request *req, struct kb_err *err)
{
    struct sim_registry *registry = (struct sim_registry *)transport;
    struct sim *sim = registry->sim;
    if (registry->dead || sim_faulty(sim, SIM_FAULT_SUBMIT, 50))
        return kb_err_outage(err, "sim: no handle left");
    check(registry, req);
    struct inquiry *inquiry = sim_alloc(sim, sizeof(*inquiry));
    inquiry->registry = registry;
    inquiry->req = req;
    inquiry->id = (uint32_t)strtoul(strrchr(req->url, '/') + 1, NULL, 10);
    inquiry->next = registry->open;
    registry->open = inquiry;
    registry->worker->activity++;
    if (is_away(registry))
        answer_badly(sim, inquiry);
    else
        answer_well(sim, inquiry);
    if (sim->sabotage == SIM_DROP_WAITING)
        return true;
    bool silent = inquiry->status == 0 && sim_chance(sim, 300);
    sim_after(sim, silent ? req->timeout_ms : sim_skewed(sim, 1, 300), end, inquiry, 0);
    sim_trace(sim, "worker %d asks %s", registry->worker->number, req->url);
    return true;
}

static void detach(struct inquiry *inquiry)
{
    struct inquiry **link = &inquiry->registry->open;
    while (*link != inquiry)
        link = &(*link)->next;
    *link = inquiry->next;
    inquiry->req = NULL;
}

/* A copy of exactly that length, so that reading past its end is seen. */
static void fill_reply(struct sim_registry *registry, const struct inquiry *inquiry)
{
    struct kb_http_reply *reply = &inquiry->req->reply;
    *reply = (struct kb_http_reply){.status = inquiry->status};
    if (inquiry->status == 0) {
        kb_err_outage(&reply->err, "sim: nobody answers");
        return;
    }
    size_t len = strlen(inquiry->body);
    registry->last_body = malloc(len);
    KB_BUG_ON(!registry->last_body);
    memcpy(registry->last_body, inquiry->body, len);
    reply->body = (struct kb_slice){registry->last_body, len};
}

static struct kb_http_request *done(struct kb_transport *transport)
{
    struct sim_registry *registry = (struct sim_registry *)transport;
    free(registry->last_body);
    registry->last_body = NULL;
    struct inquiry *inquiry = registry->dead ? NULL : registry->open;
    while (inquiry && !inquiry->ended)
        inquiry = inquiry->next;
    if (!inquiry)
        return NULL;
    struct kb_http_request *req = inquiry->req;
    fill_reply(registry, inquiry);
    registry->worker->activity++;
    sim_trace(registry->sim, "worker %d has %d for %s", registry->worker->number, inquiry->status,
        req->url);
    detach(inquiry);
    return req;
}

static void cancel(struct kb_transport *transport, struct kb_http_request *req)
{
    struct sim_registry *registry = (struct sim_registry *)transport;
    struct inquiry *inquiry = registry->open;
    while (inquiry && inquiry->req != req)
        inquiry = inquiry->next;
    if (inquiry)
        detach(inquiry);
}

static const struct kb_transport_ops ops = {submit, done, cancel};

struct kb_transport *sim_registry_new(struct sim *sim, struct sim_worker *worker)
{
    struct sim_registry *registry = sim_alloc(sim, sizeof(*registry));
    registry->transport.ops = &ops;
    registry->sim = sim;
    registry->worker = worker;
    if (sim_faulty(sim, SIM_FAULT_REGISTRY, 500))
        registry->away_until_ms = sim->now_ms + sim_skewed(sim, 100, 60000);
    return &registry->transport;
}

void sim_registry_crash(struct kb_transport *transport)
{
    struct sim_registry *registry = (struct sim_registry *)transport;
    if (!registry)
        return;
    registry->dead = true;
    free(registry->last_body);
    registry->last_body = NULL;
    while (registry->open)
        detach(registry->open);
}
