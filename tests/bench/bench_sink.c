/* The sink of scripts/bench: answers POST /messages as Ably would, as cheaply as one thread can,
 * and keeps count. It trusts its only client: what Ably's rules are, the local Ably knows; this one
 * measures.
 *
 *     bench_sink [--delay-ms N] [--latency] [--order] [--limit CHANNEL]
 *     -> prints "PORT N", then serves until SIGTERM
 *     GET /stats  {"requests":…, "records":…, "bytes":…, "out_of_order":…,
 *                  "latency_us":{"p50":…, "p99":…}}
 *     POST /reset zero again
 *
 * --limit takes no more than LIMIT_PER_SECOND messages of that channel and refuses the others as
 * Ably does; what it takes of them counts as "limited", not as "records".
 *
 * A body in MessagePack is answered in MessagePack, without --limit, --order and --latency.
 *
 * --order checks that each channel's records of one partition come in offset order, by the ids;
 * --latency reads the time of production out of each record ("ts_us"). A spec begins with
 * {"channels":[" and nothing else can hold those bytes, since quotes inside of strings are escaped:
 * that is all the parsing there is. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BODY_MAX (4u << 20)
#define ORDER_SLOTS (1u << 18)
#define LIMIT_PER_SECOND 10
#define LATENCY_BUCKETS 2000000 /* one a microsecond, the last holds the rest */

struct connection {
    int fd;
    char *in, *out;
    size_t in_len, out_len, out_sent;
    int64_t answer_at_us; /* the answer waits until then; 0 = it doesn't wait */
    struct connection *next_delayed;
};

static struct {
    int epoll, delay_ms;
    bool latency, order;
    uint64_t requests, records, bytes, out_of_order, limited, refused;
    const char *limit;    /* the channel; NULL = none */
    int64_t limit_second; /* the one that limit_taken counts in */
    int limit_taken;
    struct connection *delayed, **delayed_tail;
    struct {
        uint64_t key;
        int64_t offset;
    } order_table[ORDER_SLOTS];
    uint32_t latency_us[LATENCY_BUCKETS];
} sink = {.delayed_tail = &sink.delayed};

static int64_t now_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static uint64_t hash(const char *p, size_t len)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)p[i]) * 1099511628211u;
    return h ? h : 1;
}

/* "TOPIC/PARTITION/OFFSET/TAG:0": the channel with topic and partition is the key, the offset must
 * grow. */
static void check_order(const char *channel, size_t channel_len, const char *id, size_t id_len)
{
    const char *partition = memchr(id, '/', id_len);
    const char *offset =
        partition ? memchr(partition + 1, '/', id_len - (size_t)(partition + 1 - id)) : NULL;
    if (!offset)
        return;
    uint64_t key = hash(channel, channel_len) * 31 + hash(id, (size_t)(offset - id));
    int64_t number = strtoll(offset + 1, NULL, 10);
    for (uint64_t i = key;; i++) {
        uint64_t slot = i % ORDER_SLOTS;
        if (sink.order_table[slot].key == 0) {
            sink.order_table[slot].key = key;
        } else if (sink.order_table[slot].key != key) {
            continue;
        } else if (number <= sink.order_table[slot].offset) {
            sink.out_of_order++;
        }
        sink.order_table[slot].offset = number;
        return;
    }
}

static void measure_latency(const char *spec, size_t len)
{
    static const char field[] = "\\\"ts_us\\\":";
    const char *at = memmem(spec, len, field, sizeof(field) - 1);
    if (!at)
        return;
    int64_t us = now_us(CLOCK_REALTIME) - strtoll(at + sizeof(field) - 1, NULL, 10);
    sink.latency_us[us < 0 ? 0 : us >= LATENCY_BUCKETS ? LATENCY_BUCKETS - 1 : us]++;
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}
#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

/* Where the next spec begins, NULL = no more: the bytes {"c stand nowhere else, and sixteen at a
 * time are cheaper than memmem. */
static const char *find_spec(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 18; p += 16) {
        __m128i brace = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i quote = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
        __m128i letter = _mm_loadu_si128((const __m128i *)(const void *)(p + 2));
        int mask = _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(brace, _mm_set1_epi8('{')),
            _mm_and_si128(_mm_cmpeq_epi8(quote, _mm_set1_epi8('"')),
                _mm_cmpeq_epi8(letter, _mm_set1_epi8('c')))));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    return memmem(p, (size_t)(end - p), "{\"c", 3);
}

/* Does this message exceed its channel's rate? */
static bool over_limit(void)
{
    int64_t second = now_us(CLOCK_MONOTONIC) / 1000000;
    if (second != sink.limit_second) {
        sink.limit_second = second;
        sink.limit_taken = 0;
    }
    return ++sink.limit_taken > LIMIT_PER_SECOND;
}

static char *refuse_spec(char *to, const char *channel, size_t len)
{
    sink.refused++;
    to = PUT(to, "{\"successCount\":0,\"failureCount\":1,\"results\":[{\"channel\":\"");
    to = put(to, channel, len);
    return PUT(
        to, "\",\"error\":{\"code\":42913,\"statusCode\":429,\"message\":\"channel rate\"}}]}");
}

