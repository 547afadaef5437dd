/* Heads, texts and whole JSON values as MessagePack; see msgpack.h. ably/spec_msgpack.c writes
 * messages with it. */
#include "value/msgpack.h"

#include <errno.h>

#define HEAD_LEN 5

static void put_number(struct kb_buf *out, unsigned head, uint64_t number, int n_bytes)
{
    char bytes[9] = {(char)head};
    for (int i = 0; i < n_bytes; i++)
        bytes[1 + i] = (char)(number >> (8 * (n_bytes - 1 - i)));
    kb_buf_add(out, (struct kb_slice){bytes, 1 + (size_t)n_bytes});
}

/* The head of something with a length: in the byte itself, or behind it in 1, 2 or 4 bytes; 0 =
 * this kind has no such form. */
static void put_head(struct kb_buf *out, unsigned fix, uint32_t fix_max, unsigned head8,
    unsigned head16, uint32_t len)
{
    if (fix && len <= fix_max)
        kb_buf_byte(out, (char)(fix | len));
    else if (head8 && len <= UINT8_MAX)
        put_number(out, head8, len, 1);
    else if (len <= UINT16_MAX)
        put_number(out, head16, len, 2);
    else
        put_number(out, head16 + 1, len, 4);
}

void kb_msgpack_map(struct kb_buf *out, uint32_t n)
{
    put_head(out, 0x80, 15, 0, 0xde, n);
}

void kb_msgpack_array(struct kb_buf *out, uint32_t n)
{
    put_head(out, 0x90, 15, 0, 0xdc, n);
}

void kb_msgpack_text(struct kb_buf *out, struct kb_slice text)
{
    put_head(out, 0xa0, 31, 0xd9, 0xda, (uint32_t)text.len);
    kb_buf_add(out, text);
}

void kb_msgpack_binary(struct kb_buf *out, struct kb_slice bytes)
{
    put_head(out, 0, 0, 0xc4, 0xc5, (uint32_t)bytes.len);
    kb_buf_add(out, bytes);
}

/* ---- JSON ---- */

static void count_value(struct kb_msgpack_writer *w)
{
    if (w->depth > 0)
        w->open[w->depth - 1].n++;
}

static void begin(struct kb_events *sink, unsigned head)
{
    struct kb_msgpack_writer *w = (struct kb_msgpack_writer *)sink;
    count_value(w);
    w->open[w->depth].head = w->out->len;
    w->open[w->depth++].n = 0;
    put_number(w->out, head, 0, HEAD_LEN - 1);
}

static void on_begin_object(struct kb_events *sink)
{
    begin(sink, 0xdf);
}

static void on_begin_array(struct kb_events *sink)
{
    begin(sink, 0xdd);
}

static void on_end(struct kb_events *sink)
{
    struct kb_msgpack_writer *w = (struct kb_msgpack_writer *)sink;
    size_t head = w->open[--w->depth].head;
    for (int i = 0; !w->out->failed && i < 4; i++)
        w->out->ptr[head + 1 + (size_t)i] = (char)(w->open[w->depth].n >> (24 - 8 * i));
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    kb_msgpack_text(((struct kb_msgpack_writer *)sink)->out, name);
}

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    count_value((struct kb_msgpack_writer *)sink);
    kb_msgpack_text(((struct kb_msgpack_writer *)sink)->out, text);
}

static void on_bytes(struct kb_events *sink, struct kb_slice bytes)
{
    count_value((struct kb_msgpack_writer *)sink);
    kb_msgpack_binary(((struct kb_msgpack_writer *)sink)->out, bytes);
}

static void put_integer(struct kb_buf *out, int64_t number)
{
    if (number >= -32 && number <= 127)
        kb_buf_byte(out, (char)number);
    else
        put_number(out, number < 0 ? 0xd3 : 0xcf, (uint64_t)number, 8);
}

static void put_real(struct kb_buf *out, double number)
{
    union {
        double real;
        uint64_t bits;
    } pun = {number};
    put_number(out, 0xcb, pun.bits, 8);
}

static void on_integer(struct kb_events *sink, int64_t number)
{
    count_value((struct kb_msgpack_writer *)sink);
    put_integer(((struct kb_msgpack_writer *)sink)->out, number);
}

static void on_real(struct kb_events *sink, double number)
{
    count_value((struct kb_msgpack_writer *)sink);
    put_real(((struct kb_msgpack_writer *)sink)->out, number);
}

/* Digits that strtoll or strtoull read to their end, or a double. */
static void on_number(struct kb_events *sink, struct kb_slice text)
{
    struct kb_msgpack_writer *w = (struct kb_msgpack_writer *)sink;
    char digits[512], *stop;
    count_value(w);
    snprintf(digits, sizeof(digits), KB_FMT, KB_ARG(text));
    errno = 0;
    long long whole = strtoll(digits, &stop, 10);
    if (errno == 0 && *stop == '\0') {
        put_integer(w->out, whole);
        return;
    }
    errno = 0;
    unsigned long long large = strtoull(digits, &stop, 10);
    if (errno == 0 && *stop == '\0' && digits[0] != '-') {
        put_number(w->out, 0xcf, large, 8);
        return;
    }
    put_real(w->out, strtod(digits, NULL));
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    count_value((struct kb_msgpack_writer *)sink);
    kb_buf_byte(((struct kb_msgpack_writer *)sink)->out, truth ? (char)0xc3 : (char)0xc2);
}

static void on_null(struct kb_events *sink)
{
    count_value((struct kb_msgpack_writer *)sink);
    kb_buf_byte(((struct kb_msgpack_writer *)sink)->out, (char)0xc0);
}

static const struct kb_events_ops writer_ops = {
    .begin_object = on_begin_object,
    .end_object = on_end,
    .begin_array = on_begin_array,
    .end_array = on_end,
    .key = on_key,
    .string = on_string,
    .bytes = on_bytes,
    .number = on_number,
    .integer = on_integer,
    .real = on_real,
    .boolean = on_boolean,
    .null = on_null,
};

void kb_msgpack_writer_init(struct kb_msgpack_writer *writer, struct kb_buf *out)
{
    writer->events.ops = &writer_ops;
    writer->out = out;
    writer->depth = 0;
}

bool kb_msgpack_json(struct kb_buf *out, struct kb_slice json)
{
    struct kb_msgpack_writer w;
    struct kb_err err;
    kb_msgpack_writer_init(&w, out);
    return kb_json_read(json, &w.events, &err);
}
