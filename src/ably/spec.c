/* struct kb_message -> the JSON of its BatchSpec, once per record, and the size Ably will count for
 * it. Called by the worker between route and kb_publisher_add. Hot path: literal pieces are added,
 * nothing is formatted.
 *
 * `extras` is walked by one function for both purposes: into a buffer, or only counted. */
#include "ably/spec.h"

#include "base/base64.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "value/json.h"

/* Where extras go: to `buf`, or nowhere, and then `len` counts them. */
struct writer {
    struct kb_buf *buf;
    size_t len;
    struct kb_slice opening; /* stands before the first member of extras */
    bool opened;             /* it has one */
};

static void put(struct writer *out, struct kb_slice text)
{
    if (out->buf)
        kb_buf_add(out->buf, text);
    else
        out->len += text.len;
}

/* How long kb_json_escape makes it. */
static size_t escaped_len(struct kb_slice text)
{
    size_t len = text.len;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\' || (c >= '\b' && c <= '\r' && c != '\v'))
            len += 1; /* two characters: \" \\ \b \t \n \f \r */
        else if (c < 0x20)
            len += 5; /* \u00xx */
    }
    return len;
}

static void put_escaped(struct writer *out, struct kb_slice text)
{
    if (out->buf)
        kb_json_escape(out->buf, text);
    else
        out->len += escaped_len(text);
}

/* Text that nobody has checked: what is not UTF-8 loses its bytes above 127. */
static void put_unchecked(struct writer *out, struct kb_slice text)
{
    if (kb_utf8_valid(text)) {
        put_escaped(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x80)
            put_escaped(out, (struct kb_slice){text.ptr + i, 1});
        else
            put(out, KB_S("\xef\xbf\xbd"));
    }
}

static void put_base64(struct writer *out, struct kb_slice bytes)
{
    if (out->buf)
        kb_base64_add(out->buf, bytes);
    else
        out->len += KB_BASE64_LEN(bytes.len);
}

/* ---- headers ---- */

/* Marks the headers that don't go to Ably: kably's own, and of a repeated name all but the last.
 * Few headers are compared with each other; a record with thousands of them (nobody's honest
 * record) gets a hash table. */
#define COMPARE_MAX 24

struct headers {
    const struct kb_header *all;
    size_t n;
    bool *hidden; /* NULL: compare */
    bool failed;
    struct kb_slice replaced; /* a header of this name stands for the record's; ptr NULL = none */
};

static bool reserved(struct kb_slice name)
{
    return kb_slice_starts(name, KB_S("com.ably.")) &&
           (kb_slice_is(name, KB_HEADER_ENCODING) || kb_slice_is(name, KB_HEADER_PUSH));
}

static void headers_hide_repeated(struct headers *headers)
{
    size_t cells = 64;
    while (cells < 2 * headers->n)
        cells *= 2;
    size_t *table = calloc(cells, sizeof(*table)); /* index + 1 */
    headers->hidden = calloc(headers->n, sizeof(*headers->hidden));
    headers->failed = !table || !headers->hidden;
    for (size_t i = headers->n; !headers->failed && i-- > 0;) {
        struct kb_slice name = headers->all[i].name;
        size_t at = kb_hash64(name, 0) & (cells - 1);
        while (table[at] && !kb_slice_eq(headers->all[table[at] - 1].name, name))
            at = (at + 1) & (cells - 1);
        headers->hidden[i] = table[at] != 0 || reserved(name);
        if (!table[at])
            table[at] = i + 1;
    }
    free(table);
}

static void headers_init(struct headers *headers, const struct kb_message *msg)
{
    *headers = (struct headers){.all = msg->headers, .n = msg->n_headers};
    if (msg->layout) {
        headers->replaced = msg->layout->key_header;
        headers->n = msg->layout->no_headers ? 0 : headers->n;
    }
    if (headers->n > COMPARE_MAX)
        headers_hide_repeated(headers);
}

static void headers_deinit(struct headers *headers)
{
    free(headers->hidden);
}