/* One answer per spec of the body, in order; returns the end of what was written. */
static char *answer_specs(char *to, const char *body, size_t len)
{
    static const char mark[] = "{\"channels\":[\"", id_mark[] = "\"id\":\"";
    const char *end = body + len, *spec = find_spec(body, end);
    to = PUT(to, "[");
    bool first = true;
    while (spec) {
        const char *channel = spec + sizeof(mark) - 1;
        const char *quote = memchr(channel, '"', (size_t)(end - channel));
        const char *next = find_spec(channel, end);
        size_t spec_len = (size_t)((next ? next : end) - spec);
        const char *id =
            memmem(quote, spec_len - (size_t)(quote - spec), id_mark, sizeof(id_mark) - 1);
        const char *id_end =
            id ? memchr(id + sizeof(id_mark) - 1, '"', (size_t)(end - id) - 6) : NULL;
        if (!first)
            to = PUT(to, ",");
        first = false;
        bool limited = sink.limit && (size_t)(quote - channel) == strlen(sink.limit) &&
                       memcmp(channel, sink.limit, strlen(sink.limit)) == 0;
        if (limited && over_limit()) {
            to = refuse_spec(to, channel, (size_t)(quote - channel));
            spec = next;
            continue;
        }
        to = PUT(to, "{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"");
        to = put(to, channel, (size_t)(quote - channel));
        to = PUT(to, "\",\"messageId\":\"");
        if (id_end) {
            id += sizeof(id_mark) - 1;
            to = put(to, id, (size_t)(id_end - id));
            if (sink.order)
                check_order(channel, (size_t)(quote - channel), id, (size_t)(id_end - id));
        }
        to = PUT(to, "\"}]}");
        if (sink.latency && !limited)
            measure_latency(spec, spec_len);
        *(limited ? &sink.limited : &sink.records) += 1;
        spec = next;
    }
    return PUT(to, "]");
}

/* ---- the same in MessagePack ---- */

/* A text at `p`, behind which *end comes; NULL where none stands there. */
static const char *packed_text(const char *p, size_t *len, const char **end)
{
    unsigned char head = (unsigned char)*p;
    const unsigned char *bytes = (const unsigned char *)p + 1;
    size_t more = head == 0xd9 ? 1 : head == 0xda ? 2 : 0;
    if (more == 0 && (head & 0xe0) != 0xa0)
        return NULL;
    *len = more == 0 ? head & 31u : more == 1 ? bytes[0] : (size_t)bytes[0] << 8 | bytes[1];
    *end = p + 1 + more + *len;
    return p + 1 + more;
}

static char *put_head32(char *to, char head, uint32_t n)
{
    *to++ = head;
    for (int shift = 24; shift >= 0; shift -= 8)
        *to++ = (char)(n >> shift);
    return to;
}

/* Body: dd and four bytes with their number, then the specs, which begin with a map of two members,
 * the first of them "channels". */
static char *answer_packed(char *to, const char *body, size_t len)
{
    static const char mark[] = "\x82\xa8"
                               "channels\x91",
                      id_mark[] = "\xa2id";
    const char *end = body + len, *spec = memmem(body, len, mark, sizeof(mark) - 1);
    char *head = to;
    uint32_t n = 0;
    for (to = put_head32(to, '\xdd', 0); spec; n++) {
        size_t channel_len, id_len;
        const char *channel = spec + sizeof(mark) - 1, *behind;
        if (!packed_text(channel, &channel_len, &behind))
            break;
        const char *id = memmem(behind, (size_t)(end - behind), id_mark, sizeof(id_mark) - 1);
        if (!id || !packed_text(id += sizeof(id_mark) - 1, &id_len, &behind))
            break;
        to = PUT(to, "\x83\xacsuccessCount\x01\xac"
                     "failureCount\x00\xa7results\x91\x82\xa7"
                     "channel");
        to = put(to, channel, channel_len + (size_t)(channel_len > 31 ? 2 : 1));
        to = PUT(to, "\xa9messageId");
        to = put(to, id, id_len + (size_t)(id_len > 31 ? 2 : 1));
        spec = memmem(behind, (size_t)(end - behind), mark, sizeof(mark) - 1);
    }
    put_head32(head, '\xdd', n);
    sink.records += n;
    return to;
}

static uint32_t percentile(double share)
{
    uint64_t total = 0, seen = 0;
    if (!sink.latency)
        return 0; /* going through the buckets would cost more than the records */
    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        total += sink.latency_us[i];
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++)
        if ((seen += sink.latency_us[i]) > (uint64_t)((double)total * share))
            return i;
    return 0;
}

