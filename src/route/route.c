/* A record's way to its messages; see route.h, and route_inside.h for its parts. Called by the
 * pipeline once a record, on the worker's thread. */
#include "route/route.h"

#include "base/hash.h"
#include "decode/decoder.h"
#include "route/null_value.h"
#include "route/route_inside.h"

#define ARENA_MAX (64 << 20) /* fields that templates read, texts of several messages */

/* ---- a worker's router ---- */

bool kb_router_init(struct kb_router *router, struct kb_slice cluster_id)
{
    *router = (struct kb_router){0};
    kb_arena_init(&router->arena, ARENA_MAX);
    kb_buf_init(&router->text, KB_ROUTE_TEXT_MAX);
    kb_buf_init(&router->scratch, KB_ROUTE_TEXT_MAX);
    kb_buf_init(&router->key_text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&router->value_text, KB_DECODE_TEXT_MAX);
    kb_router_set_cluster(router, cluster_id);
    router->push_paths = kb_push_paths_new();
    /* Reserved now (untouched pages cost nothing): so a text stays where it was rendered, and a
     * full buffer can mean one thing only: this record's texts are too long. */
    if (router->push_paths && kb_buf_reserve(&router->text, KB_ROUTE_TEXT_MAX) &&
        kb_router_reserve(router, 1))
        return true;
    kb_router_deinit(router);
    return false;
}

void kb_router_deinit(struct kb_router *router)
{
    kb_arena_deinit(&router->arena);
    kb_buf_deinit(&router->text);
    kb_buf_deinit(&router->scratch);
    kb_buf_deinit(&router->key_text);
    kb_buf_deinit(&router->value_text);
    kb_paths_free(router->push_paths);
    router->push_paths = NULL;
    free(router->list);
    router->list = NULL;
    router->list_cap = 0;
    router->messages = NULL;
    router->n_messages = 0;
}

void kb_router_set_hooks(struct kb_router *router, struct kb_hooks *hooks)
{
    router->hooks = hooks;
}

void kb_router_set_cluster(struct kb_router *router, struct kb_slice cluster_id)
{
    router->cluster_hash = cluster_id.len > 0 ? kb_hash64_stable(cluster_id) : 0;
}

/* ---- a record ---- */

/* A template that is a function. */
static bool call_text(void *self, size_t number, struct kb_buf *out, struct kb_err *err)
{
    const struct kb_routing *r = self;
    return kb_hooks_text(r->router->hooks, r->rules->number, number, r->message, out, err);
}

/* The same within a table: any value. */
static bool call_json(void *self, size_t number, struct kb_buf *out, struct kb_err *err)
{
    const struct kb_routing *r = self;
    return kb_hooks_json(r->router->hooks, r->rules->number, number, r->message, out, err);
}

static void routing_init(struct kb_routing *r, struct kb_router *router,
    const struct kb_rules *rules, const struct kb_record *rec)
{
    *r = (struct kb_routing){.router = router, .rules = rules, .rec = *rec};
    r->calls = (struct kb_template_calls){.json = call_json, .text = call_text, .self = r};
    r->in = (struct kb_template_input){
        .record = &r->rec, .key = &r->key_fields, .value = &r->value_fields, .calls = &r->calls};
}

/* KB_ROUTED = it goes on. */
static enum kb_route_result decide_null(enum kb_null_value decided, struct kb_err *err)
{
    switch (decided) {
    case KB_NULL_SKIP:
        return KB_DROPPED;
    case KB_NULL_DLQ:
        kb_err_record(err, KB_FAILURE_DECODE, "the value is null (null_value = \"dlq\")");
        return KB_DEAD_LETTER;
    case KB_NULL_PUBLISH:
        break;
    }
    return KB_ROUTED;
}

static enum kb_route_result ask_null(const struct kb_routing *r, struct kb_err *err)
{
    enum kb_null_value decided;
    if (!kb_null_value_ask(r->router->hooks, r->rules, &decided, err))
        return KB_FAILED;
    return decide_null(decided, err);
}

static enum kb_route_result make_messages(
    struct kb_routing *r, const struct kb_hook_message *own, size_t n, struct kb_err *err)
{
    r->in.whole_key = r->key;
    r->in.whole_value = r->value;
    return kb_routing_list(r, own, n, err) ? KB_ROUTED : KB_FAILED;
}

/* What transform left becomes the record on its way. */
static bool take_transformed(struct kb_routing *r, struct kb_err *err)
{
    const struct kb_hook_record *left = kb_hooks_record(r->router->hooks);
    r->rec = left->record;
    r->key = left->key;
    r->value = left->value;
    return kb_routing_capture(r, err);
}

static const struct kb_hook_message nothing_own = {0};

static enum kb_route_result route_transformed(struct kb_routing *r, struct kb_err *err)
{
    struct kb_hooks *hooks = r->router->hooks;
    const struct kb_hook_message *own = &nothing_own;
    size_t n = 1;
    switch (kb_hooks_transform(hooks, r->rules->number, err)) {
    case KB_HOOK_DROP:
        return KB_DROPPED;
    case KB_HOOK_FAILED:
        return KB_FAILED;
    case KB_HOOK_MESSAGES:
        own = kb_hooks_messages(hooks, &n);
        break;
    case KB_HOOK_RECORD:
        break;
    }
    return take_transformed(r, err) ? make_messages(r, own, n, err) : KB_FAILED;
}

static enum kb_route_result route_record(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    struct kb_routing r;
    routing_init(&r, router, rules, rec);
    if (!kb_routing_decode(&r, err))
        return err->class == KB_ERR_OUTAGE ? KB_WAITS : KB_FAILED;
    if (rules->n_functions > 0) {
        KB_BUG_ON(!router->hooks);
        kb_hooks_begin(router->hooks, rec, r.key, r.value, &router->members);
    }
    if (!rec->value.ptr && kb_routing_has(&r, KB_HOOK_NULL_VALUE)) {
        enum kb_route_result result = ask_null(&r, err);
        if (result != KB_ROUTED)
            return result;
    }
    if (kb_routing_has(&r, KB_HOOK_TRANSFORM))
        return route_transformed(&r, err);
    return make_messages(&r, &nothing_own, 1, err);
}

enum kb_route_result kb_route(struct kb_router *router, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err)
{
    kb_arena_reset(&router->arena);
    kb_buf_reset(&router->text);
    router->n_messages = 0;
    if (!rec->value.ptr && rules->null_value != KB_NULL_PUBLISH)
        return decide_null(rules->null_value, err);
    return route_record(router, rules, rec, err);
}
