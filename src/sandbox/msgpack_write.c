/* The local Ably's JSON as Ably's MessagePack; see msgpack.h. A sink of the JSON reader before
 * value/msgpack.h's, which passes all on but a message's data that is base64 in JSON alone. */
#include "sandbox/msgpack.h"

#include "base/base64.h"

struct writer {
    struct kb_events events; /* first: this is a sink */
    struct kb_msgpack_writer out;
    size_t depth;
    bool messages;                         /* the outermost is an array: its maps may be messages */
    enum { OTHER, ENCODING, DATA } member; /* an encoding's name is held back until its value */
    bool binary;                           /* the message's encoding ended in base64 */
};

/* "utf-8/cipher+aes-256-cbc/base64" without its last step; false = that is another one. */
static bool without_base64(struct kb_slice *encoding)
{
    struct kb_slice step = KB_S("base64");
    size_t rest = encoding->len - step.len;

    if (encoding->len < step.len || memcmp(encoding->ptr + rest, step.ptr, step.len) != 0 ||
        (rest > 0 && encoding->ptr[rest - 1] != '/'))
        return false;
    encoding->len = rest > 0 ? rest - 1 : 0;
    return true;
}

static void put_binary(struct writer *w, struct kb_slice base64)
{
    struct kb_buf bytes;

    kb_buf_init(&bytes, base64.len + 4);
    if (kb_base64_decode(&bytes, base64))
        kb_emit_bytes(&w->out.events, kb_buf_slice(&bytes));
    else /* its publisher promised base64 and did not keep it */
        kb_emit_string(&w->out.events, base64);
    kb_buf_deinit(&bytes);
}

/* A value begins: that is the writer behind, who by now has its name. */
static struct kb_events *value(struct kb_events *sink)
{
    struct writer *w = (struct writer *)sink;

    if (w->member == ENCODING)
        kb_emit_key(&w->out.events, KB_S("encoding"));
    w->member = OTHER;
    return &w->out.events;
}

static void begin(struct kb_events *sink, bool array)
{
    struct writer *w = (struct writer *)sink;

    if (w->depth++ == 0)
        w->messages = array;
    w->binary = false;
}

static void on_begin_object(struct kb_events *sink)
{
    kb_emit_begin_object(value(sink));
    begin(sink, false);
}

static void on_begin_array(struct kb_events *sink)
{
    kb_emit_begin_array(value(sink));
    begin(sink, true);
}

static void on_end_object(struct kb_events *sink)
{
    ((struct writer *)sink)->depth--;
    kb_emit_end_object(&((struct writer *)sink)->out.events);
}

static void on_end_array(struct kb_events *sink)
{
    ((struct writer *)sink)->depth--;
    kb_emit_end_array(&((struct writer *)sink)->out.events);
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    struct writer *w = (struct writer *)sink;
    bool of_message = w->messages && w->depth == 2;

    w->member = of_message && kb_slice_is(name, "encoding") ? ENCODING
                : of_message && kb_slice_is(name, "data")   ? DATA
                                                            : OTHER;
    if (w->member != ENCODING)
        kb_emit_key(&w->out.events, name);
}

/* Of a message's encoding the last step, of its data the base64; `data` comes behind `encoding`.
 * Where no step is left there is no such member. */
static void on_string(struct kb_events *sink, struct kb_slice text)
{
    struct writer *w = (struct writer *)sink;

    if (w->member == DATA && w->binary) {
        put_binary(w, text);
        return;
    }
    if (w->member == ENCODING) {
        w->binary = without_base64(&text);
        if (w->binary && text.len == 0)
            return;
    }
    kb_emit_string(value(sink), text);
}

static void on_number(struct kb_events *sink, struct kb_slice text)
{
    kb_emit_number(value(sink), text);
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    kb_emit_boolean(value(sink), truth);
}

static void on_null(struct kb_events *sink)
{
    kb_emit_null(value(sink));
}

static const struct kb_events_ops writer_ops = {
    .begin_object = on_begin_object,
    .end_object = on_end_object,
    .begin_array = on_begin_array,
    .end_array = on_end_array,
    .key = on_key,
    .string = on_string,
    .number = on_number,
    .boolean = on_boolean,
    .null = on_null,
};

void kb_msgpack_write(struct kb_buf *out, struct kb_slice json)
{
    struct writer w = {.events.ops = &writer_ops};
    struct kb_err err;

    kb_msgpack_writer_init(&w.out, out);
    KB_BUG_ON(!kb_json_read(json, &w.events, &err));
}
