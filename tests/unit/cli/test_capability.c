/* Which channels a capability lets one publish to. */
#include "cli/capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_may_be_published_to(void **state)
{
    static const struct {
        const char *capability, *channel;
        bool whole, beginning; /* as a channel, as the beginning of one */
    } cases[] = {
        {"{\"*\":[\"*\"]}", "orders:7", true, true},
        {"{\"*\":[\"publish\"]}", "", true, true},
        {"{\"*\":[\"subscribe\",\"history\"]}", "orders:7", false, false},
        {"{\"orders:*\":[\"subscribe\",\"publish\"]}", "orders:7", true, true},
        {"{\"orders:*\":[\"publish\"]}", "orders:", true, true},
        {"{\"orders:*\":[\"publish\"]}", "ord", false, true},
        {"{\"orders:*\":[\"publish\"]}", "", false, true},
        {"{\"orders:*\":[\"publish\"]}", "user:", false, false},
        {"{\"orders\":[\"publish\"]}", "orders", true, true},
        {"{\"orders\":[\"publish\"]}", "orders:7", false, false},
        {"{\"orders\":[\"publish\"]}", "or", false, true},
        {"{\"user:*\":[\"publish\"],\"orders\":[\"*\"]}", "orders", true, true},
        {"{\"orders\":[\"subscribe\"],\"user:*\":[\"publish\"]}", "orders", false, false},
        {"{\"[*]*\":[\"*\"]}", "orders", true, true},
        {"{\"[meta]log\":[\"publish\"]}", "orders", false, false},
        {"{\"\":[\"publish\"]}", "orders", false, false},
        {"{}", "orders", false, false},
        {"[]", "orders", false, false},
        {"{\"orders\":\"publish\"}", "orders", false, false},
    };
    (void)state;
    struct kb_arena arena;
    struct kb_err err;
    kb_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        const struct kb_json_node *doc =
            kb_json_tree(kb_slice_of(cases[i].capability), &arena, &err);
        assert_non_null(doc);
        struct kb_slice channel = kb_slice_of(cases[i].channel);
        if (kb_capability_publishes(doc, channel, true) != cases[i].whole ||
            kb_capability_publishes(doc, channel, false) != cases[i].beginning)
            fail_msg("%s for %s", cases[i].capability, cases[i].channel);
    }
    assert_false(kb_capability_publishes(NULL, KB_S("orders"), true));
    kb_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_may_be_published_to)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