static bool headers_shown(const struct headers *headers, size_t i)
{
    if (headers->failed)
        return false;
    if (headers->replaced.ptr && kb_slice_eq(headers->all[i].name, headers->replaced))
        return false;
    if (headers->hidden)
        return !headers->hidden[i];
    struct kb_slice name = headers->all[i].name;
    if (reserved(name))
        return false;
    for (size_t later = i + 1; later < headers->n; later++)
        if (kb_slice_eq(headers->all[later].name, name))
            return false;
    return true;
}

static bool is_binary(const struct kb_header *header)
{
    return header->value.ptr && !kb_utf8_valid(header->value);
}

/* ---- extras ---- */

/* The opening before the first member, a comma before each further one: where there is none,
 * nothing at all. */
static void next_member(struct writer *out, bool *opened, struct kb_slice opening)
{
    put(out, *opened ? KB_S(",") : opening);
    *opened = true;
}

static void next_extra(struct writer *out)
{
    next_member(out, &out->opened, out->opening);
}

static void put_key(struct writer *out, const struct kb_value *key)
{
    put(out, KB_S("\"key\":\""));
    if (key->form == KB_FORM_BYTES)
        put_base64(out, key->bytes);
    else
        put_escaped(out, key->bytes);
    put(out, KB_S("\""));
}

/* {"key":...,"base64_headers":[...]} */
static void put_kafka(struct writer *out, const struct kb_value *key, const struct headers *headers)
{
    bool kafka = false, names = false;
    if (key->form != KB_FORM_NULL) {
        next_extra(out);
        next_member(out, &kafka, KB_S("\"kafka\":{"));
        put_key(out, key);
    }
    for (size_t i = 0; i < headers->n; i++) {
        if (!is_binary(&headers->all[i]) || !headers_shown(headers, i))
            continue;
        if (!kafka)
            next_extra(out);
        if (!names)
            next_member(out, &kafka, KB_S("\"kafka\":{"));
        next_member(out, &names, KB_S("\"base64_headers\":["));
        put(out, KB_S("\""));
        put_unchecked(out, headers->all[i].name);
        put(out, KB_S("\""));
    }
    put(out, names ? KB_S("]}") : kafka ? KB_S("}") : KB_S(""));
}

static void put_header_value(struct writer *out, const struct kb_header *header)
{
    if (!header->value.ptr) {
        put(out, KB_S("null"));
        return;
    }
    put(out, KB_S("\""));
    if (is_binary(header))
        put_base64(out, header->value);
    else
        put_escaped(out, header->value);
    put(out, KB_S("\""));
}

static void put_key_header(
    struct writer *out, struct kb_slice name, const struct kb_value *key, bool *any)
{
    if (!*any)
        next_extra(out);
    next_member(out, any, KB_S("\"headers\":{"));
    put(out, KB_S("\""));
    put_escaped(out, name);
    put(out, KB_S("\":\""));
    if (key->form == KB_FORM_BYTES)
        put_base64(out, key->bytes);
    else
        put_escaped(out, key->bytes);
    put(out, KB_S("\""));
}

static void put_headers(
    struct writer *out, const struct headers *headers, const struct kb_value *key)
{
    bool any = false;
    for (size_t i = 0; i < headers->n; i++) {
        if (!headers_shown(headers, i))
            continue;
        if (!any)
            next_extra(out);
        next_member(out, &any, KB_S("\"headers\":{"));
        put(out, KB_S("\""));
        put_unchecked(out, headers->all[i].name);
        put(out, KB_S("\":"));
        put_header_value(out, &headers->all[i]);
    }
    if (headers->replaced.ptr && key->form != KB_FORM_NULL)
        put_key_header(out, headers->replaced, key, &any);
    put(out, any ? KB_S("}") : KB_S(""));
}

