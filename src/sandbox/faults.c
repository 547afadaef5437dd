/* See faults.h. The list, and what its faults do to a request that meets them. */
#include "sandbox/faults_inside.h"

#include "base/hash.h"

struct kb_faults *kb_faults_new(void)
{
    struct kb_faults *faults = calloc(1, sizeof(*faults));

    if (faults)
        kb_arena_init(&faults->arena, KB_FAULTS_ARENA_MAX);
    return faults;
}

void kb_faults_clear(struct kb_faults *faults)
{
    for (size_t i = 0; i < faults->n; i++)
        kb_rates_deinit(&faults->list[i].taken);
    free(faults->list);
    faults->list = NULL;
    faults->n = 0;
    kb_arena_reset(&faults->arena);
}

void kb_faults_free(struct kb_faults *faults)
{
    if (!faults)
        return;
    kb_faults_clear(faults);
    kb_arena_deinit(&faults->arena);
    free(faults);
}

/* --- meeting them --- */

static bool active(const struct kb_fault *fault, const struct kb_exchange *x, int64_t now_ms)
{
    if (fault->times != KB_FAULT_FOR_EVER && fault->met >= (uint64_t)fault->times)
        return false;
    if (fault->seconds != KB_FAULT_FOR_EVER && now_ms - fault->set_ms >= fault->seconds * 1000)
        return false;
    return !fault->path.ptr || kb_slice_eq(fault->path, x->path);
}

static struct kb_slice fault_text(const struct kb_fault *fault)
{
    return fault->message.ptr ? fault->message : KB_S("a fault asked for through /_control/faults");
}

/* What a fault does whatever else it does. */
static void meet(struct kb_fault *fault, struct kb_exchange *x)
{
    fault->met++;
    x->delay_ms += fault->delay_ms;
    if (fault->cut != KB_CUT_NONE)
        x->cut = fault->cut;
    for (size_t i = 0; i < fault->n_headers; i++)
        kb_exchange_add_header(x, fault->headers[i].name, fault->headers[i].value);
}

static void refuse_request(const struct kb_fault *fault, struct kb_exchange *x)
{
    kb_exchange_error(x, (int)fault->status, (int)fault->code, KB_FMT, KB_ARG(fault_text(fault)));
    if (fault->code == 42922 || fault->body.ptr)
        kb_buf_reset(&x->answer);
    if (fault->body.ptr) {
        kb_buf_add(&x->answer, fault->body);
        x->n_headers = fault->n_headers; /* nothing of Ably's own */
        x->as_is = true;
    }
    if (fault->type.ptr)
        kb_exchange_set_type(x, fault->type);
}

/* Does it look at specs, one by one, and leave the request alone? */
static bool of_specs(const struct kb_fault *fault)
{
    return fault->channel.ptr || fault->spec != KB_FAULT_ANY_SPEC || fault->rate;
}

/* One more spec for the channel: is it within the fault's rate? */
static bool within_rate(struct kb_fault *fault, struct kb_slice channel, int64_t now_ms)
{
    uint64_t key = kb_hash64(channel, 0);

    if (!fault->rate || kb_rates_room(&fault->taken, key, now_ms) == 0)
        return false;
    kb_rates_take(&fault->taken, key, 1, now_ms);
    return true;
}

bool kb_faults_meet_request(struct kb_faults *faults, struct kb_exchange *x, int64_t now_ms)
{
    for (size_t i = 0; i < faults->n; i++) {
        struct kb_fault *fault = &faults->list[i];
        if (of_specs(fault) || !active(fault, x, now_ms))
            continue;
        meet(fault, x);
        if (fault->status)
            refuse_request(fault, x);
        if (fault->status || fault->cut == KB_CUT_BEFORE)
            return true;
    }
    return false;
}

static bool names_channel(const struct kb_posted *posted, struct kb_slice name)
{
    for (const struct kb_posted_spec *spec = posted->specs; spec; spec = spec->next) {
        for (const struct kb_posted_channel *ch = spec->channels; ch; ch = ch->next) {
            if (kb_slice_eq(ch->name, name))
                return true;
        }
    }
    return false;
}

bool kb_faults_meet_channels(
    struct kb_faults *faults, struct kb_exchange *x, const struct kb_posted *posted, int64_t now_ms)
{
    for (size_t i = 0; i < faults->n; i++) {
        struct kb_fault *fault = &faults->list[i];
        if (!fault->channel.ptr || (fault->status && !fault->whole) || !active(fault, x, now_ms) ||
            !names_channel(posted, fault->channel))
            continue;
        meet(fault, x);
        if (fault->whole)
            refuse_request(fault, x);
        if (fault->whole || fault->cut == KB_CUT_BEFORE)
            return true;
    }
    return false;
}

struct kb_refusal kb_faults_meet_spec(struct kb_faults *faults, struct kb_exchange *x, size_t spec,
    struct kb_slice channel, int64_t now_ms)
{
    for (size_t i = 0; i < faults->n; i++) {
        struct kb_fault *fault = &faults->list[i];
        if (!of_specs(fault) || !fault->status || fault->whole || !active(fault, x, now_ms))
            continue;
        if (fault->channel.ptr && !kb_slice_eq(fault->channel, channel))
            continue;
        if (fault->spec != KB_FAULT_ANY_SPEC && (size_t)fault->spec != spec)
            continue;
        if (fault->rate && (spec == KB_FAULTS_NO_SPEC || within_rate(fault, channel, now_ms)))
            continue;
        meet(fault, x);
        return (struct kb_refusal){(int)fault->status, (int)fault->code, fault_text(fault)};
    }
    return (struct kb_refusal){0};
}
