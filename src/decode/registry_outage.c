/* See registry_outage.h. */
#include "decode/registry_outage.h"

#include <inttypes.h>

void kb_registry_outage_fails(struct kb_registry_outage *outage, int64_t now_ms,
    const struct kb_err *err, const char *url, const char *what)
{
    uint64_t suppressed;
    if (!outage->on)
        outage->since_ms = now_ms;
    if (!outage->on || outage->reason != err->code)
        outage->told = false;
    outage->on = true;
    outage->tries++;
    outage->reason = err->code;
    snprintf(outage->text, sizeof(outage->text), "%.150s: %.50s: %.300s", url, what, err->text);
    if (outage->told || !kb_log_repeat(&outage->warned, now_ms, &suppressed))
        return;
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
