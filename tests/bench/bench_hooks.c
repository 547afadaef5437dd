/* What a function costs alone: one JSON record through decoding and routing, without Kafka or HTTP,
 * with and without functions in its topic's block.
 *
 *     bench_hooks [RECORDS [ROW]]   -> "read a field: 0.45 us/record, 0.26 more than none"
 *
 * Each row, or the one whose name begins with ROW: a profiler wants it alone.
 *
 * The least of many short runs: what else the machine does makes a run longer, never shorter. */
#include "config/config.h"
#include "route/route.h"

#include <stdio.h>
#include <time.h>

#define RUNS 50
#define KEYS 10000 /* one after the other: what a function makes of a record is new to Lua */

static const struct {
    const char *name, *block;
} rows[] = {
    {"none", "channel = 'bench'"},
    {"template", "channel = 'user:#{value.city}'"},
    {"read a field", "channel = function(record) return 'user:' .. record.key .. ':' .. "
                     "record.value.city end"},
    {"return the record", "channel = 'bench', transform = function(record) return record end"},
    {"set and remove fields",
        "channel = 'bench', transform = function(record) local value = record.value value.note = "
        "nil value.ts_us = nil value.country = 'PT' value.total = value.total + 1 return record "
        "end"},
    {"two messages", "channel = 'bench', transform = function(record) return { record, { channel = "
                     "'copy' } } end"},
    {"a push", "channel = 'bench', push = function(record) return { notification = { title = "
               "record.key, body = record.value.city } } end"},
};

static const char value[] =
    "{\"id\":1234567,\"user\":4711,\"city\":\"Lisboa\",\"total\":12,\"ts_us\":1767225600000000,"
    "\"items\":[{\"sku\":\"a-1\",\"n\":2},{\"sku\":\"b-22\",\"n\":1}],\"note\":\"leave at the "
    "door, please\",\"paid\":true,\"address\":{\"street\":\"Rua Augusta 1\",\"zip\":\"1100\"}}";

static struct kb_slice keys[KEYS];

static void make_keys(void)
{
    static char texts[KEYS][8];
    for (int i = 0; i < KEYS; i++)
        keys[i] =
            (struct kb_slice){texts[i], (size_t)snprintf(texts[i], sizeof(texts[i]), "k%d", i)};
}

static double cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static struct kb_config *load(const char *block)
{
    char text[1024];
    struct kb_problems problems;
    snprintf(text, sizeof(text),
        "kafka { ['bootstrap.servers'] = 'b', ['group.id'] = 'g' } ably { key = 'a.b:c' }\n"
        "topic 't' { key = 'string', value = 'json', %s }\n",
        block);
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load_text("bench.lua", kb_slice_of(text), &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    KB_BUG_ON(!config);
    return config;
}

static double measure(const char *block, long records)
{
    struct kb_record rec = {.topic = KB_S("t"), .value = kb_slice_of(value)};
    struct kb_config *config = load(block);
    struct kb_hooks *hooks;
    struct kb_router router;
    struct kb_err err;
    double least = 1e18;
    KB_BUG_ON(!kb_config_hooks(config, &hooks, &err) || !kb_router_init(&router, KB_S("x")));
    kb_router_set_hooks(&router, hooks);
    for (int run = 0; run < RUNS; run++) {
        double begun = cpu_us();
        for (long i = 0; i < records / RUNS; i++) {
            rec.key = keys[i % KEYS];
            KB_BUG_ON(kb_route(&router, &config->topics[0], &rec, &err) != KB_ROUTED);
        }
        double took = cpu_us() - begun;
        least = took < least ? took : least;
    }
    kb_router_deinit(&router);
    kb_hooks_free(hooks);
    kb_config_unref(config);
    return least / (double)(records / RUNS);
}

int main(int argc, char **argv)
{
    long records = argc > 1 ? strtol(argv[1], NULL, 10) : 500000;
    if (records < RUNS) {
        fprintf(stderr, "usage: bench_hooks [RECORDS [ROW]]\n");
        return 2;
    }
    make_keys();
    const char *only = argc > 2 ? argv[2] : "";
    double none = 0;
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        if (strncmp(rows[i].name, only, strlen(only)) != 0)
            continue;
        double us = measure(rows[i].block, records);
        none = i == 0 || *only ? us : none;
        printf("%s: %.2f us/record, %.2f more than none\n", rows[i].name, us, us - none);
    }
    return 0;
}
