/* One message, made of what transform gave it, the rules of its topic and the record; see
 * route_inside.h.
 *
 * All its texts are rendered into one buffer. That has its full size from the start, so what lies
 * in it stays where it is while more comes behind it. */
#include "route/route_inside.h"

#include "base/utf8.h"

static const struct kb_slice none = {NULL, 0};

static struct kb_slice text_since(const struct kb_router *router, size_t start)
{
    return (struct kb_slice){router->text.ptr + start, router->text.len - start};
}

/* ---- texts ---- */

/* One of a message's texts: what transform gave the message, else what the template in the topic's
 * block makes of the record; `key` is the template's. */
static bool render(const struct kb_routing *r, struct kb_slice own, const char *key,
    const struct kb_template *tmpl, struct kb_slice *out, struct kb_err *err)
{
    struct kb_buf *text = &r->router->text;
    size_t start = text->len;
    if (own.ptr)
        kb_buf_add(text, own);
    else if (tmpl && !kb_template_render(tmpl, &r->in, text, err))
        return kb_err_wrap(err, "%s", key);
    *out = text_since(r->router, start);
    return true;
}

/* The same where an empty text is none. */
static bool render_or_none(const struct kb_routing *r, struct kb_slice own, const char *key,
    const struct kb_template *tmpl, struct kb_slice *out, struct kb_err *err)
{
    if (!render(r, own, key, tmpl, out, err))
        return false;
    if (out->len == 0)
        *out = none;
    return true;
}

/* The user's own id, or the record's place. Of several messages of a record, one id on different
 * channels is no repeat. */
static bool render_id(
    const struct kb_routing *r, uint32_t index, struct kb_slice *out, struct kb_err *err)
{
    struct kb_buf *text = &r->router->text;
    size_t start = text->len;
    if (!r->rules->id)
        kb_message_id(text, &r->rec, index, r->router->cluster_hash);
    else if (!kb_template_render(r->rules->id, &r->in, text, err))
        return kb_err_wrap(err, "id");
    *out = text_since(r->router, start);
    return out->len > 0 || text->failed || kb_err_record(err, KB_FAILURE_MESSAGE, "id: is empty");
}

/* channel, name, client_id, id and the key of the cipher. */
static bool render_texts(const struct kb_routing *r, const struct kb_routing_part *part,
    struct kb_message *msg, struct kb_err *err)
{
    const struct kb_rules *rules = r->rules;
    const struct kb_hook_message *own = part->own;
    if (!render(r, own->channel, "channel", part->channel, &msg->channel, err))
        return false;
    if (!kb_channel_check(msg->channel, err))
        return kb_err_wrap(err, "channel");
    if (!render_or_none(r, own->name, "name", rules->name, &msg->name, err) ||
        !render_or_none(r, own->client_id, "client_id", rules->client_id, &msg->client_id, err) ||
        !render_id(r, part->index, &msg->id, err))
        return false;
    /* An empty key is a wrong key, not none: nothing is sent in clear for it. */
    if (rules->cipher_key && !render(r, none, "cipher", rules->cipher_key, &msg->cipher_key, err))
        return false;
    return !r->router->text.failed ||
           kb_err_record(err, KB_FAILURE_MESSAGE, "the message's texts are longer than %d bytes",
               KB_ROUTE_TEXT_MAX);
}

/* ---- what speaks to the sink itself ---- */

/* What transform gave the message, else what the header says. */
static bool set_encoding(const struct kb_hook_message *own, const struct kb_header *header,
    struct kb_message *msg, struct kb_err *err)
{
    if (own->encoding.ptr) {
        msg->encoding = own->encoding;
    } else if (header && header->value.len > 0) {
        if (!kb_utf8_valid(header->value))
            return kb_err_record(
                err, KB_FAILURE_MESSAGE, "header " KB_HEADER_ENCODING ": is not UTF-8");
        msg->encoding = header->value;
    }
    return true;
}

/* A JSON value of the topic's block, with this record's texts in it. */
static bool render_json(const struct kb_routing *r, const struct kb_json_template *json,
    const char *key, struct kb_slice *out, struct kb_err *err)
{
    struct kb_router *router = r->router;
    size_t start = router->text.len;
    if (!kb_json_template_render(json, &r->in, &router->text, &router->scratch, err))
        return kb_err_wrap(err, "%s", key);
    if (router->text.failed || router->scratch.failed)
        return kb_err_record(
            err, KB_FAILURE_MESSAGE, "%s: is longer than %d bytes", key, KB_ROUTE_TEXT_MAX);
    *out = text_since(router, start);
    return true;
}

/* What transform gave the message, else what the topic's block says. */
static bool set_extras(const struct kb_routing *r, const struct kb_hook_message *own,
    struct kb_message *msg, struct kb_err *err)
{
    msg->extras = own->extras;
    msg->layout = r->rules->layout;
    if (!msg->extras.ptr && kb_routing_has(r, KB_HOOK_EXTRAS))
        return kb_hooks_extras(r->router->hooks, r->rules->number, r->message, &msg->extras, err);
    return msg->extras.ptr || !r->rules->extras ||
           render_json(r, r->rules->extras, "extras", &msg->extras, err);
}

/* From the message itself, the topic's `push`, or the header, the first that has one. */
static bool set_push(const struct kb_routing *r, const struct kb_hook_message *own,
    const struct kb_header *header, struct kb_message *msg, struct kb_err *err)
{
    struct kb_router *router = r->router;
    const char *from = "push";
    struct kb_slice push = own->push;
    if (!push.ptr && kb_routing_has(r, KB_HOOK_PUSH) &&
        !kb_hooks_push(router->hooks, r->rules->number, r->message, &push, err))
        return false;
    if (!push.ptr && r->rules->push && !render_json(r, r->rules->push, "push", &push, err))
        return false;
    if (!push.ptr && header && header->value.ptr) {
        push = header->value;
        from = "header " KB_HEADER_PUSH;
    }
    if (push.ptr && !kb_push_check(push, router->push_paths, &router->arena, err))
        return kb_err_wrap(err, "%s", from);
    msg->push = push;
    return true;
}

bool kb_routing_message(struct kb_routing *r, const struct kb_routing_part *part,
    struct kb_message *msg, struct kb_err *err)
{
    const struct kb_hook_message *own = part->own;
    struct kb_record rec = r->rec;
    if (own->has_headers) {
        rec.headers = own->headers;
        rec.n_headers = own->n_headers;
    }
    r->message = part->index + 1;
    *msg = (struct kb_message){.data = own->has_data ? own->data : r->value,
        .key = r->key,
        .headers = rec.headers,
        .n_headers = rec.n_headers};
    return render_texts(r, part, msg, err) && set_extras(r, own, msg, err) &&
           set_encoding(own, kb_record_header(&rec, KB_S(KB_HEADER_ENCODING)), msg, err) &&
           set_push(r, own, kb_record_header(&rec, KB_S(KB_HEADER_PUSH)), msg, err);
}
