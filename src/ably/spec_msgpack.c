/* struct kb_message -> MessagePack; see spec_msgpack.h. Called by the worker in place of
 * kb_spec_encode where protocol = "msgpack". */
#include "ably/spec_msgpack.h"

#include "base/utf8.h"
#include "value/msgpack.h"

static void put_member(struct kb_buf *out, struct kb_slice name, struct kb_slice text)
{
    kb_msgpack_text(out, name);
    kb_msgpack_text(out, text);
}

/* RSL4c: no step for base64. JSON text says so; an encoding of the user's stands as it is. */
static struct kb_slice encoding_of(const struct kb_message *msg)
{
    if (msg->data.form == KB_FORM_NULL)
        return (struct kb_slice){NULL, 0};
    if (msg->encoding.ptr)
        return msg->encoding;
    return msg->data.form == KB_FORM_JSON ? KB_S("json") : (struct kb_slice){NULL, 0};
}

/* As in JSON: of text that is not UTF-8 each byte above 127 becomes U+FFFD. */
static void put_unchecked(struct kb_buf *out, struct kb_slice text)
{
    if (kb_utf8_valid(text)) {
        kb_msgpack_text(out, text);
        return;
    }
    struct kb_buf clean;
    kb_buf_init(&clean, 3 * text.len);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x80)
            kb_buf_byte(&clean, text.ptr[i]);
        else
            kb_buf_add(&clean, KB_S("\xef\xbf\xbd"));
    out->failed |= clean.failed;
    kb_msgpack_text(out, kb_buf_slice(&clean));
    kb_buf_deinit(&clean);
}

static void put_data(struct kb_buf *out, const struct kb_value *data)
{
    kb_msgpack_text(out, KB_S("data"));
    if (data->form == KB_FORM_BYTES)
        kb_msgpack_binary(out, data->bytes);
    else
        kb_msgpack_text(out, data->bytes);
}

void kb_spec_encode_msgpack(struct kb_buf *out, const struct kb_message *msg, struct kb_buf *extras)
{
    kb_buf_reset(extras);
    kb_spec_extras(extras, msg);
    struct kb_slice encoding = encoding_of(msg);
    bool data = msg->data.form != KB_FORM_NULL;
    uint32_t members =
        1u + !!msg->name.ptr + !!msg->client_id.ptr + data + !!encoding.ptr + (extras->len > 0);

    kb_msgpack_map(out, 2);
    kb_msgpack_text(out, KB_S("channels"));
    kb_msgpack_array(out, 1);
    kb_msgpack_text(out, msg->channel);
    kb_msgpack_text(out, KB_S("messages"));
    kb_msgpack_array(out, 1);
    kb_msgpack_map(out, members);
    put_member(out, KB_S("id"), msg->id); /* first, as in spec.c */
    if (msg->name.ptr)
        put_member(out, KB_S("name"), msg->name);
    if (msg->client_id.ptr)
        put_member(out, KB_S("clientId"), msg->client_id);
    if (data)
        put_data(out, &msg->data);
    if (encoding.ptr) {
        kb_msgpack_text(out, KB_S("encoding"));
        put_unchecked(out, encoding);
    }
    if (extras->failed)
        out->failed = true;
    if (extras->len == 0 || extras->failed)
        return;
    kb_msgpack_text(out, KB_S("extras"));
    if (!kb_msgpack_json(out, kb_buf_slice(extras)))
        out->failed = true;
}
