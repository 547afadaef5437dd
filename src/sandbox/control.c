/* The local Ably's own addresses, for tests and the curious: faults, counters, every delivery, a
 * fresh start. They need no authentication, meet no fault and are not counted. */
#include "sandbox/state.h"
#include "value/json.h"

void kb_service_get_faults(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    (void)name;
    x->status = 200;
    kb_faults_print(service->faults, &x->answer);
}

void kb_service_set_faults(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct kb_err err;

    if (kb_faults_set(service->faults, kb_buf_slice(&x->body), service->now_ms, &err))
        kb_service_get_faults(service, x, name);
    else
        kb_exchange_error(x, 400, 40000, "%s", err.text);
}

void kb_service_reset(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    (void)name;
    kb_ids_clear(service->ids);
    kb_ids_clear(service->nonces);
    kb_grants_clear(service->grants);
    kb_store_clear(service->store);
    kb_deliveries_clear(service->deliveries);
    kb_faults_clear(service->faults);
    kb_rates_deinit(&service->rates);
    memset(&service->counters, 0, sizeof(service->counters));
    x->status = 200;
    kb_buf_add(&x->answer, KB_S("{}"));
}

/* --- GET /_control/stats --- */

static void print_count(struct kb_buf *out, const char *name, uint64_t count)
{
    kb_buf_printf(out, "\"%s\":%" PRIu64 ",", name, count);
}

void kb_service_stats(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    const struct kb_service_counters *counters = &service->counters;
    struct kb_buf *out = &x->answer;
    bool first = true;

    (void)name;
    x->status = 200;
    kb_buf_byte(out, '{');
    print_count(out, "requests", counters->requests);
    print_count(out, "raw", counters->published + counters->duplicates);
    print_count(out, "published", counters->published);
    print_count(out, "duplicates", counters->duplicates);
    print_count(out, "duplicated_ids", kb_ids_repeated(service->ids));
    print_count(out, "refused", counters->refused);
    print_count(out, "cut", counters->cut);
    print_count(out, "max_in_flight_requests", counters->max_in_flight);
    print_count(out, "channels", kb_store_channels(service->store));
    print_count(out, "history_messages", kb_store_messages(service->store));
    print_count(out, "history_bytes", kb_store_bytes(service->store));
    print_count(out, "ids_remembered", kb_ids_count(service->ids));
    print_count(out, "ids_forgotten_early", kb_ids_early(service->ids));
    print_count(out, "subscribers", kb_subscribers_count(service->subscribers));
    print_count(out, "subscribers_cut", kb_subscribers_cut(service->subscribers));
    print_count(out, "events", kb_subscribers_events(service->subscribers));
    print_count(out, "deliveries_dropped", kb_deliveries_dropped(service->deliveries));
    kb_buf_add(out, KB_S("\"by_status\":{"));
    for (size_t status = 0; status < KB_STATUS_MAX; status++) {
        if (counters->by_status[status] == 0)
            continue;
        kb_buf_printf(
            out, "%s\"%zu\":%" PRIu64, first ? "" : ",", status, counters->by_status[status]);
        first = false;
    }
    kb_buf_add(out, KB_S("}}"));
}

/* --- GET /_control/deliveries?channel=&after=&format=lines --- */

struct deliveries {
    struct kb_stream stream;
    const struct kb_deliveries *log;
    struct kb_delivery_cursor cursor;
    uint64_t after, until; /* numbers after `after` up to and with `until` */
    char *channel;         /* NULL = all */
    bool lines, first, ended;
    struct kb_buf text; /* printed, not read yet */
};

static void print_delivery(struct deliveries *d, const struct kb_delivery *delivery)
{
    struct kb_buf *out = &d->text;

    if (!d->lines && !d->first)
        kb_buf_byte(out, ',');
    d->first = false;
    kb_buf_printf(out,
        "{\"seq\":%" PRIu64 ",\"request\":%" PRIu64 ",\"duplicate\":%s,\"channel\":", delivery->seq,
        delivery->request, delivery->duplicate ? "true" : "false");
    kb_json_string(out, delivery->channel);
    kb_buf_add(out, KB_S(",\"id\":"));
    kb_json_string(out, delivery->id);
    kb_buf_add(out, d->lines ? KB_S("}\n") : KB_S("}"));
}

/* The next entry that is asked for, or the end. */
static void print_next(struct deliveries *d)
{
    struct kb_delivery delivery;

    while (kb_deliveries_next(d->log, &d->cursor, &delivery) && delivery.seq <= d->until) {
        if (delivery.seq <= d->after || (d->channel && !kb_slice_is(delivery.channel, d->channel)))
            continue;
        print_delivery(d, &delivery);
        return;
    }
    d->ended = true;
    if (!d->lines)
        kb_buf_byte(&d->text, ']');
}

static ptrdiff_t read_deliveries(struct kb_stream *stream, char *to, size_t max)
{
    struct deliveries *d = (struct deliveries *)stream;
    size_t n;

    while (!d->ended && !d->text.failed && d->text.len < max)
        print_next(d);
    n = d->text.len < max ? d->text.len : max;
    if (n > 0) {
        memcpy(to, d->text.ptr, n);
        memmove(d->text.ptr, d->text.ptr + n, d->text.len - n);
        d->text.len -= n;
    }
    return (ptrdiff_t)n; /* 0 is KB_STREAM_END */
}

static void free_deliveries(struct kb_stream *stream)
{
    struct deliveries *d = (struct deliveries *)stream;

    kb_buf_deinit(&d->text);
    free(d->channel);
    free(d);
}

void kb_service_deliveries(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct kb_slice channel = kb_exchange_query(x, "channel");
    struct deliveries *d;
    int64_t after;

    (void)name;
    if (!kb_exchange_query_number(x, "after", 0, &after))
        return kb_exchange_error(x, 400, 40003, "after is the number of a delivery");
    d = calloc(1, sizeof(*d));
    if (!d)
        return kb_exchange_error(x, 500, 50000, "out of memory");
    d->stream = (struct kb_stream){.read = read_deliveries, .free = free_deliveries};
    d->log = service->deliveries;
    d->after = (uint64_t)after;
    d->until = service->last_seq;
    d->channel = channel.ptr ? strdup(channel.ptr) : NULL;
    d->lines = kb_slice_is(kb_exchange_query(x, "format"), "lines");
    d->first = true;
    kb_buf_init(&d->text, (size_t)16 << 20);
    if (!d->lines)
        kb_buf_byte(&d->text, '[');
    else
        x->content_type = "application/x-ndjson";
    x->status = 200;
    x->stream = &d->stream;
}
