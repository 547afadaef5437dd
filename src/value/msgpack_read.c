/* MessagePack -> events; see msgpack.h. A loop over libmpack's tokens with a stack of what each
 * open array or map still lacks. */
#include "value/msgpack.h"

#include "base/utf8.h"
#include "value/json.h"

#include <inttypes.h>
#include <math.h>
#include <mpack.h>

#define EXACT_MAX 9007199254740992.0 /* above it a double may stand for several whole numbers */

struct open {
    uint64_t lacks; /* values; a map's keys count too */
    bool map;
};

struct reader {
    struct kb_events *sink;
    struct kb_err *err;
    mpack_tokbuf_t tokens;
    struct kb_slice all;
    const char *at;
    size_t left;
    size_t depth;
    struct open open[KB_JSON_DEPTH_MAX];
};

static bool refuse(struct reader *r, const char *what)
{
    return kb_err_record(r->err, KB_FAILURE_DECODE, "byte %zu: %s", r->all.len - r->left, what);
}

static bool begin(struct reader *r, bool map, uint32_t n)
{
    if (r->depth == KB_JSON_DEPTH_MAX)
        return refuse(r, "nested too deeply");
    r->open[r->depth++] = (struct open){map ? 2 * (uint64_t)n : n, map};
    if (map)
        kb_emit_begin_object(r->sink);
    else
        kb_emit_begin_array(r->sink);
    return true;
}

/* Closes every array and map that lacks nothing more. */
static void end_full(struct reader *r)
{
    while (r->depth > 0 && r->open[r->depth - 1].lacks == 0) {
        if (r->open[--r->depth].map)
            kb_emit_end_object(r->sink);
        else
            kb_emit_end_array(r->sink);
    }
}

/* The bytes behind the head of a text or binary, which libmpack gives as one more token. */
static bool read_chunk(struct reader *r, uint32_t len, struct kb_slice *chunk)
{
    mpack_token_t token;

    *chunk = KB_S("");
    if (len == 0)
        return true;
    if (len > r->left)
        return refuse(r, "the value ends too early");
    KB_BUG_ON(mpack_read(&r->tokens, &r->at, &r->left, &token) != MPACK_OK || token.length != len);
    *chunk = (struct kb_slice){token.data.chunk_ptr, len};
    return true;
}

static bool take_text(struct reader *r, uint32_t len, bool key)
{
    struct kb_slice text;

    if (!read_chunk(r, len, &text))
        return false;
    if (!kb_utf8_valid(text))
        return refuse(r, "text that is not UTF-8");
    if (key)
        kb_emit_key(r->sink, text);
    else
        kb_emit_string(r->sink, text);
    return true;
}

static bool take_bytes(struct reader *r, uint32_t len)
{
    struct kb_slice bytes;

    if (!read_chunk(r, len, &bytes))
        return false;
    kb_emit_bytes(r->sink, bytes);
    return true;
}

static void take_real(struct reader *r, double number)
{
    if (fabs(number) <= EXACT_MAX && number == floor(number))
        kb_emit_integer(r->sink, (int64_t)number);
    else
        kb_emit_real(r->sink, number);
}

static void take_unsigned(struct reader *r, uint64_t number)
{
    char digits[24];
    int len;

    if (number <= INT64_MAX) {
        kb_emit_integer(r->sink, (int64_t)number);
        return;
    }
    len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    kb_emit_number(r->sink, (struct kb_slice){digits, (size_t)len});
}

static bool take_value(struct reader *r, const mpack_token_t *token)
{
    switch (token->type) {
    case MPACK_TOKEN_NIL:
        kb_emit_null(r->sink);
        return true;
    case MPACK_TOKEN_BOOLEAN:
        kb_emit_boolean(r->sink, mpack_unpack_boolean(*token));
        return true;
    case MPACK_TOKEN_UINT:
        take_unsigned(r, mpack_unpack_uint(*token));
        return true;
    case MPACK_TOKEN_SINT:
        kb_emit_integer(r->sink, mpack_unpack_sint(*token));
        return true;
    case MPACK_TOKEN_FLOAT:
        take_real(r, mpack_unpack_float(*token));
        return true;
    case MPACK_TOKEN_STR:
        return take_text(r, token->length, false);
    case MPACK_TOKEN_BIN:
        return take_bytes(r, token->length);
    case MPACK_TOKEN_ARRAY:
    case MPACK_TOKEN_MAP:
        return begin(r, token->type == MPACK_TOKEN_MAP, token->length);
    default:
        return refuse(r, "an extension type");
    }
}

static bool take_token(struct reader *r)
{
    struct open *parent = r->depth > 0 ? &r->open[r->depth - 1] : NULL;
    bool key = parent && parent->map && parent->lacks % 2 == 0;
    mpack_token_t token;

    switch (mpack_read(&r->tokens, &r->at, &r->left, &token)) {
    case MPACK_OK:
        break;
    case MPACK_EOF:
        return refuse(r, "the value ends too early");
    default:
        return refuse(r, "no MessagePack");
    }
    if (parent)
        parent->lacks--;
    if (!key)
        return take_value(r, &token);
    return token.type == MPACK_TOKEN_STR ? take_text(r, token.length, true)
                                         : refuse(r, "a key that is not text");
}

bool kb_msgpack_read(struct kb_slice bytes, struct kb_events *sink, struct kb_err *err)
{
    struct reader r = {.sink = sink, .err = err, .all = bytes, .at = bytes.ptr, .left = bytes.len};

    mpack_tokbuf_init(&r.tokens);
    do {
        if (r.left == 0)
            return refuse(&r, "the value ends too early");
        if (!take_token(&r))
            return false;
        end_full(&r);
    } while (r.depth > 0);
    return r.left == 0 || refuse(&r, "more behind the value");
}
