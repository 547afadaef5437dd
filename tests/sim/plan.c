/* The plan of one seed's world (plan.h), and the configuration file it stands for. */
#include "plan.h"

#include "ably.h"
#include "kafka.h"
#include "registry.h"

static int64_t one_of(struct sim *sim, const int64_t *choices, size_t n)
{
    return choices[sim_between(sim, 0, (int64_t)n - 1)];
}

#define ONE_OF(sim, ...) \
    one_of(sim, (const int64_t[]){__VA_ARGS__}, KB_COUNT(((const int64_t[]){__VA_ARGS__})))

static void plan_policy(struct sim *sim, struct sim_plan *plan)
{
    bool may_stop = sim_chance(sim, 150);
    plan->dead_letters = sim_chance(sim, 700);
    for (int i = 0; i < KB_FAILURE_COUNT; i++) {
        enum kb_action action = KB_ACTION_SKIP;
        if (may_stop && sim_chance(sim, 400))
            action = KB_ACTION_STOP;
        else if (plan->dead_letters && sim_chance(sim, 700))
            action = KB_ACTION_DLQ;
        plan->now.action[i] = action;
        plan->stops = plan->stops || action == KB_ACTION_STOP;
    }
    plan->tombstones_dlq = plan->dead_letters && sim_chance(sim, 300);
    plan->tombstones_skipped = !plan->tombstones_dlq && sim_chance(sim, 500);
    /* Where everything is refused, a worker that stops at the first refusal does what it was told.
     */
    if (plan->now.action[KB_FAILURE_PUBLISH] == KB_ACTION_STOP)
        plan->fault[SIM_FAULT_MASS_REFUSAL] = false;
    /* A worker that stops names a record by its offset alone: in which log is not told. */
    if (plan->stops)
        plan->fault[SIM_FAULT_LOG_CUTS] = false;
    else if (sim->sabotage == SIM_HIDE_NEW_LOG || sim->sabotage == SIM_FORGET_GONE)
        /* without any there is nothing to hide */
        plan->fault[SIM_FAULT_LOG_CUTS] = true;
}

static void plan_requests(struct sim *sim, struct sim_settings *now)
{
    now->concurrency = ONE_OF(sim, 1, 2, 3, 10);
    now->linger_ms = ONE_OF(sim, 0, 5, 100, 1000);
    now->max_records = ONE_OF(sim, 1, 2, 10, 100, 1000);
    now->max_bytes = ONE_OF(sim, 16384, 65536, 524288);
    now->max_channels = ONE_OF(sim, 1, 3, 20, 100);
}

static void plan_limits(struct sim *sim, struct sim_plan *plan)
{
    plan->processes = (int)sim_between(sim, 1, 3);
    plan->workers = (int)sim_between(sim, 1, 2);
    plan_requests(sim, &plan->now);
    plan->memory = ONE_OF(sim, 3, 8, 256) * 1048576 * plan->workers;
    plan->drain_ms = ONE_OF(sim, 0, 1000, 5000, 30000);
    plan->requests_per_second = (int)ONE_OF(sim, 0, 5, 100);
    plan->fallbacks = (int)ONE_OF(sim, 0, 1, 3, 5);
    plan->fault[SIM_FAULT_HOSTS] = plan->fault[SIM_FAULT_HOSTS] && plan->fallbacks > 0;
    plan->max_message_size = ONE_OF(sim, 8192, 65536);
    plan->padding = ONE_OF(sim, 10, 4000, plan->max_message_size / 2);
    plan->channels = ONE_OF(sim, 1, 5, 40);
    plan->fan_out = (enum sim_fan_out)ONE_OF(
        sim, SIM_FAN_OUT_NONE, SIM_FAN_OUT_NONE, SIM_FAN_OUT_LIST, SIM_FAN_OUT_TRANSFORM);
}

static void plan_credentials(struct sim *sim, struct sim_plan *plan)
{
    plan->credentials = (enum sim_credentials)sim_between(sim, 0, 2);
    plan->token_ttl_ms = ONE_OF(sim, 10000, 60000, 3600000);
    if (sim->sabotage == SIM_OLD_TOKEN) { /* without any there is nothing to show again */
        plan->credentials = SIM_CREDENTIALS_TOKEN;
        plan->fault[SIM_FAULT_TOKENS] = true;
    }
    if (plan->credentials == SIM_CREDENTIALS_KEY)
        plan->fault[SIM_FAULT_TOKENS] = false;
}

