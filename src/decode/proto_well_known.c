/* The messages of google.protobuf that JSON shows in a way of their own; see proto_run.h. Their
 * fields are where proto_link.c has checked that they are. */
#include "decode/iso8601.h"
#include "decode/proto_run.h"

#include "value/json.h"

#include <inttypes.h>

#define DAY_SECONDS 86400
#define NANOS 1000000000
#define TIMESTAMP_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MAX INT64_C(315576000000)

/* Nothing, .123, .123456 or .123456789 */
static void put_fraction(struct kb_buf *out, int32_t nanos)
{
    char text[10] = {'.'};
    if (nanos == 0)
        return;
    size_t len = nanos % 1000 ? 10 : nanos % 1000000 ? 7 : 4;
    for (int i = 9; i > 0; i--, nanos /= 10)
        text[i] = (char)('0' + nanos % 10);
    kb_buf_add(out, (struct kb_slice){text, len});
}

static char *put_two(char *to, char before, int number)
{
    *to++ = before;
    *to++ = (char)('0' + number / 10);
    *to++ = (char)('0' + number % 10);
    return to;
}

static bool show_timestamp(struct kb_proto_run *run, int64_t seconds, int32_t nanos)
{
    if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX || nanos < 0 || nanos >= NANOS)
        return kb_proto_fail(run, NULL, "a Timestamp is not within the years 0001 to 9999");
    int of_day = (int)(seconds % DAY_SECONDS);
    int64_t days = seconds / DAY_SECONDS;
    if (of_day < 0) {
        of_day += DAY_SECONDS;
        days--;
    }
    char date[KB_ISO8601_MAX], time[9], *to = time;
    struct kb_slice text = {date, kb_iso8601_date(date, days)};
    to = put_two(to, 'T', of_day / 3600);
    to = put_two(to, ':', of_day / 60 % 60);
    to = put_two(to, ':', of_day % 60);
    kb_buf_byte(run->out, '"');
    kb_buf_add(run->out, text);
    kb_buf_add(run->out, (struct kb_slice){time, (size_t)(to - time)});
    put_fraction(run->out, nanos);
    kb_buf_add(run->out, KB_S("Z\""));
    return true;
}

static bool show_duration(struct kb_proto_run *run, int64_t seconds, int32_t nanos)
{
    bool negative = seconds < 0 || nanos < 0;
    if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos <= -NANOS || nanos >= NANOS)
        return kb_proto_fail(run, NULL, "a Duration is out of its bounds");
    if (negative && (seconds > 0 || nanos > 0))
        return kb_proto_fail(run, NULL, "a Duration's seconds and nanos differ in sign");
    kb_buf_add(run->out, negative ? KB_S("\"-") : KB_S("\""));
    kb_buf_add_i64(run->out, negative ? -seconds : seconds);
    put_fraction(run->out, negative ? -nanos : nanos);
    kb_buf_add(run->out, KB_S("s\""));
    return true;
}

/* snake_case.paths -> "snakeCase.paths,..." */
static bool show_field_mask(struct kb_proto_run *run, const struct kb_proto_field *field,
    const struct kb_proto_slot *slot, const char *end)
{
    size_t start = run->out->len;
    struct kb_proto_each each = kb_proto_each(field, slot, end);
    kb_buf_byte(run->out, '"');
    for (bool first = true; kb_proto_each_next(run, &each); first = false) {
        size_t inside = run->out->len + !first;
        if (!first)
            kb_buf_byte(run->out, ',');
        if (!kb_proto_show_value(run, field, 0, each.bytes))
            return false;
        if (run->out->failed)
            return true;
        /* The quotes that came with it go; so does each underscore before a small letter. */
        char *to = run->out->ptr + inside, *last = run->out->ptr + run->out->len - 1;
        for (const char *from = to + 1; from < last; from++) {
            bool joint = *from == '_' && from + 1 < last && from[1] >= 'a' && from[1] <= 'z';
            *to++ = joint ? (char)(*++from - 'a' + 'A') : *from;
        }
        run->out->len = (size_t)(to - run->out->ptr);
    }
    kb_buf_byte(run->out, '"');
    if (each.failed)
        run->out->len = start;
    return !each.failed;
}

/* Whichever of the six was set; none is null. */
static bool show_any_value(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct kb_proto_slot *slots, const char *end)
{
    for (size_t i = 1; i < message->n_fields; i++)
        if (slots[i].count > 0)
            return kb_proto_show_last(run, &message->fields[i], &slots[i], end);
    kb_buf_add(run->out, KB_S("null"));
    return true;
}

/* The name behind the last slash of a type's URL. */
static const struct kb_proto_message *message_of(const struct kb_proto *proto, struct kb_slice url)
{
    size_t at = url.len;
    while (at > 0 && url.ptr[at - 1] != '/')
        at--;
    const struct kb_proto_symbol *symbol =
        kb_proto_find(proto, (struct kb_slice){url.ptr + at, url.len - at});
    return symbol ? symbol->message : NULL;
}

/* {"@type": url, and the message's own fields}; what has a form of its own, or is not known here
 * (base64 then), stands under "value". */
static bool show_any(struct kb_proto_run *run, const struct kb_proto_message *any,
    struct kb_slice url, struct kb_slice value)
{
    if (url.len == 0 && value.len == 0) {
        kb_buf_add(run->out, KB_S("{}"));
        return true;
    }
    const struct kb_proto_message *message = message_of(run->proto, url);
    kb_buf_add(run->out, KB_S("{\"@type\":"));
    if (!kb_proto_show_value(run, &any->fields[0], 0, url))
        return false;
    bool ok;
    if (!message || message->well_known != KB_PROTO_ORDINARY) {
        kb_buf_add(run->out, KB_S(",\"value\":"));
        ok = message ? kb_proto_show(run, message, value)
                     : kb_proto_show_value(run, &any->fields[1], 0, value);
    } else {
        ok = kb_proto_show_embedded(run, message, value);
    }
    kb_buf_byte(run->out, '}');
    return ok;
}

bool kb_proto_show_well_known(struct kb_proto_run *run, const struct kb_proto_message *message,
    const struct kb_proto_slot *slots, const char *end)
{
    size_t n;
    switch (message->well_known) {
    case KB_PROTO_WK_ANY:
        return show_any(
            run, message, kb_proto_slot_bytes(&slots[0]), kb_proto_slot_bytes(&slots[1]));
    case KB_PROTO_WK_TIMESTAMP:
        return show_timestamp(
            run, (int64_t)kb_proto_slot_bits(&slots[0]), (int32_t)kb_proto_slot_bits(&slots[1]));
    case KB_PROTO_WK_DURATION:
        return show_duration(
            run, (int64_t)kb_proto_slot_bits(&slots[0]), (int32_t)kb_proto_slot_bits(&slots[1]));
    case KB_PROTO_WK_FIELD_MASK:
        return show_field_mask(run, &message->fields[0], &slots[0], end);
    case KB_PROTO_WK_STRUCT:
        return kb_proto_show_map(run, &message->fields[0], &slots[0], end);
    case KB_PROTO_WK_LIST_VALUE:
        return kb_proto_show_list(run, &message->fields[0], &slots[0], end, &n);
    case KB_PROTO_WK_VALUE:
        return show_any_value(run, message, slots, end);
    default: /* a wrapper: its value */
        return kb_proto_show_last(run, &message->fields[0], &slots[0], end);
    }
}
