/* Functions that mean harm, in a file of their own each: what the tests of them share.
 *
 *     static const struct hostile rows[] = {{"loop", "while true do end", "still running after"}};
 *     assert_int_equal(hostile_try(rows, KB_COUNT(rows), HOSTILE_MEMORY), 0);
 *
 * or one by one: hostile_load, hostile_route, routed_unload. The record with the key "good" is the
 * one that passes. */
#ifndef KABLY_TESTS_HOSTILE_H
#define KABLY_TESTS_HOSTILE_H

#include "support/routed.h"

#include <time.h>

#define HOSTILE_MEMORY (8 << 20)
#define HOSTILE_MS 20
/* What a function in C may do beyond its budget until it looks at the clock, and what lies outside
 * of it: the collector's work, the next record. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOSTILE_CPU_MS (50 * HOSTILE_MS)
#else
#define HOSTILE_CPU_MS (10 * HOSTILE_MS)
#endif
#define HOSTILE_VALUE "{\"l\":[1,2,3],\"a\":\"x\"}"

struct hostile {
    const char *name, *body;
    const char *says; /* "" = whatever */
};

static inline void hostile_load(
    struct routed *routed, size_t memory, int ms, const char *first, const char *body)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n"
                    "ably { key = 'app.id:secret' } limits { hook_memory = %zu, hook_ms = %d }\n"
                    "%s topic 'orders' { channel = 'c', transform = function(record)\n"
                    "if record.key == 'good' then return record end\n"
                    "do %s end end }",
                    memory, ms, first, body) > 0);
    routed_load(routed, kb_slice_of(text));
    free(text);
}

static inline enum kb_route_result hostile_route(
    struct routed *routed, const char *key, struct kb_err *err)
{
    const struct kb_record rec = {
        .topic = KB_S("orders"), .key = kb_slice_of(key), .value = KB_S(HOSTILE_VALUE)};
    return routed_route(routed, &rec, err);
}

static inline double cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static inline bool hostile_complain(const struct hostile *row, const char *what, const char *got)
{
    print_error("%s: %s: %s\n", row->name, what, got);
    return false;
}

/* The bad record fails as it should, the good one behind it goes its way. */
static inline bool hostile_try_one(struct routed *routed, const struct hostile *row, size_t memory)
{
    struct kb_err err = {0};
    double begun = cpu_ms();
    if (hostile_route(routed, "bad", &err) != KB_FAILED)
        return hostile_complain(row, "it did not fail", row->body);
    double took = cpu_ms() - begun;
    if (took > HOSTILE_CPU_MS) {
        print_error("%s: %.0f ms of CPU time, at most %d\n", row->name, took, HOSTILE_CPU_MS);
        return false;
    }
    if (err.class != KB_ERR_RECORD || err.failure != KB_FAILURE_HOOK ||
        !strstr(err.text, row->says) || strncmp(err.text, "transform: ", 11) != 0)
        return hostile_complain(row, row->says, err.text);
    if (kb_script_memory(kb_hooks_script(routed->hooks)) > memory)
        return hostile_complain(row, "holds more memory than it may", "");
    if (hostile_route(routed, "good", &err) != KB_ROUTED)
        return hostile_complain(row, "the next record failed", err.text);
    struct kb_slice data = routed->router.messages[0].data.bytes;
    return kb_slice_is(data, HOSTILE_VALUE) ||
           hostile_complain(row, "the next record's data", "changed");
}

static inline size_t hostile_try(const struct hostile *some, size_t n, size_t memory)
{
    size_t failed = 0;
    for (const struct hostile *row = some; row < some + n; row++) {
        struct routed routed = {0};
        hostile_load(&routed, memory, HOSTILE_MS, "", row->body);
        bool ok = hostile_try_one(&routed, row, memory) && hostile_try_one(&routed, row, memory);
        failed += !ok;
        routed_unload(&routed);
    }
    return failed;
}

#endif
