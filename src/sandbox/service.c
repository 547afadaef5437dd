/* The local Ably's life and its routing; see service.h. A new address is a row of `routes`.
 */
#include "sandbox/service.h"

#include "sandbox/state.h"

#define RESULTS_MAX ((size_t)64 << 20)
#define NONCES_KEPT_MS 300000 /* longer than a timestamp may be off, to either side */
#define NONCES_MAX ((size_t)1 << 20)

struct route {
    const char *method, *start, *end;  /* a path is start + channel + end, or just start */
    enum { ABLY, OPEN, CONTROL } kind; /* with authentication, without or by itself, ours */
    void (*serve)(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
};

static void serve_time(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    (void)name;
    x->status = 200;
    kb_buf_printf(&x->answer, "[%" PRId64 "]", service->wall_ms);
}

static const struct route routes[] = {
    {"POST", "/messages", NULL, ABLY, kb_service_publish_batch},
    {"POST", "/channels/", "/messages", ABLY, kb_service_publish_channel},
    {"GET", "/channels/", "/messages", ABLY, kb_service_history},
    {"POST", "/keys/", "/requestToken", OPEN, kb_service_request_token},
    {"GET", "/sse", NULL, ABLY, kb_service_sse},
    {"GET", "/time", NULL, OPEN, serve_time},
    {"GET", "/_control/faults", NULL, CONTROL, kb_service_get_faults},
    {"POST", "/_control/faults", NULL, CONTROL, kb_service_set_faults},
    {"GET", "/_control/stats", NULL, CONTROL, kb_service_stats},
    {"GET", "/_control/deliveries", NULL, CONTROL, kb_service_deliveries},
    {"POST", "/_control/reset", NULL, CONTROL, kb_service_reset},
};

static size_t or_default(size_t given, size_t otherwise)
{
    return given ? given : otherwise;
}

struct kb_service *kb_service_new(const struct kb_service_options *options, struct kb_err *err)
{
    struct kb_service *service = calloc(1, sizeof(*service));

    if (!service)
        goto failed;
    service->options = *options;
    service->options.max_message_size = or_default(options->max_message_size, 65536);
    service->clock = options->clock ? options->clock : kb_clock_system();
    snprintf(service->started, sizeof(service->started), "%014" PRId64,
        service->clock->wall_ms(service->clock));
    service->key = options->key ? strdup(options->key) : NULL;
    service->ids = kb_ids_new(options->window_ms ? options->window_ms : 120000,
        or_default(options->ids_max, (size_t)4 << 20));
    service->store = kb_store_new(options->no_history ? 0 : or_default(options->history, 1000),
        or_default(options->history_bytes, (size_t)64 << 20));
    service->subscribers = kb_subscribers_new(service->started);
    service->grants = kb_grants_new();
    service->nonces = kb_ids_new(NONCES_KEPT_MS, NONCES_MAX);
    service->deliveries =
        kb_deliveries_new(or_default(options->deliveries_bytes, (size_t)64 << 20));
    service->faults = kb_faults_new();
    kb_rates_init(&service->rates, options->channel_rate);
    kb_buf_init(&service->json, 2 * KB_EXCHANGE_BODY_MAX * 6);
    kb_buf_init(&service->results, RESULTS_MAX);
    if (service->ids && service->store && service->subscribers && service->grants &&
        service->nonces && service->deliveries && service->faults &&
        (service->key || !options->key))
        return service;
failed:
    kb_service_free(service);
    kb_err_fatal(err, "the local Ably: out of memory");
    return NULL;
}

void kb_service_free(struct kb_service *service)
{
    if (!service)
        return;
    kb_ids_free(service->ids);
    kb_store_free(service->store);
    kb_subscribers_free(service->subscribers);
    kb_grants_free(service->grants);
    kb_ids_free(service->nonces);
    kb_deliveries_free(service->deliveries);
    kb_faults_free(service->faults);
    kb_rates_deinit(&service->rates);
    kb_buf_deinit(&service->json);
    kb_buf_deinit(&service->results);
    free(service->key);
    free(service);
}

void kb_service_in_flight(struct kb_service *service, size_t requests)
{
    if (requests > service->counters.max_in_flight)
        service->counters.max_in_flight = requests;
}

struct kb_service_tally kb_service_tally(const struct kb_service *service)
{
    const struct kb_service_counters *counters = &service->counters;

    return (struct kb_service_tally){
        .requests = counters->requests,
        .published = counters->published,
        .duplicates = counters->duplicates,
        .refused = counters->refused,
        .subscribers = kb_subscribers_count(service->subscribers),
    };
}

int kb_service_tick(struct kb_service *service, int most_ms)
{
    int64_t now_ms = service->clock->now_ms(service->clock);
    int64_t due_ms = kb_subscribers_tick(service->subscribers, now_ms);

    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms < most_ms ? (int)(due_ms - now_ms) : most_ms;
}

/* --- routing --- */

static bool route_takes(const struct route *route, struct kb_slice path, struct kb_slice *name)
{
    struct kb_slice start = kb_slice_of(route->start), end = kb_slice_of(route->end);

    *name = KB_S("");
    if (!route->end)
        return kb_slice_eq(path, start);
    if (!kb_slice_starts(path, start) || path.len < start.len + end.len ||
        memcmp(path.ptr + path.len - end.len, end.ptr, end.len) != 0)
        return false;
    *name = (struct kb_slice){path.ptr + start.len, path.len - start.len - end.len};
    return true;
}

static const struct route *find_route(
    const struct kb_exchange *x, struct kb_slice *name, bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < KB_COUNT(routes); i++) {
        if (!route_takes(&routes[i], x->path, name))
            continue;
        *path_known = true;
        if (kb_slice_is(x->method, routes[i].method))
            return &routes[i];
    }
    return NULL;
}

static void refuse_route(struct kb_exchange *x, bool path_known)
{
    if (path_known)
        kb_exchange_error(x, 405, 40500, "this address does not take " KB_FMT, KB_ARG(x->method));
    else
        kb_exchange_error(x, 404, 40400, "no such address: " KB_FMT, KB_ARG(x->path));
}

static void serve_ably(struct kb_service *service, struct kb_exchange *x, const struct route *route,
    struct kb_slice name)
{
    if (kb_faults_meet_request(service->faults, x, service->now_ms))
        return;
    if (route->kind == ABLY && !kb_auth_check(service, x))
        return;
    if (x->body_too_long)
        kb_exchange_error(x, 413, 40009, "the request's body is longer than 2 MiB");
    else
        route->serve(service, x, name);
}

static void count(struct kb_service *service, const struct kb_exchange *x)
{
    struct kb_service_counters *counters = &service->counters;

    counters->requests++;
    if (x->cut != KB_CUT_NONE)
        counters->cut++;
    else if (x->status > 0 && x->status < KB_STATUS_MAX)
        counters->by_status[x->status]++;
}

void kb_service_handle(struct kb_service *service, struct kb_exchange *x)
{
    struct kb_slice name;
    bool path_known;
    const struct route *route = find_route(x, &name, &path_known);

    service->now_ms = service->clock->now_ms(service->clock);
    service->wall_ms = service->clock->wall_ms(service->clock);
    if (route && route->kind == CONTROL) {
        route->serve(service, x, name);
        return;
    }
    if (route)
        serve_ably(service, x, route, name);
    else
        refuse_route(x, path_known);
    if (x->answer.failed)
        kb_exchange_error(x, 500, 50000, "the answer does not fit into memory");
    kb_body_answer(x);
    count(service, x);
}
