/* The sink that writes JSON text; see json.h. */
#include "value/json.h"

#include "base/base64.h"

static struct kb_json_writer *self(struct kb_events *sink)
{
    return (struct kb_json_writer *)sink;
}

/* Puts the comma that is due before a value or a key, and says what is due after it. */
static struct kb_buf *begin(struct kb_events *sink, bool comma_after)
{
    struct kb_json_writer *writer = self(sink);
    if (writer->need_comma)
        kb_buf_byte(writer->out, ',');
    writer->need_comma = comma_after;
    return writer->out;
}

static void on_begin_object(struct kb_events *sink)
{
    kb_buf_byte(begin(sink, false), '{');
}

static void on_begin_array(struct kb_events *sink)
{
    kb_buf_byte(begin(sink, false), '[');
}

static void on_end_object(struct kb_events *sink)
{
    self(sink)->need_comma = true;
    kb_buf_byte(self(sink)->out, '}');
}

static void on_end_array(struct kb_events *sink)
{
    self(sink)->need_comma = true;
    kb_buf_byte(self(sink)->out, ']');
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    struct kb_buf *out = begin(sink, false);
    kb_json_string(out, name);
    kb_buf_byte(out, ':');
}

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    kb_json_string(begin(sink, true), text);
}

static void on_bytes(struct kb_events *sink, struct kb_slice bytes)
{
    struct kb_buf *out = begin(sink, true);
    kb_buf_byte(out, '"');
    kb_base64_add(out, bytes);
    kb_buf_byte(out, '"');
}

static void on_number(struct kb_events *sink, struct kb_slice text)
{
    kb_buf_add(begin(sink, true), text);
}

static void on_integer(struct kb_events *sink, int64_t number)
{
    kb_buf_add_i64(begin(sink, true), number);
}

static void on_real(struct kb_events *sink, double number)
{
    kb_json_real(begin(sink, true), number);
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    kb_buf_add(begin(sink, true), truth ? KB_S("true") : KB_S("false"));
}

static void on_null(struct kb_events *sink)
{
    kb_buf_add(begin(sink, true), KB_S("null"));
}

static void on_restart(struct kb_events *sink)
{
    self(sink)->out->len = self(sink)->start;
    self(sink)->need_comma = false;
}

void kb_json_writer_init(struct kb_json_writer *writer, struct kb_buf *out)
{
    static const struct kb_events_ops ops = {
        .begin_object = on_begin_object,
        .end_object = on_end_object,
        .begin_array = on_begin_array,
        .end_array = on_end_array,
        .key = on_key,
        .string = on_string,
        .bytes = on_bytes,
        .number = on_number,
        .integer = on_integer,
        .real = on_real,
        .boolean = on_boolean,
        .null = on_null,
        .restart = on_restart,
    };
    *writer = (struct kb_json_writer){.events = {&ops}, .out = out, .start = out->len};
}