/* The extras object behind `out->opening`; nothing where a message has none. False: no memory. */
static bool put_extras(struct writer *out, const struct kb_message *msg)
{
    struct headers headers;
    headers_init(&headers, msg);
    static const struct kb_value no_key = {.form = KB_FORM_NULL};
    put_kafka(out, msg->layout && msg->layout->no_key ? &no_key : &msg->key, &headers);
    put_headers(out, &headers, &msg->key);
    if (msg->push.ptr) {
        next_extra(out);
        put(out, KB_S("\"push\":"));
        put(out, msg->push);
    }
    if (msg->extras.ptr) {
        next_extra(out);
        put(out, msg->extras);
    }
    put(out, out->opened ? KB_S("}") : KB_S(""));
    headers_deinit(&headers);
    return !headers.failed;
}

/* ---- the spec ---- */

static void put_text(struct kb_buf *out, struct kb_slice before, struct kb_slice text)
{
    kb_buf_add(out, before);
    kb_json_escape(out, text);
    kb_buf_byte(out, '"');
}

static void put_encoding(struct kb_buf *out, struct kb_slice chosen, enum kb_form form)
{
    struct writer writer = {.buf = out};
    bool bytes = form == KB_FORM_BYTES;
    if (!chosen.ptr && form == KB_FORM_TEXT)
        return;
    kb_buf_add(out, KB_S(",\"encoding\":\""));
    if (chosen.ptr) {
        put_unchecked(&writer, chosen);
        kb_buf_add(out, bytes ? KB_S("/base64\"") : KB_S("\""));
    } else {
        kb_buf_add(out, bytes ? KB_S("base64\"") : KB_S("json\""));
    }
}

static void put_data(struct kb_buf *out, const struct kb_message *msg)
{
    if (msg->data.form == KB_FORM_NULL)
        return;
    if (msg->data.form == KB_FORM_BYTES) {
        kb_buf_add(out, KB_S(",\"data\":\""));
        kb_base64_add(out, msg->data.bytes);
        kb_buf_byte(out, '"');
    } else {
        put_text(out, KB_S(",\"data\":\""), msg->data.bytes);
    }
    put_encoding(out, msg->encoding, msg->data.form);
}

void kb_spec_encode(struct kb_buf *out, const struct kb_message *msg)
{
    put_text(out, KB_S("{\"channels\":[\""), msg->channel);
    put_text(out, KB_S("],\"messages\":[{\"id\":\""), msg->id);
    if (msg->name.ptr)
        put_text(out, KB_S(",\"name\":\""), msg->name);
    if (msg->client_id.ptr)
        put_text(out, KB_S(",\"clientId\":\""), msg->client_id);
    put_data(out, msg);
    struct writer extras = {.buf = out, .opening = KB_S(",\"extras\":{")};
    if (!put_extras(&extras, msg))
        out->failed = true;
    kb_buf_add(out, KB_S("}]}"));
}

void kb_spec_extras(struct kb_buf *out, const struct kb_message *msg)
{
    struct writer extras = {.buf = out, .opening = KB_S("{")};
    if (!put_extras(&extras, msg))
        out->failed = true;
}

static size_t size_but_extras(const struct kb_message *msg)
{
    return msg->name.len + msg->client_id.len +
           (msg->data.form != KB_FORM_NULL ? msg->data.bytes.len : 0);
}

size_t kb_message_size(const struct kb_message *msg)
{
    struct writer extras = {.opening = KB_S("{")};
    if (!put_extras(&extras, msg))
        return SIZE_MAX; /* no memory: too large is what it is */
    return size_but_extras(msg) + extras.len;
}

bool kb_message_within(const struct kb_message *msg, size_t max)
{
    /* A byte becomes six at most, as \u00XX; a header's name may stand in two places. */
    size_t most = size_but_extras(msg) + msg->push.len + msg->extras.len + 6 * msg->key.bytes.len +
                  64 + (msg->layout ? 6 * msg->layout->key_header.len : 0);
    for (size_t i = 0; i < msg->n_headers; i++)
        most += 12 * msg->headers[i].name.len + 6 * msg->headers[i].value.len + 16;
    return most <= max || kb_message_size(msg) <= max;
}
