/* A kb_service with a clock that stands still until it is moved, called without any network.
 *
 *     by_hand_start(&(struct kb_service_options){0});
 *     by_hand("POST", "/messages", "[...]");         // the answer is in by_hand_x
 *     by_hand_end();
 */
#ifndef KB_TESTS_SANDBOX_BY_HAND_H
#define KB_TESTS_SANDBOX_BY_HAND_H

#include "sandbox/service.h"

#include "support/prop.h"

#define BY_HAND_KEY "YXBwLmtleTpzZWNyZXQ=" /* app.key:secret */
#define BY_HAND_WALL INT64_C(1700000000000)

static struct kb_service *by_hand_service;
static struct kb_exchange by_hand_x;
static int64_t by_hand_now;
static struct {
    const char *authorization, *version, *content_type, *client_id, *last_event, *accept,
        *query[8][2];
} by_hand_request;

static int64_t by_hand_now_ms(struct kb_clock *clock)
{
    (void)clock;
    return by_hand_now;
}

static int64_t by_hand_wall_ms(struct kb_clock *clock)
{
    (void)clock;
    return BY_HAND_WALL + by_hand_now;
}

static const char *by_hand_header(struct kb_exchange *x, const char *name)
{
    (void)x;
    if (strcmp(name, "Authorization") == 0)
        return by_hand_request.authorization;
    if (strcmp(name, "X-Ably-Version") == 0)
        return by_hand_request.version;
    if (strcmp(name, "Content-Type") == 0)
        return by_hand_request.content_type;
    if (strcmp(name, "Accept") == 0)
        return by_hand_request.accept;
    if (strcmp(name, "Last-Event-ID") == 0)
        return by_hand_request.last_event;
    return strcmp(name, "X-Ably-ClientId") == 0 ? by_hand_request.client_id : NULL;
}

static const char *by_hand_query(struct kb_exchange *x, const char *name)
{
    (void)x;
    for (size_t i = 0; i < KB_COUNT(by_hand_request.query); i++) {
        if (by_hand_request.query[i][0] && strcmp(by_hand_request.query[i][0], name) == 0)
            return by_hand_request.query[i][1];
    }
    return NULL;
}

static void by_hand_usual_request(void)
{
    memset(&by_hand_request, 0, sizeof(by_hand_request));
    by_hand_request.authorization = "Basic " BY_HAND_KEY;
    by_hand_request.version = "6";
    by_hand_request.content_type = "application/json";
}

static void by_hand_start(const struct kb_service_options *options)
{
    static struct kb_clock clock = {by_hand_now_ms, by_hand_wall_ms};
    static const struct kb_exchange_lookup lookup = {by_hand_header, by_hand_query};
    struct kb_service_options with_clock = *options;
    struct kb_err err;

    by_hand_now = 0;
    with_clock.clock = &clock;
    by_hand_service = kb_service_new(&with_clock, &err);
    assert_non_null(by_hand_service);
    kb_exchange_init(&by_hand_x, &lookup);
    by_hand_usual_request();
}

static void by_hand_end(void)
{
    kb_exchange_deinit(&by_hand_x);
    kb_service_free(by_hand_service);
}

static void by_hand_bytes(const char *method, const char *path, struct kb_slice body)
{
    kb_exchange_begin(&by_hand_x, kb_slice_of(method), kb_slice_of(path));
    kb_exchange_body(&by_hand_x, body);
    kb_service_handle(by_hand_service, &by_hand_x);
}

static inline void by_hand(const char *method, const char *path, const char *body)
{
    by_hand_bytes(method, path, kb_slice_of(body));
}

/* Forgets the query, then "name", "value" of each parameter until NULL. */
static inline void by_hand_set_query(const char *name, ...)
{
    va_list more;

    memset(by_hand_request.query, 0, sizeof(by_hand_request.query));
    va_start(more, name);
    for (size_t i = 0; name; i++, name = va_arg(more, const char *)) {
        assert_true(i < KB_COUNT(by_hand_request.query));
        by_hand_request.query[i][0] = name;
        by_hand_request.query[i][1] = va_arg(more, const char *);
    }
    va_end(more);
}

static inline bool by_hand_holds(const char *text)
{
    struct kb_slice answer = kb_buf_slice(&by_hand_x.answer);

    return memmem(answer.ptr, answer.len, text, strlen(text)) != NULL;
}

/* The answer must hold `expected`; prints both where it does not. */
#define assert_answer(...)                                                 \
    check_answer(__FILE__, __LINE__, __VA_ARGS__) /* status, expected text \
                                                   */

static inline void check_answer(const char *file, int line, int status, const char *expected)
{
    struct kb_slice answer = kb_buf_slice(&by_hand_x.answer);

    if (by_hand_x.status == status && by_hand_holds(expected))
        return;
    print_error("status %d, \"" KB_FMT "\"\nshould be %d with \"%s\"\n", by_hand_x.status,
        KB_ARG(answer), status, expected);
    _fail(file, line);
}

#endif
