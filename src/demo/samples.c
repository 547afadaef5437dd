/* See samples.h. Record 0 is an order, 1 a chat message, 2 a reading, 3 an order again; `turn`
 * counts within one topic. */
#include "demo/samples.h"

#include "base/compiler.h"

#include <stdarg.h>
#include <stdio.h>

const struct kb_sample_topic_row kb_sample_topics[KB_SAMPLE_TOPIC_COUNT] = {
#define X(id, name, partitions) {name, partitions},
    KB_SAMPLE_TOPICS(X)
#undef X
};

enum { N_USERS = 4, N_ROOMS = 3, N_DEVICES = 3 };

static const char *const users[N_USERS] = {"ada", "grace", "edsger", "barbara"};
static const char *const rooms[N_ROOMS] = {"lobby", "kitchen", "help"};
static const char *const devices[N_DEVICES] = {"truck-3", "truck-7", "cellar"};

/* Users, rooms, devices: in the order of the lists above. */
const char *const kb_sample_channels[] = {"demo:orders:ada", "demo:orders:grace",
    "demo:orders:edsger", "demo:orders:barbara", "demo:chat:lobby", "demo:chat:kitchen",
    "demo:chat:help", "demo:telemetry:truck-3", "demo:telemetry:truck-7", "demo:telemetry:cellar"};
const size_t kb_n_sample_channels = KB_COUNT(kb_sample_channels);

static void print_value(struct kb_sample *sample, const char *fmt, ...) KB_PRINTF(2, 3);

static void print_value(struct kb_sample *sample, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(sample->value, sizeof(sample->value), fmt, args);
    va_end(args);
    KB_BUG_ON(len < 0 || (size_t)len >= sizeof(sample->value));
    sample->len = (size_t)len;
}

/* Each order is placed, paid and shipped before its user makes another. */
static void make_order(uint32_t turn, struct kb_sample *sample)
{
    static const char *const steps[] = {"placed", "paid", "shipped"};
    static const char *const totals[] = {"329.00", "54.50", "119.90", "24.00", "89.95"};
    uint32_t order = turn / KB_COUNT(steps), user = order % N_USERS;

    sample->key = kb_slice_of(users[user]);
    sample->channel = user;
    print_value(sample, "{\"order\":%u,\"user\":\"%s\",\"status\":\"%s\",\"total\":%s}",
        1001 + order, users[user], steps[turn % KB_COUNT(steps)], totals[order % KB_COUNT(totals)]);
}

static void make_chat(uint32_t turn, struct kb_sample *sample)
{
    static const struct {
        unsigned room;
        const char *from, *text;
    } lines[] = {
        {0, "Grace", "Good morning! Is the release out?"},
        {0, "Ada", "Since eight. No complaints so far."},
        {1, "Edsger", "The coffee machine asks for descaling."},
        {2, "Barbara", "How do I move a partition by hand?"},
        {2, "Ada", "Don't. Let the group do it."},
        {0, "Grace", "Then I'm off to the café, bis später."},
        {1, "Barbara", "Descaled. Two cups of bad coffee to throw away first."},
        {2, "Barbara", "It did. Thank you!"},
    };
    unsigned line = turn % KB_COUNT(lines), room = lines[line].room;

    sample->key = kb_slice_of(rooms[room]);
    sample->channel = N_USERS + room;
    print_value(sample, "{\"room\":\"%s\",\"from\":\"%s\",\"text\":\"%s\"}", rooms[room],
        lines[line].from, lines[line].text);
}

static void make_reading(uint32_t turn, struct kb_sample *sample)
{
    uint32_t device = turn % N_DEVICES, tick = turn / N_DEVICES;

    sample->key = kb_slice_of(devices[device]);
    sample->channel = N_USERS + N_ROOMS + device;
    print_value(sample, "{\"device\":\"%s\",\"tick\":%u,\"temp\":%u.%u,\"door\":\"%s\"}",
        devices[device], tick + 1, 3 + device, (tick * 7 + device) % 10,
        tick % 11 == 4 ? "open" : "shut");
}

void kb_sample_make(uint32_t number, struct kb_sample *out)
{
    static void (*const makers[])(uint32_t turn, struct kb_sample * sample) = {
        [KB_SAMPLE_ORDERS] = make_order,
        [KB_SAMPLE_CHAT] = make_chat,
        [KB_SAMPLE_TELEMETRY] = make_reading,
    };

    out->topic = number % KB_SAMPLE_TOPIC_COUNT;
    out->poison = number == KB_SAMPLE_POISON;
    makers[out->topic](number / KB_SAMPLE_TOPIC_COUNT, out);
    if (out->poison)
        out->len -= out->len / 3;
}