static size_t stats(char *to, size_t size)
{
    return (size_t)snprintf(to, size,
        "{\"requests\":%" PRIu64 ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64
        ",\"out_of_order\":%" PRIu64 ",\"limited\":%" PRIu64 ",\"refused\":%" PRIu64
        ",\"latency_us\":{\"p50\":%u,\"p99\":%u}}",
        sink.requests, sink.records, sink.bytes, sink.out_of_order, sink.limited, sink.refused,
        percentile(0.5), percentile(0.99));
}

static void reset(void)
{
    sink.requests = sink.records = sink.bytes = sink.out_of_order = 0;
    sink.limited = sink.refused = 0;
    memset(sink.order_table, 0, sizeof(sink.order_table));
    memset(sink.latency_us, 0, sizeof(sink.latency_us));
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static bool flush(struct connection *c)
{
    while (c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        c->out_sent += (size_t)n;
    }
    c->out_len = c->out_sent = 0;
    return true;
}

#define HEADER_ROOM 256

/* The body is written behind room for the header, whose length is then known. */
static void respond(struct connection *c, char *body_end, const char *type)
{
    size_t len = (size_t)(body_end - (c->out + HEADER_ROOM));
    char header[HEADER_ROOM];
    int n = snprintf(header, sizeof(header),
        "HTTP/1.1 201 Created\r\nContent-Type: application/%s\r\nContent-Length: %zu\r\n\r\n", type,
        len);
    memmove(c->out + n, c->out + HEADER_ROOM, len);
    memcpy(c->out, header, (size_t)n);
    c->out_len = (size_t)n + len;
    c->out_sent = 0;
}

static bool handle(struct connection *c, const char *head, const char *body, size_t body_len)
{
    char *to = c->out + HEADER_ROOM;
    bool publish = strncmp(head, "POST /messages", 14) == 0;
    bool packed = publish && body_len > 0 && *body == '\xdd';
    if (publish) {
        sink.requests++;
        sink.bytes += body_len;
        to = (packed ? answer_packed : answer_specs)(to, body, body_len);
    } else if (strncmp(head, "POST /reset", 11) == 0) {
        reset();
        to = PUT(to, "{}");
    } else {
        to += stats(to, 1024);
    }
    respond(c, to, packed ? "x-msgpack" : "json");
    if (publish && sink.delay_ms > 0) {
        c->answer_at_us = now_us(CLOCK_MONOTONIC) + sink.delay_ms * 1000;
        c->next_delayed = NULL;
        *sink.delayed_tail = c;
        sink.delayed_tail = &c->next_delayed;
        return true;
    }
    return flush(c);
}

/* Handles a whole request if there is one; false = the connection is over. */
static bool try_request(struct connection *c)
{
    c->in[c->in_len] = '\0';
    char *head_end = strstr(c->in, "\r\n\r\n");
    if (!head_end)
        return c->in_len < BODY_MAX;
    size_t body_len = 0;
    char *length = strcasestr(c->in, "\r\nContent-Length:");
    if (length && length < head_end)
        body_len = strtoull(length + 17, NULL, 10);
    char *body = head_end + 4;
    if (body_len > BODY_MAX - (1 << 16))
        return false;
    if (c->in_len - (size_t)(body - c->in) < body_len)
        return true;
    c->in_len = 0; /* one request at a time: HTTP/1.1 without pipelining */
    return handle(c, c->in, body, body_len);
}

static bool receive(struct connection *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_len, BODY_MAX - c->in_len, 0);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        c->in_len += (size_t)n;
        /* Acknowledge at once, as a real network stack under load does: else a sender waits 40 ms.
         */
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
        if (!try_request(c))
            return false;
    }
}

static void add_connection(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct connection *c = calloc(1, sizeof(*c));
    c->fd = fd;
    c->in = malloc(BODY_MAX + 1);
    c->out = malloc(2 * BODY_MAX);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(sink.epoll, EPOLL_CTL_ADD, fd, &event);
}

static int send_due(void)
{
    while (sink.delayed) {
        struct connection *c = sink.delayed;
        int64_t wait = c->answer_at_us - now_us(CLOCK_MONOTONIC);
        if (wait > 0)
            return (int)(wait / 1000) + 1;
        sink.delayed = c->next_delayed;
        if (!sink.delayed)
            sink.delayed_tail = &sink.delayed;
        c->answer_at_us = 0;
        flush(c);
    }
    return -1;
}

static int listen_loopback(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("bench_sink");
        exit(1);
    }
    printf("PORT %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--delay-ms") == 0 && i + 1 < argc)
            sink.delay_ms = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--limit") == 0 && i + 1 < argc)
            sink.limit = argv[++i];
        else if (strcmp(argv[i], "--latency") == 0)
            sink.latency = true;
        else if (strcmp(argv[i], "--order") == 0)
            sink.order = true;
    }
    signal(SIGPIPE, SIG_IGN);
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_loopback();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(sink.epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(sink.epoll, events, 64, send_due());
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c)
                add_connection(listener);
            else if (c->answer_at_us)
                continue; /* nothing can come before its answer has gone */
            else if (!flush(c))
                drop(c);
            else if (!receive(c))
                drop(c);
        }
    }
}
