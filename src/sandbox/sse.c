/* Server-sent events of the local Ably: GET /sse?channels=A,B&v=1.1, with `channel` for channels,
 * `separator`, `enveloped`, `heartbeats`, `rewind` and `lastEvent` (also as Last-Event-ID) as Ably
 * documents them. What was published before the stream begins comes from the history; the stream
 * itself is a subscriber. */
#include "sandbox/posted.h"
#include "sandbox/state.h"

#define REWIND_MAX 100
#define CHANNELS_MAX 100
#define MISSED_MS 120000 /* so long Ably keeps what a stream may go back to */

struct request {
    struct kb_posted_spec spec; /* its channels, in the form that faults know */
    struct kb_subscription wish;
    int64_t rewind;             /* messages of each channel, 0 = none */
    struct kb_slice last_event; /* ptr NULL = none */
};

static bool refuse(struct kb_exchange *x, int code, const char *text)
{
    kb_exchange_error(x, 400, code, "%s", text);
    return false;
}

static bool add_channel(struct kb_exchange *x, struct kb_posted_spec *spec, struct kb_slice name)
{
    struct kb_refusal refusal = kb_posted_check_channel(name);
    struct kb_posted_channel *channel;

    if (refusal.code) {
        kb_exchange_error(x, refusal.status, refusal.code, KB_FMT, KB_ARG(refusal.text));
        return false;
    }
    if (spec->n_channels == CHANNELS_MAX)
        return refuse(x, 40003, "more than 100 channels in one request");
    channel = kb_arena_alloc(&x->arena, sizeof(*channel));
    if (!channel)
        return refuse(x, 40003, "the channels' names are too long");
    *channel = (struct kb_posted_channel){spec->channels, name};
    spec->channels = channel;
    spec->n_channels++;
    return true;
}

static bool read_channels(struct kb_exchange *x, struct kb_posted_spec *spec)
{
    struct kb_slice names = kb_exchange_query(x, "channels");
    struct kb_slice separator = kb_exchange_query(x, "separator");
    const char *next;

    if (!names.ptr)
        names = kb_exchange_query(x, "channel");
    if (!names.ptr)
        return refuse(x, 40003, "name the channels to listen to: /sse?channels=A,B&v=1.2");
    if (separator.len == 0)
        separator = KB_S(",");
    for (; (next = memmem(names.ptr, names.len, separator.ptr, separator.len)) != NULL;) {
        struct kb_slice name = {names.ptr, (size_t)(next - names.ptr)};
        if (!add_channel(x, spec, name))
            return false;
        names.ptr += name.len + separator.len;
        names.len -= name.len + separator.len;
    }
    return add_channel(x, spec, names);
}

/* "1.1", "1.2", "2", ... */
static bool is_version(struct kb_slice version)
{
    const char *dot = memchr(version.ptr, '.', version.len);
    size_t whole = dot ? (size_t)(dot - version.ptr) : version.len;
    int64_t number;

    return kb_exchange_number((struct kb_slice){version.ptr, whole}, &number) &&
           (!dot ||
               kb_exchange_number((struct kb_slice){dot + 1, version.len - whole - 1}, &number));
}

static bool read_version(struct kb_exchange *x)
{
    struct kb_slice version = kb_exchange_query(x, "v");

    if (!version.ptr)
        version = kb_exchange_header(x, "X-Ably-Version");
    return (version.ptr && is_version(version)) ||
           refuse(x, 40004, "the version is missing or none: /sse?channels=A,B&v=1.2");
}

static bool read_flag(struct kb_exchange *x, const char *name, bool absent, bool *flag)
{
    struct kb_slice text = kb_exchange_query(x, name);

    *flag = text.ptr ? kb_slice_is(text, "true") : absent;
    return !text.ptr || *flag || kb_slice_is(text, "false");
}

static bool read_request(struct kb_exchange *x, struct request *request)
{
    *request = (struct request){.wish.expires_ms = KB_SUBSCRIBER_NO_END};
    if (!read_version(x) || !read_channels(x, &request->spec))
        return false;
    request->wish.channels = request->spec.channels;
    request->wish.n_channels = request->spec.n_channels;
    if (!read_flag(x, "enveloped", true, &request->wish.enveloped) ||
        !read_flag(x, "heartbeats", false, &request->wish.heartbeats))
        return refuse(x, 40003, "enveloped and heartbeats are true or false");
    if (!kb_exchange_query_number(x, "rewind", 0, &request->rewind) || request->rewind > REWIND_MAX)
        return refuse(x, 40003, "rewind is a number of messages, 100 at most");
    request->last_event = kb_exchange_query(x, "lastEvent");
    if (!request->last_event.ptr)
        request->last_event = kb_exchange_header(x, "Last-Event-ID");
    return true;
}

