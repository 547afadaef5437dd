/* What became of a record, as the `= ` lines of a golden case say it: each message field by field,
 * or the drop, or the failure's class and reason. */
#ifndef TESTS_GOLDEN_MESSAGE_H
#define TESTS_GOLDEN_MESSAGE_H

#include "golden_record.h"
#include "route/route.h"

static inline void golden_text(struct kb_buf *out, const char *what, struct kb_slice text)
{
    if (text.ptr)
        kb_buf_printf(out, "= %s " KB_FMT "\n", what, KB_ARG(text));
}

static inline void golden_value(struct kb_buf *out, const char *what, const struct kb_value *value)
{
    static const char *const forms[] = {
        [KB_FORM_TEXT] = "text", [KB_FORM_BYTES] = "bytes", [KB_FORM_JSON] = "json"};
    if (value->form == KB_FORM_NULL) {
        kb_buf_printf(out, "= %s null\n", what);
        return;
    }
    kb_buf_printf(out, "= %s %s ", what, forms[value->form]);
    kb_buf_add(out, value->bytes); /* may hold zero bytes */
    kb_buf_byte(out, '\n');
}

static inline void golden_header(struct kb_buf *out, const struct kb_header *header)
{
    kb_buf_printf(out, "= header " KB_FMT, KB_ARG(header->name));
    if (header->value.ptr)
        kb_buf_printf(out, "=" KB_FMT, KB_ARG(header->value));
    kb_buf_byte(out, '\n');
}

/* With its headers, or how many there are. */
static inline void golden_message(
    struct kb_buf *out, const struct kb_message *msg, bool list_headers)
{
    golden_text(out, "channel", msg->channel);
    golden_text(out, "id", msg->id);
    golden_text(out, "name", msg->name);
    golden_text(out, "client_id", msg->client_id);
    golden_value(out, "data", &msg->data);
    golden_value(out, "key", &msg->key);
    golden_text(out, "encoding", msg->encoding);
    golden_text(out, "push", msg->push);
    golden_text(out, "extras", msg->extras);
    golden_text(out, "cipher", msg->cipher_key);
    for (size_t i = 0; i < msg->n_headers && list_headers; i++)
        golden_header(out, &msg->headers[i]);
    if (msg->n_headers > 0 && !list_headers)
        kb_buf_printf(out, "= headers %zu\n", msg->n_headers);
}

static inline void golden_result(struct kb_buf *out, const struct kb_router *router,
    enum kb_route_result result, const struct kb_err *err, bool list_headers)
{
    switch (result) {
    case KB_ROUTED:
        for (size_t i = 0; i < router->n_messages; i++)
            golden_message(out, &router->messages[i], list_headers);
        return;
    case KB_DROPPED:
        kb_buf_add(out, KB_S("= dropped\n"));
        return;
    case KB_DEAD_LETTER:
        assert_int_equal(err->class, KB_ERR_RECORD);
        assert_int_equal(err->failure, KB_FAILURE_DECODE);
        kb_buf_printf(out, "= dead letter: %s\n", err->text);
        return;
    case KB_WAITS:
    case KB_FAILED:
        assert_int_equal(err->class, KB_ERR_RECORD);
        kb_buf_printf(out, "= failed %s: %s\n", kb_failure_name(err->failure), err->text);
    }
}

#endif