void sim_plan_new(struct sim *sim)
{
    struct sim_plan *plan = sim->plan = sim_alloc(sim, sizeof(*plan));
    for (int i = 0; i < SIM_FAULT_COUNT; i++)
        plan->fault[i] = sim_chance(sim, 400);
    plan->cooperative = sim_chance(sim, 500);
    plan->ordered = sim_chance(sim, 900);
    plan->hasty = sim_chance(sim, 300);
    plan->poison = (int)ONE_OF(sim, 0, 10, 80);
    plan->growth_ms = sim_between(sim, 20, 600) * 1000;
    plan->records = (size_t)ONE_OF(sim, 100, 500, 1500);
    plan->wait_max_ms = ONE_OF(sim, 0, 200, 1000);
    plan->fault[SIM_FAULT_LOST_WAKES] = plan->fault[SIM_FAULT_LOST_WAKES] && plan->wait_max_ms > 0;
    plan->group = sim_chance(sim, 400) && sim->sabotage != SIM_HIDE_NEW_LOG &&
                  sim->sabotage != SIM_FORGET_GONE;
    plan->channel_rate = (double)ONE_OF(sim, 0, 0, 0, 5, 40);
    if (sim->sabotage == SIM_TAKE_AND_DENY) {
        plan->group = true;
        plan->fault[SIM_FAULT_CHANNEL_RATE] = true;
    } else if (plan->group && plan->channel_rate <= 0) /* else there is nothing to group */
        plan->fault[SIM_FAULT_CHANNEL_RATE] = true;
    plan->schemas = ONE_OF(sim, 0, 1, 40);
    plan_policy(sim, plan);
    plan->tombstones_skipped =
        plan->tombstones_skipped || (sim_plan_cuts_groups(plan) && !plan->tombstones_dlq);
    plan_limits(sim, plan);
    plan_credentials(sim, plan);
}

bool sim_plan_cuts_groups(const struct sim_plan *plan)
{
    return plan->group && plan->fault[SIM_FAULT_LOG_CUTS];
}

static void print_policy(struct kb_buf *out, const struct sim_plan *plan)
{
    kb_buf_add(out, KB_S("  on_error = { default = \"skip\""));
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        kb_buf_printf(out, ", %s = \"%s\"", kb_failure_name((enum kb_failure)i),
            kb_action_name(plan->now.action[i]));
    kb_buf_add(out, KB_S(" },\n"));
}

/* "host1.sim", "host2.sim", ... */
static const char *hosts_text(struct sim *sim, int n)
{
    const char *list = "";
    for (int i = 1; i <= n; i++)
        list = sim_format(sim, "%s\"host%d.sim\", ", list, i);
    return list;
}

/* The channel of a topic's block; `user` is a template and an expression of Lua. */
static void print_channel(struct kb_buf *out, const struct sim_plan *plan, const char *topic,
    const char *user, const char *expression)
{
    if (plan->fan_out == SIM_FAN_OUT_LIST)
        kb_buf_printf(out, "  channel = { \"%s:%s\", \"copy:%s\" },\n", topic, user, user);
    else
        kb_buf_printf(out, "  channel = \"%s:%s\",\n", topic, user);
    if (plan->fan_out == SIM_FAN_OUT_TRANSFORM)
        kb_buf_printf(out,
            "  transform = function(record)\n"
            "    return { record, { channel = \"copy:\" .. (%s or \"\") }, { channel = \"all\" } "
            "}\n"
            "  end,\n",
            expression);
}

