/* A configuration's way with records, as a worker has it: the text is loaded, its functions are
 * taken, records are routed.
 *
 *     struct routed routed;
 *     routed_load(&routed, KB_S("kafka {} ..."));        // fails the test where it is no good
 *     result = routed_route(&routed, &rec, &err);        // routed.router.messages
 *     routed_unload(&routed);
 */
#ifndef KB_TESTS_SUPPORT_ROUTED_H
#define KB_TESTS_SUPPORT_ROUTED_H

#include "config/config.h"
#include "route/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct routed {
    struct kb_config *config;
    struct kb_hooks *hooks;
    struct kb_router router;
};

static inline void routed_load(struct routed *routed, struct kb_slice text)
{
    struct kb_problems problems;
    struct kb_err err;
    kb_problems_init(&problems);
    routed->config = kb_config_load_text("hooks.lua", text, &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    assert_non_null(routed->config);
    if (!kb_config_hooks(routed->config, &routed->hooks, &err))
        fail_msg("%s", err.text);
    assert_true(kb_router_init(&routed->router, KB_S("MkU3OEVBNTcwNTJENDM2Qg")));
    kb_router_set_hooks(&routed->router, routed->hooks);
}

static inline enum kb_route_result routed_route(
    struct routed *routed, const struct kb_record *rec, struct kb_err *err)
{
    const struct kb_rules *rules = kb_config_rules(routed->config, rec->topic);
    assert_non_null(rules);
    return kb_route(&routed->router, rules, rec, err);
}

static inline void routed_unload(struct routed *routed)
{
    kb_router_deinit(&routed->router);
    kb_hooks_free(routed->hooks);
    kb_config_unref(routed->config);
}

#endif
