/* See outside.h. Called by preview.c and by the parts of `check --online`. Both doors share one
 * loop, Ably's, so one wait serves either. */
#include "cli/outside.h"

#include "base/clock.h"
#include "pipeline/settings.h"

#include <string.h>

#define WAIT_MS 50

bool kb_outside_open(struct kb_outside *outside, const struct kb_config *config, struct kb_err *err)
{
    const struct kb_curl_options ably = kb_settings_ably_curl(config);
    const struct kb_curl_options registry = kb_settings_registry_curl(config);
    const struct kb_registry_options schemas = kb_settings_registry(config);
    *outside = (struct kb_outside){.schemas = NULL};
    if (!kb_curl_global_init(err))
        return false;
    outside->ably = kb_curl_new(&ably, err);
    if (outside->ably)
        outside->registry = kb_curl_beside(outside->ably, &registry, err);
    if (!outside->registry || !schemas.urls)
        return outside->registry != NULL;
    outside->schemas = kb_schemas_new(&schemas, outside->registry, kb_random_system(), err);
    return outside->schemas != NULL;
}

void kb_outside_close(struct kb_outside *outside)
{
    kb_schemas_free(outside->schemas);
    kb_curl_free(outside->registry);
    kb_curl_free(outside->ably);
}

static bool stopped(const struct kb_outside *outside)
{
    return outside->stopped && *outside->stopped;
}

void kb_outside_ask(struct kb_outside *outside, struct kb_transport *door,
    struct kb_http_request *reqs, size_t n, kb_outside_take *take, void *context)
{
    size_t flying = 0;
    for (size_t i = 0; i < n; i++) {
        reqs[i].reply = (struct kb_http_reply){.status = 0};
        reqs[i].headers_version = ++outside->asked;
        if (door->ops->submit(door, &reqs[i], &reqs[i].reply.err))
            flying++;
        else
            take(context, &reqs[i]);
    }
    while (flying > 0) {
        struct kb_http_request *done = door->ops->done(door);
        if (!done) {
            kb_curl_wait(outside->ably, NULL, 0, WAIT_MS);
            continue;
        }
        take(context, done);
        flying--;
    }
}

const char *kb_outside_why(const struct kb_http_request *req)
{
    const char *text = req->reply.err.text, *host = strstr(req->url, "://");
    size_t len = host ? strcspn(host + 3, "/?#") : 0;
    bool named = len > 0 && strncmp(text, host + 3, len) == 0 && strncmp(text + len, ": ", 2) == 0;
    return named ? text + len + 2 : text;
}

bool kb_outside_schema(struct kb_outside *outside, uint64_t changes, struct kb_err *err)
{
    int64_t begun = kb_system_now_ms(), now = begun;
    struct kb_schemas_status status;
    for (;; now = kb_system_now_ms()) {
        kb_schemas_step(outside->schemas, now);
        if (kb_schemas_changes(outside->schemas) != changes)
            return true;
        status = kb_schemas_status(outside->schemas);
        int64_t most = status.outage ? KB_OUTSIDE_OUTAGE_MS : KB_OUTSIDE_SCHEMA_MS;
        if (now - begun >= most || stopped(outside))
            break;
        kb_curl_wait(outside->ably, NULL, 0, WAIT_MS);
    }
    return kb_err_outage(err,
        "the schema registry gives no schema: %s; see that it runs and that registry { url, auth "
        "} are right, `kably check --online` asks it",
        status.outage ? status.outage_text : "no answer yet");
}
