/* See registry_outage.h. */
#include "decode/registry_outage.h"

#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_SHOWN 300

/* The same for texts that differ in their numbers alone: milliseconds, ports. */
static uint64_t reason_of(const char *text)
{
    char letters[TEXT_SHOWN];
    size_t n = 0;
    for (; *text && n < sizeof(letters); text++)
        if (*text < '0' || *text > '9')
            letters[n++] = *text;
    return kb_hash64((struct kb_slice){letters, n}, 0);
}

void kb_registry_outage_fails(struct kb_registry_outage *outage, int64_t now_ms,
    const struct kb_err *err, const char *url, const char *what)
{
    uint64_t suppressed, reason = reason_of(err->text);
    if (!outage->on)
        outage->since_ms = now_ms;
    if (!outage->on || outage->reason != reason)
        outage->news = true;
    outage->on = true;
    outage->tries++;
    outage->reason = reason;
    snprintf(outage->text, sizeof(outage->text), "%.150s: %.50s: %.300s", url, what, err->text);
    if (!outage->news || !kb_log_repeat(&outage->warned, now_ms, &suppressed))
        return;
    outage->news = false;
    outage->told = true;
    kb_log_warn("registry",
        "%s; the partitions that need it wait, nothing is lost, it is asked again until it answers "
        "(%" PRIu64 " like it not shown)",
        outage->text, suppressed);
}

void kb_registry_outage_ends(struct kb_registry_outage *outage, int64_t now_ms, const char *url)
{
    if (outage->told)
        kb_log_info("registry", "%s answers again after %.1f s and %u tries", url,
            (double)(now_ms - outage->since_ms) / 1000.0, outage->tries);
    outage->on = outage->told = false;
    outage->tries = 0;
    outage->text[0] = '\0';
}
