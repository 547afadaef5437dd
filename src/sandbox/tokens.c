/* See tokens.h. Numbers are their text, as everywhere in kably. */
#include "sandbox/tokens.h"

#include "value/json.h"

#include <inttypes.h>
#include <math.h>

static void take(struct kb_events *sink, enum kb_token token, struct kb_slice text)
{
    struct kb_tokens *tokens = (struct kb_tokens *)sink;

    tokens->take(tokens, token, text);
}

static void begin_object(struct kb_events *sink)
{
    take(sink, KB_TOKEN_OBJECT, KB_S(""));
}

static void end_object(struct kb_events *sink)
{
    take(sink, KB_TOKEN_OBJECT_END, KB_S(""));
}

static void begin_array(struct kb_events *sink)
{
    take(sink, KB_TOKEN_ARRAY, KB_S(""));
}

static void end_array(struct kb_events *sink)
{
    take(sink, KB_TOKEN_ARRAY_END, KB_S(""));
}

static void key(struct kb_events *sink, struct kb_slice name)
{
    take(sink, KB_TOKEN_KEY, name);
}

static void string(struct kb_events *sink, struct kb_slice text)
{
    take(sink, KB_TOKEN_STRING, text);
}

static void number(struct kb_events *sink, struct kb_slice text)
{
    take(sink, KB_TOKEN_NUMBER, text);
}

static void bytes(struct kb_events *sink, struct kb_slice binary)
{
    take(sink, KB_TOKEN_BYTES, binary);
}

static void integer(struct kb_events *sink, int64_t whole)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, whole);

    take(sink, KB_TOKEN_NUMBER, (struct kb_slice){digits, (size_t)len});
}

/* NaN and the infinities are no JSON numbers; as elsewhere in kably they become those words. */
static void real(struct kb_events *sink, double value)
{
    char digits[KB_JSON_REAL_MAX];
    size_t len = kb_json_real_text(digits, value);

    take(sink, isfinite(value) ? KB_TOKEN_NUMBER : KB_TOKEN_STRING, (struct kb_slice){digits, len});
}

static void boolean(struct kb_events *sink, bool truth)
{
    take(sink, KB_TOKEN_BOOL, truth ? KB_S("true") : KB_S("false"));
}

static void null(struct kb_events *sink)
{
    take(sink, KB_TOKEN_NULL, KB_S(""));
}

static const struct kb_events_ops tokens_ops = {
    .begin_object = begin_object,
    .end_object = end_object,
    .begin_array = begin_array,
    .end_array = end_array,
    .key = key,
    .string = string,
    .bytes = bytes,
    .number = number,
    .integer = integer,
    .real = real,
    .boolean = boolean,
    .null = null,
};

void kb_tokens_init(struct kb_tokens *tokens,
    void (*take_token)(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text))
{
    tokens->events.ops = &tokens_ops;
    tokens->take = take_token;
}

void kb_tokens_forward(struct kb_events *sink, enum kb_token token, struct kb_slice text)
{
    switch (token) {
    case KB_TOKEN_OBJECT:
        kb_emit_begin_object(sink);
        break;
    case KB_TOKEN_OBJECT_END:
        kb_emit_end_object(sink);
        break;
    case KB_TOKEN_ARRAY:
        kb_emit_begin_array(sink);
        break;
    case KB_TOKEN_ARRAY_END:
        kb_emit_end_array(sink);
        break;
    case KB_TOKEN_KEY:
        kb_emit_key(sink, text);
        break;
    case KB_TOKEN_STRING:
        kb_emit_string(sink, text);
        break;
    case KB_TOKEN_BYTES:
        kb_emit_bytes(sink, text);
        break;
    case KB_TOKEN_NUMBER:
        kb_emit_number(sink, text);
        break;
    case KB_TOKEN_BOOL:
        kb_emit_boolean(sink, kb_slice_is(text, "true"));
        break;
    case KB_TOKEN_NULL:
        kb_emit_null(sink);
        break;
    }
}
