/* The outage's states; see gate.h. Every change of state is in enter(). publisher.c is the caller,
 * and writes the log lines. */
#include "ably/gate.h"

#include "base/backoff.h"
#include "base/compiler.h"

static void enter(struct kb_gate *gate, enum kb_gate_state state)
{
    gate->state = state;
    gate->probing = false;
    if (state == KB_GATE_CLOSED)
        gate->epoch++;
    if (state == KB_GATE_OPEN) {
        gate->attempts = 0;
        gate->text[0] = '\0';
    }
}

void kb_gate_init(struct kb_gate *gate)
{
    *gate = (struct kb_gate){.state = KB_GATE_OPEN};
}

int64_t kb_gate_ready_ms(const struct kb_gate *gate)
{
    if (gate->state == KB_GATE_CLOSED)
        return gate->until_ms;
    return gate->probing ? INT64_MAX : INT64_MIN;
}

uint64_t kb_gate_sent(struct kb_gate *gate)
{
    KB_BUG_ON(gate->probing);
    if (gate->state == KB_GATE_CLOSED)
        enter(gate, KB_GATE_HALF_OPEN);
    gate->probing = gate->state == KB_GATE_HALF_OPEN;
    return gate->epoch;
}

bool kb_gate_outage(const struct kb_gate *gate)
{
    return gate->state != KB_GATE_OPEN;
}

bool kb_gate_refusing(const struct kb_gate *gate)
{
    return gate->refusals >= KB_GATE_REFUSALS_MAX;
}

bool kb_gate_failed(struct kb_gate *gate, uint64_t epoch, int64_t now_ms, int retry_after_ms,
    uint64_t random, const char *text)
{
    if (epoch != gate->epoch)
        return false; /* sent before the gate closed: its failure is already known */
    if (gate->state == KB_GATE_OPEN)
        gate->since_ms = now_ms;
    gate->attempts++;
    int wait =
        kb_backoff_delay_ms(gate->attempts, KB_GATE_WAIT_MIN_MS, KB_GATE_WAIT_MAX_MS, random);
    if (retry_after_ms > KB_GATE_RETRY_AFTER_MAX_MS)
        retry_after_ms = KB_GATE_RETRY_AFTER_MAX_MS;
    gate->until_ms = now_ms + (wait > retry_after_ms ? wait : retry_after_ms);
    snprintf(gate->text, sizeof(gate->text), "%s", text);
    enter(gate, KB_GATE_CLOSED);
    return true;
}

bool kb_gate_answered(struct kb_gate *gate, uint64_t epoch, bool accepted)
{
    bool refusing = kb_gate_refusing(gate);
    if (accepted)
        gate->refusals = 0;
    if (gate->state == KB_GATE_OPEN)
        return false;
    bool probe = gate->state == KB_GATE_HALF_OPEN && epoch == gate->epoch;
    if (refusing ? !accepted : !probe)
        return false;
    enter(gate, KB_GATE_OPEN);
    return true;
}

void kb_gate_hurry(struct kb_gate *gate, int64_t now_ms)
{
    if (gate->state == KB_GATE_CLOSED && gate->until_ms > now_ms)
        gate->until_ms = now_ms;
}

bool kb_gate_refused(struct kb_gate *gate)
{
    if (kb_gate_refusing(gate))
        return false;
    gate->refusals++;
    return true;
}
