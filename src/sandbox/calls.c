/* See calls.h. A request's call is taken when its headers are there, answered when its body is,
 * given back when the answer is out or its client gone. */
#include "sandbox/calls.h"

#include <sys/socket.h>

#define SPARE_CALLS_MAX 64
#define STREAM_BLOCK ((size_t)64 << 10)

struct kb_call {
    struct kb_exchange x; /* first: the exchange's functions get the call back from it */
    struct kb_calls *calls;
    struct MHD_Connection *connection;
    struct kb_call *next; /* spare, delayed or quiet */
    bool handled;
    bool counted; /* as one in flight */
    bool quiet;   /* suspended until its stream wakes it */
    bool woken;
    int64_t due_ms; /* of a delayed answer */
};

/* --- calls --- */

static const char *lookup(struct kb_exchange *x, enum MHD_ValueKind kind, const char *name)
{
    struct kb_call *call = (struct kb_call *)x;

    return MHD_lookup_connection_value(call->connection, kind, name);
}

static const char *lookup_header(struct kb_exchange *x, const char *name)
{
    return lookup(x, MHD_HEADER_KIND, name);
}

static const char *lookup_query(struct kb_exchange *x, const char *name)
{
    return lookup(x, MHD_GET_ARGUMENT_KIND, name);
}

static const struct kb_exchange_lookup lookups = {lookup_header, lookup_query};

void kb_calls_init(struct kb_calls *calls, struct kb_service *service, struct kb_clock *clock)
{
    *calls = (struct kb_calls){.service = service, .clock = clock};
}

static void free_call(struct kb_call *call)
{
    kb_exchange_deinit(&call->x);
    free(call);
}

void kb_calls_deinit(struct kb_calls *calls)
{
    struct kb_call *next;

    for (struct kb_call *call = calls->spare; call; call = next) {
        next = call->next;
        free_call(call);
    }
    calls->spare = NULL;
}

static struct kb_call *take_call(struct kb_calls *calls)
{
    struct kb_call *call = calls->spare;

    if (call) {
        calls->spare = call->next;
        calls->n_spare--;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (call) {
        kb_exchange_init(&call->x, &lookups);
        call->calls = calls;
    }
    return call;
}

static void give_back(struct kb_calls *calls, struct kb_call *call)
{
    kb_exchange_end(&call->x);
    if (calls->n_spare == SPARE_CALLS_MAX) {
        free_call(call);
        return;
    }
    call->next = calls->spare;
    calls->spare = call;
    calls->n_spare++;
}

static struct kb_call *begin_call(
    struct kb_calls *calls, struct MHD_Connection *connection, const char *method, const char *path)
{
    struct kb_call *call = take_call(calls);

    if (!call)
        return NULL;
    calls->n_open++;
    call->connection = connection;
    call->handled = call->quiet = call->woken = false;
    kb_exchange_begin(&call->x, kb_slice_of(method), kb_slice_of(path));
    call->counted = !kb_slice_starts(call->x.path, KB_S("/_control/"));
    if (call->counted)
        kb_service_in_flight(calls->service, ++calls->in_flight);
    return call;
}

static void uncount(struct kb_call *call)
{
    call->calls->in_flight -= call->counted;
    call->counted = false;
}

static void take_out(struct kb_call **list, const struct kb_call *call)
{
    for (struct kb_call **at = list; *at; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            return;
        }
    }
}

void kb_calls_completed(void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
    struct kb_calls *calls = context;
    struct kb_call *call = *state;

    (void)connection;
    (void)code;
    *state = NULL;
    if (!call)
        return;
    take_out(&calls->delayed, call);
    take_out(&calls->quiet, call);
    uncount(call);
    calls->n_open--;
    give_back(calls, call);
}

/* --- streams --- */

/* The stream has something to say. Where it was cut while its client does not read, libmicrohttpd
 * sleeps until the socket can be written: shutting that down wakes it. */
static void wake(struct kb_stream *stream)
{
    struct kb_call *call = stream->waker;

    if (call->quiet && !call->woken) {
        call->woken = true;
        call->calls->n_woken++;
    } else if (stream->cut && !call->quiet) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static ssize_t be_quiet(struct kb_call *call)
{
    call->quiet = true;
    call->woken = false;
    call->next = call->calls->quiet;
    call->calls->quiet = call;
    MHD_suspend_connection(call->connection);
    return 0;
}

static ssize_t read_stream(void *context, uint64_t position, char *to, size_t max)
{
    struct kb_call *call = context;
    struct kb_stream *stream = call->x.stream;
    bool cut_in_the_middle = call->x.cut == KB_CUT_MIDDLE;
    ptrdiff_t n;

    if (stream->cut || (cut_in_the_middle && position > 0))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = stream->read(stream, to, max);
    if (n == KB_STREAM_END || (n == KB_STREAM_QUIET && call->calls->ending))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == KB_STREAM_QUIET)
        return be_quiet(call);
    return cut_in_the_middle ? (n + 1) / 2 : n;
}