const char *sim_plan_config(struct sim *sim)
{
    const struct sim_plan *plan = sim->plan;
    struct kb_buf out;
    kb_buf_init(&out, 65536);
    kb_buf_printf(&out,
        "kafka { [\"bootstrap.servers\"] = \"localhost:9092\", [\"group.id\"] = \"sim\" }\n"
        "ably { key = \"%s\", max_message_size = %lld, endpoint = \"host0.sim\", fallback_hosts = "
        "{%s},\n"
        "  use_token_auth = %s, token_type = \"%s\", token_ttl_ms = %lld }\n"
        "publish { concurrency = %lld, linger_ms = %lld, max_records = %lld, max_bytes = %lld,\n"
        "  max_channels = %lld, requests_per_second = %d,\n"
        "  ordering = \"%s\", channel_messages_per_second = %g, group = \"%s\" }\n"
        "limits { workers = %d, memory = %lld, drain_ms = %lld, hook_ms = 60000 }\n",
        SIM_KEY, (long long)plan->max_message_size, hosts_text(sim, plan->fallbacks),
        plan->credentials == SIM_CREDENTIALS_KEY ? "false" : "true",
        plan->credentials == SIM_CREDENTIALS_TOKEN ? "ably" : "jwt", (long long)plan->token_ttl_ms,
        (long long)plan->now.concurrency, (long long)plan->now.linger_ms,
        (long long)plan->now.max_records, (long long)plan->now.max_bytes,
        (long long)plan->now.max_channels, plan->requests_per_second,
        plan->ordered ? "channel" : "none", plan->channel_rate,
        plan->group ? "when_limited" : "never", plan->workers,
        (long long)(plan->memory > 16 << 20 ? plan->memory : 16 << 20), (long long)plan->drain_ms);
    if (plan->dead_letters)
        kb_buf_add(&out, KB_S("dead_letter { topic = \"sim-dlq\" }\n"));
    kb_buf_add(&out, KB_S("defaults {\n"));
    print_policy(&out, plan);
    kb_buf_printf(&out, "  null_value = \"%s\",\n}\n",
        plan->tombstones_dlq       ? "dlq"
        : plan->tombstones_skipped ? "skip"
                                   : "publish");
    kb_buf_printf(&out,
        "topic \"orders\" { value = \"%s\", key = \"string\", name = \"%llu:#{topic}\",\n",
        plan->schemas > 0 ? "json_schema" : "json", (unsigned long long)plan->now.generation);
    print_channel(&out, plan, "orders", "#{value.user}", "record.value.user");
    kb_buf_add(&out, KB_S("}\n"));
    if (plan->schemas > 0)
        kb_buf_add(&out, KB_S("registry { url = \"" SIM_REGISTRY_URL "\" }\n"));
    if (!plan->now.no_audit) {
        kb_buf_add(&out, KB_S("topic \"^audit\\\\..*\" { value = \"string\", key = \"string\",\n"));
        print_channel(&out, plan, "#{topic}", "#{key}", "record.key");
        kb_buf_add(&out, KB_S("}\n"));
    }
    KB_BUG_ON(out.failed);
    const char *text = sim_format(sim, KB_FMT, KB_ARG(kb_buf_slice(&out)));
    kb_buf_deinit(&out);
    return text;
}

void sim_plan_fix(struct sim *sim)
{
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        if (sim->plan->now.action[i] == KB_ACTION_STOP)
            sim->plan->now.action[i] = KB_ACTION_SKIP;
}

void sim_plan_edit(struct sim *sim, bool whole)
{
    struct sim_plan *plan = sim->plan;
    plan->now.generation++;
    plan->now.no_audit = !whole && sim_chance(sim, 200);
    if (sim_chance(sim, 500))
        plan_requests(sim, &plan->now);
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        if (plan->now.action[i] != KB_ACTION_STOP && plan->dead_letters && sim_chance(sim, 300))
            plan->now.action[i] = sim_chance(sim, 500) ? KB_ACTION_SKIP : KB_ACTION_DLQ;
}

bool sim_faulty(struct sim *sim, enum sim_fault fault, int per_mille)
{
    return sim->faults && sim->plan->fault[fault] && sim_chance(sim, per_mille);
}

const char *sim_plan_faults(struct sim *sim)
{
    static const char *const names[] = {
#define X(id) #id,
        SIM_FAULTS(X)
#undef X
    };
    const char *list = "";
    for (int i = 0; i < SIM_FAULT_COUNT; i++)
        if (sim->plan->fault[i])
            list = sim_format(sim, "%s %s", list, names[i]);
    return list;
}
