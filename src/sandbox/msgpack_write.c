/* JSON -> MessagePack; see msgpack.h. A sink of the JSON reader. The number of an array's or map's
 * members is written when it is known, so their heads have the long form. */
#include "sandbox/msgpack.h"

#include "base/base64.h"
#include "value/json.h"

#include <errno.h>
#include <mpack.h>

#define HEAD_MAP '\xdf'
#define HEAD_ARRAY '\xdd'
#define HEAD_LEN 5

struct open {
    size_t head; /* where its number of members goes */
    uint32_t n;
};

struct writer {
    struct kb_events events; /* first: this is a sink */
    struct kb_buf *out;
    size_t key_at; /* where the last key begins */
    size_t depth;
    struct open open[KB_JSON_DEPTH_MAX];
    bool messages; /* the outermost is an array: its maps may be messages */
    enum { OTHER, ENCODING, DATA } member;
    bool binary; /* the message's encoding ended in base64 */
};

static void put(struct writer *w, mpack_token_t token)
{
    char *start = kb_buf_reserve(w->out, MPACK_MAX_TOKEN_LEN), *to = start;
    size_t room = MPACK_MAX_TOKEN_LEN;
    mpack_tokbuf_t nothing_pending = MPACK_TOKBUF_INITIAL_VALUE;

    if (!start)
        return;
    KB_BUG_ON(mpack_write(&nothing_pending, &to, &room, &token) != MPACK_OK);
    kb_buf_commit(w->out, (size_t)(to - start));
}

static void put_text(struct writer *w, struct kb_slice text)
{
    put(w, mpack_pack_str((mpack_uint32_t)text.len));
    kb_buf_add(w->out, text);
}

static void count_value(struct writer *w)
{
    if (w->depth > 0)
        w->open[w->depth - 1].n++;
}

static void begin(struct writer *w, char head)
{
    static const char no_number_yet[HEAD_LEN - 1];

    count_value(w);
    if (w->depth == 0)
        w->messages = head == HEAD_ARRAY;
    w->open[w->depth++] = (struct open){w->out->len, 0};
    w->binary = false;
    w->member = OTHER;
    kb_buf_byte(w->out, head);
    kb_buf_add(w->out, (struct kb_slice){no_number_yet, sizeof(no_number_yet)});
}

static void end(struct writer *w)
{
    const struct open *closed = &w->open[--w->depth];

    if (w->out->failed)
        return;
    for (int i = 0; i < 4; i++)
        w->out->ptr[closed->head + 1 + (size_t)i] = (char)(closed->n >> (24 - 8 * i));
    w->member = OTHER;
}

/* --- data that is binary --- */

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

/* A message's encoding; `data` comes behind it. Where no step is left the member goes. */
static void put_encoding(struct writer *w, struct kb_slice encoding)
{
    w->binary = without_base64(&encoding);
    if (w->binary && encoding.len == 0) {
        w->out->len = w->key_at;
        w->open[w->depth - 1].n--;
        return;
    }
    put_text(w, encoding);
}

static void put_binary(struct writer *w, struct kb_slice base64)
{
    struct kb_buf bytes;

    kb_buf_init(&bytes, base64.len + 4);
    if (kb_base64_decode(&bytes, base64)) {
        put(w, mpack_pack_bin((mpack_uint32_t)bytes.len));
        kb_buf_add(w->out, kb_buf_slice(&bytes));
    } else { /* its publisher promised base64 and did not keep it */
        put_text(w, base64);
    }
    kb_buf_deinit(&bytes);
}

/* --- events --- */

static void on_begin_object(struct kb_events *sink)
{
    begin((struct writer *)sink, HEAD_MAP);
}

static void on_begin_array(struct kb_events *sink)
{
    begin((struct writer *)sink, HEAD_ARRAY);
}

static void on_end(struct kb_events *sink)
{
    end((struct writer *)sink);
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    struct writer *w = (struct writer *)sink;

    w->key_at = w->out->len;
    w->member = OTHER;
    if (w->messages && w->depth == 2 && kb_slice_is(name, "encoding"))
        w->member = ENCODING;
    else if (w->messages && w->depth == 2 && kb_slice_is(name, "data"))
        w->member = DATA;
    put_text(w, name);
}

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    struct writer *w = (struct writer *)sink;

    count_value(w);
    if (w->member == ENCODING)
        put_encoding(w, text);
    else if (w->member == DATA && w->binary)
        put_binary(w, text);
    else
        put_text(w, text);
}

static bool as_signed(const char *digits, int64_t *number)
{
    char *stop;

    errno = 0;
    *number = strtoll(digits, &stop, 10);
    return errno == 0 && *stop == '\0';
}

static void on_number(struct kb_events *sink, struct kb_slice text)
{
    struct writer *w = (struct writer *)sink;
    char digits[64];
    int64_t whole;

    count_value(w);
    snprintf(digits, sizeof(digits), KB_FMT, KB_ARG(text));
    if (as_signed(digits, &whole))
        put(w, whole < 0 ? mpack_pack_sint(whole) : mpack_pack_uint((uint64_t)whole));
    else
        put(w, mpack_pack_float(strtod(digits, NULL)));
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    struct writer *w = (struct writer *)sink;

    count_value(w);
    put(w, mpack_pack_boolean(truth));
}

static void on_null(struct kb_events *sink)
{
    struct writer *w = (struct writer *)sink;

    count_value(w);
    put(w, mpack_pack_nil());
}

static const struct kb_events_ops writer_ops = {
    .begin_object = on_begin_object,
    .end_object = on_end,
    .begin_array = on_begin_array,
    .end_array = on_end,
    .key = on_key,
    .string = on_string,
    .number = on_number,
    .boolean = on_boolean,
    .null = on_null,
};

void kb_msgpack_write(struct kb_buf *out, struct kb_slice json)
{
    struct writer w = {.events.ops = &writer_ops, .out = out};
    struct kb_err err;

    KB_BUG_ON(!kb_json_read(json, &w.events, &err));
}