/* --- answers --- */

/* Half of the answer, then the connection ends. */
static ssize_t read_half(void *context, uint64_t position, char *to, size_t max)
{
    const struct kb_call *call = context;
    size_t half = call->x.answer.len / 2, n;

    if (position >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = half - position < max ? half - position : max;
    memcpy(to, call->x.answer.ptr + position, n);
    return (ssize_t)n;
}

/* The call outlives its response, so its answer need not be copied. */
static struct MHD_Response *make_response(struct kb_call *call)
{
    struct kb_slice body = kb_buf_slice(&call->x.answer);

    if (call->x.stream)
        return MHD_create_response_from_callback(
            MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, call, NULL);
    if (call->x.cut == KB_CUT_MIDDLE)
        return MHD_create_response_from_callback(body.len, STREAM_BLOCK, read_half, call, NULL);
    return MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_answer(struct kb_call *call)
{
    struct MHD_Response *response;
    enum MHD_Result queued;

    if (call->x.cut == KB_CUT_BEFORE || call->x.cut == KB_CUT_AFTER)
        return MHD_NO;    /* libmicrohttpd then closes the connection */
    if (call->x.stream) { /* open for as long as its client likes: none of the requests in flight */
        uncount(call);
        call->x.stream->wake = wake;
        call->x.stream->waker = call;
    }
    response = make_response(call);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->x.content_type);
    for (size_t i = 0; i < call->x.n_headers; i++)
        MHD_add_response_header(response, call->x.headers[i].name, call->x.headers[i].value);
    queued = MHD_queue_response(call->connection, (unsigned)call->x.status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result delay_answer(struct kb_calls *calls, struct kb_call *call)
{
    call->due_ms = calls->clock->now_ms(calls->clock) + call->x.delay_ms;
    call->next = calls->delayed;
    calls->delayed = call;
    MHD_suspend_connection(call->connection);
    return MHD_YES;
}

/* Called with the headers, with each piece of the body, at its end, and again after a delay. */
enum MHD_Result kb_calls_request(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *piece, size_t *piece_len, void **state)
{
    struct kb_calls *calls = context;
    struct kb_call *call = *state;

    (void)version;
    if (calls->ending)
        return MHD_NO;
    if (!call) {
        *state = begin_call(calls, connection, method, path);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*piece_len > 0) {
        kb_exchange_body(&call->x, (struct kb_slice){piece, *piece_len});
        *piece_len = 0;
        return MHD_YES;
    }
    if (call->handled)
        return send_answer(call);
    call->handled = true;
    kb_service_handle(calls->service, &call->x);
    return call->x.delay_ms > 0 ? delay_answer(calls, call) : send_answer(call);
}

/* --- waiting --- */

static void resume_delayed(struct kb_calls *calls)
{
    int64_t now_ms = calls->delayed ? calls->clock->now_ms(calls->clock) : 0;

    for (struct kb_call **at = &calls->delayed; *at;) {
        struct kb_call *call = *at;
        if (!calls->ending && call->due_ms > now_ms) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        MHD_resume_connection(call->connection);
    }
}

static void resume_quiet(struct kb_calls *calls)
{
    for (struct kb_call **at = &calls->quiet; *at;) {
        struct kb_call *call = *at;
        if (!calls->ending && !call->woken) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        call->quiet = false;
        MHD_resume_connection(call->connection);
    }
    calls->n_woken = 0;
}

void kb_calls_resume(struct kb_calls *calls)
{
    resume_delayed(calls);
    if (calls->n_woken > 0 || calls->ending)
        resume_quiet(calls);
}

void kb_calls_end(struct kb_calls *calls)
{
    calls->ending = true;
    kb_calls_resume(calls);
}

int kb_calls_wait_ms(const struct kb_calls *calls, int most_ms)
{
    int64_t now_ms = calls->delayed ? calls->clock->now_ms(calls->clock) : 0;

    if (calls->n_woken > 0)
        return 0;
    for (const struct kb_call *call = calls->delayed; call; call = call->next) {
        int64_t wait_ms = call->due_ms > now_ms ? call->due_ms - now_ms : 0;
        if (wait_ms < most_ms)
            most_ms = (int)wait_ms;
    }
    return most_ms;
}
