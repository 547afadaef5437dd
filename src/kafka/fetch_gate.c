/* See fetch_gate.h. The library asks interceptors not to block; this one does, on purpose and
 * within bounds: a broker's thread that waits here delays nothing but that broker's next answers,
 * by less than a slow network would. */
#include "kafka/fetch_gate.h"

#include <time.h>

enum { FETCH_API = 1, STEP_MS = 2 };

bool kb_fetch_gate_needed(void)
{
    return rd_kafka_version() < 0x02020000;
}

/* Relaxed: a value that is a turn old does no harm. */
static bool shut(struct kb_fetch_gate *gate)
{
    return atomic_load_explicit(&gate->queued, memory_order_relaxed) >
               atomic_load_explicit(&gate->limit, memory_order_relaxed) &&
           !atomic_load_explicit(&gate->open, memory_order_relaxed);
}

int kb_fetch_gate_wait(struct kb_fetch_gate *gate)
{
    static const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    int steps = 0;
    for (; steps < KB_FETCH_GATE_STEPS && shut(gate); steps++)
        nanosleep(&step, NULL);
    return steps;
}

static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int fd, const char *broker, int32_t id,
    int16_t api, int16_t version, int32_t correlation, size_t size, int64_t rtt,
    rd_kafka_resp_err_t code, void *opaque)
{
    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)correlation;
    (void)size, (void)rtt, (void)code;
    if (api == FETCH_API)
        kb_fetch_gate_wait(opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(
    rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t why_size)
{
    (void)conf, (void)why, (void)why_size;
    return rd_kafka_interceptor_add_on_response_received(rk, "fetch gate", on_response, opaque);
}

void kb_fetch_gate_attach(rd_kafka_conf_t *conf, struct kb_fetch_gate *gate, size_t limit)
{
    atomic_store(&gate->limit, limit);
    if (limit > 0)
        rd_kafka_conf_interceptor_add_on_new(conf, "fetch gate", on_new, gate);
}

void kb_fetch_gate_limit(struct kb_fetch_gate *gate, size_t limit)
{
    atomic_store_explicit(&gate->limit, limit, memory_order_relaxed);
}

void kb_fetch_gate_note(struct kb_fetch_gate *gate, size_t queued)
{
    atomic_store_explicit(&gate->queued, queued, memory_order_relaxed);
}

void kb_fetch_gate_open(struct kb_fetch_gate *gate)
{
    atomic_store_explicit(&gate->open, true, memory_order_relaxed);
}