static bool check_access(struct kb_service *service, struct kb_exchange *x, struct request *request)
{
    int64_t left_ms = service->access.expires_ms - service->wall_ms;

    for (const struct kb_posted_channel *ch = request->spec.channels; ch; ch = ch->next) {
        if (kb_auth_allows(service, ch->name, "subscribe"))
            continue;
        kb_exchange_error(
            x, 401, 40160, "the token's capability has no subscribe on " KB_FMT, KB_ARG(ch->name));
        return false;
    }
    if (!service->access.by_key)
        request->wish.expires_ms = service->now_ms + left_ms;
    return true;
}

/* Faults that name one of the channels; true: the request ends here. */
static bool meet_faults(
    struct kb_service *service, struct kb_exchange *x, struct kb_posted_spec *spec)
{
    const struct kb_posted posted = {.specs = spec};

    if (kb_faults_meet_channels(service->faults, x, &posted, service->now_ms))
        return true;
    for (const struct kb_posted_channel *ch = spec->channels; ch; ch = ch->next) {
        struct kb_refusal refusal =
            kb_faults_meet_spec(service->faults, x, KB_FAULTS_NO_SPEC, ch->name, service->now_ms);
        if (refusal.code) {
            kb_exchange_error(x, refusal.status, refusal.code, KB_FMT, KB_ARG(refusal.text));
            return true;
        }
    }
    return false;
}

/* --- what was published before --- */

/* The number of the channel's `n`th message from the end, or of its oldest. */
static uint64_t nth_newest(const struct kb_store *store, struct kb_slice channel, int64_t n)
{
    const struct kb_stored *stored = kb_store_newest(store, channel);

    while (stored && stored->older && --n > 0)
        stored = stored->older;
    return stored ? stored->seq : 0;
}

/* From which number on the channel's messages are told again; UINT64_MAX = none. */
static uint64_t first_wanted(const struct kb_service *service, const struct request *request,
    struct kb_slice channel, bool resumed, uint64_t behind)
{
    if (resumed)
        return behind + 1;
    return request->rewind ? nth_newest(service->store, channel, request->rewind) : UINT64_MAX;
}

static bool wanted(
    const struct request *request, const uint64_t *from, const struct kb_local_message *msg)
{
    size_t i = 0;

    for (const struct kb_posted_channel *ch = request->spec.channels; ch; ch = ch->next, i++) {
        if (msg->seq >= from[i] && kb_slice_eq(ch->name, msg->channel))
            return true;
    }
    return false;
}

/* Of all channels together, in the order in which it was published. */
static void tell_before(struct kb_service *service, const struct request *request,
    struct kb_subscriber *sub, bool resumed, uint64_t behind)
{
    uint64_t from[CHANNELS_MAX];
    size_t n = 0;

    for (const struct kb_posted_channel *ch = request->spec.channels; ch; ch = ch->next)
        from[n++] = first_wanted(service, request, ch->name, resumed, behind);
    for (const struct kb_stored *at = kb_store_first(service->store); at; at = at->all_newer) {
        struct kb_local_message msg = kb_stored_message(at);
        if (service->wall_ms - msg.timestamp_ms <= MISSED_MS && wanted(request, from, &msg))
            kb_subscriber_message(sub, &msg);
    }
}

static void begin(
    struct kb_service *service, const struct request *request, struct kb_subscriber *sub)
{
    uint64_t behind = 0;
    bool resumed = request->last_event.ptr &&
                   kb_local_message_behind(request->last_event, service->started, &behind);

    if (request->last_event.ptr && !resumed)
        kb_subscriber_error(sub, 400, 80008,
            "lastEvent is none of this local Ably's: what came since can't be told");
    if (resumed || (request->rewind > 0 && !request->last_event.ptr))
        tell_before(service, request, sub, resumed, behind);
}

void kb_service_sse(struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct request request;
    struct kb_subscriber *sub;

    (void)name;
    if (!read_request(x, &request) || !check_access(service, x, &request) ||
        meet_faults(service, x, &request.spec))
        return;
    sub = kb_subscribers_add(service->subscribers, &request.wish, service->now_ms);
    if (!sub)
        return kb_exchange_error(x, 503, 50300, "too many subscribers (%d)", KB_SUBSCRIBERS_MAX);
    begin(service, &request, sub);
    x->status = 200;
    x->content_type = "text/event-stream";
    kb_exchange_add_header(x, KB_S("Cache-Control"), KB_S("no-cache"));
    kb_exchange_add_header(x, KB_S("Access-Control-Allow-Origin"), KB_S("*"));
    x->stream = kb_subscriber_stream(sub);
}
