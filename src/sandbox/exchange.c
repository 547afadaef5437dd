/* See exchange.h: buffers of a request and its answer, and Ably's error form. */
#include "sandbox/exchange.h"

#include "value/json.h"

#include <stdarg.h>

/* 2 MiB of the shortest specs become some 20 MiB of structures; more than this is refused. */
#define ARENA_MAX ((size_t)64 << 20)
#define ANSWER_MAX ((size_t)64 << 20)

void kb_exchange_init(struct kb_exchange *x, const struct kb_exchange_lookup *lookup)
{
    *x = (struct kb_exchange){.lookup = lookup};
    kb_buf_init(&x->body, KB_EXCHANGE_BODY_MAX);
    kb_buf_init(&x->answer, ANSWER_MAX);
    kb_arena_init(&x->arena, ARENA_MAX);
}

void kb_exchange_end(struct kb_exchange *x)
{
    if (x->stream)
        x->stream->free(x->stream);
    x->stream = NULL;
}

void kb_exchange_deinit(struct kb_exchange *x)
{
    kb_exchange_end(x);
    kb_buf_deinit(&x->body);
    kb_buf_deinit(&x->answer);
    kb_arena_deinit(&x->arena);
}

void kb_exchange_begin(struct kb_exchange *x, struct kb_slice method, struct kb_slice path)
{
    kb_exchange_end(x);
    kb_buf_reset(&x->body);
    kb_buf_reset(&x->answer);
    kb_arena_reset(&x->arena);
    x->method = method;
    x->path = path;
    x->body_too_long = false;
    x->status = 0;
    x->content_type = "application/json";
    x->as_is = false;
    x->n_headers = 0;
    x->delay_ms = 0;
    x->cut = KB_CUT_NONE;
}

void kb_exchange_body(struct kb_exchange *x, struct kb_slice piece)
{
    if (x->body_too_long || x->body.len + piece.len > KB_EXCHANGE_BODY_MAX) {
        x->body_too_long = true;
        return;
    }
    kb_buf_add(&x->body, piece);
}

bool kb_exchange_number(struct kb_slice text, int64_t *out)
{
    int64_t number = 0;

    if (text.len == 0 || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (text.ptr[i] - '0');
    }
    *out = number;
    return true;
}

bool kb_exchange_query_number(struct kb_exchange *x, const char *name, int64_t absent, int64_t *out)
{
    struct kb_slice text = kb_exchange_query(x, name);

    *out = absent;
    return !text.ptr || kb_exchange_number(text, out);
}

static const char *header_text(struct kb_exchange *x, struct kb_slice text)
{
    char *copy = kb_arena_alloc(&x->arena, text.len + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return NULL;
        copy[i] = text.ptr[i];
    }
    copy[text.len] = '\0';
    return copy;
}

void kb_exchange_add_header(struct kb_exchange *x, struct kb_slice name, struct kb_slice value)
{
    const char *name_text = header_text(x, name), *value_text = header_text(x, value);

    if (!name_text || !value_text || x->n_headers == KB_EXCHANGE_HEADERS)
        return;
    x->headers[x->n_headers].name = name_text;
    x->headers[x->n_headers].value = value_text;
    x->n_headers++;
}

void kb_exchange_set_type(struct kb_exchange *x, struct kb_slice type)
{
    const char *text = header_text(x, type);

    if (text)
        x->content_type = text;
}

void kb_error_object(struct kb_buf *out, int status, int code, struct kb_slice message)
{
    kb_buf_printf(out, "{\"code\":%d,\"statusCode\":%d,\"message\":", code, status);
    kb_json_string(out, message);
    kb_buf_printf(out, ",\"href\":\"https://help.ably.io/error/%d\"}", code);
}

void kb_exchange_error(struct kb_exchange *x, int status, int code, const char *fmt, ...)
{
    char text[512], digits[16];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    snprintf(digits, sizeof(digits), "%d", code);

    x->status = status;
    kb_buf_reset(&x->answer);
    kb_buf_add(&x->answer, KB_S("{\"error\":"));
    kb_error_object(&x->answer, status, code, kb_slice_of(text));
    kb_buf_byte(&x->answer, '}');
    kb_exchange_add_header(x, KB_S("X-Ably-ErrorCode"), kb_slice_of(digits));
    kb_exchange_add_header(x, KB_S("X-Ably-ErrorMessage"), kb_slice_of(text));
}
