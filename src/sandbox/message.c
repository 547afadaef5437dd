/* See message.h. */
#include "sandbox/message.h"

#include "base/base64.h"
#include "sandbox/exchange.h"
#include "sandbox/tokens.h"
#include "value/json.h"

static void print_member(struct kb_buf *json, struct kb_slice name, struct kb_slice text)
{
    if (!text.ptr)
        return;
    kb_buf_add(json, name);
    kb_json_string(json, text);
}

static bool ends_with(struct kb_slice text, struct kb_slice end)
{
    return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

/* The encoding as a subscriber needs it: behind what was given, the step by which data became text.
 */
static void print_encoding(struct kb_buf *json, const struct kb_posted_message *msg)
{
    struct kb_slice given = msg->encoding, step = KB_S("");

    if (msg->kind == KB_POSTED_BYTES)
        step = KB_S("base64");
    else if (msg->kind == KB_POSTED_JSON && !ends_with(given, KB_S("json")))
        step = KB_S("json");
    if (step.len == 0) {
        print_member(json, KB_S(",\"encoding\":"), given);
        return;
    }
    kb_buf_add(json, KB_S(",\"encoding\":\""));
    kb_json_escape(json, given);
    kb_buf_add(json, given.len > 0 ? KB_S("/") : KB_S(""));
    kb_buf_add(json, step);
    kb_buf_byte(json, '"');
}

static void print_data(struct kb_buf *json, const struct kb_posted_message *msg)
{
    if (msg->kind == KB_POSTED_BYTES) {
        kb_buf_add(json, KB_S(",\"data\":\""));
        kb_base64_add(json, msg->data);
        kb_buf_byte(json, '"');
    } else if (msg->kind != KB_POSTED_NO_DATA) {
        print_member(json, KB_S(",\"data\":"), msg->data);
    }
}

size_t kb_local_message_write(struct kb_buf *out, const struct kb_posted_message *msg,
    struct kb_slice id, struct kb_slice client_id, int64_t wall_ms)
{
    size_t start = out->len, head_len;

    kb_buf_add(out, KB_S("{\"id\":"));
    kb_json_string(out, id);
    print_member(out, KB_S(",\"clientId\":"), client_id);
    kb_buf_add(out, KB_S(",\"timestamp\":"));
    kb_buf_add_i64(out, wall_ms);
    print_encoding(out, msg);
    head_len = out->len - start;
    print_data(out, msg);
    print_member(out, KB_S(",\"name\":"), msg->name);
    if (msg->extras.ptr) {
        kb_buf_add(out, KB_S(",\"extras\":"));
        kb_buf_add(out, msg->extras);
    }
    kb_buf_byte(out, '}');
    return head_len;
}

/* --- the forms --- */

static struct kb_slice head(const struct kb_local_message *msg)
{
    return (struct kb_slice){msg->json.ptr, msg->head_len};
}

static struct kb_slice tail(const struct kb_local_message *msg)
{
    return (struct kb_slice){msg->json.ptr + msg->head_len, msg->json.len - msg->head_len};
}

/* The sortable number Ably gives a message: from the start's time and the message's own number. A
 * repeat is told that of the first. */
void kb_local_message_serial(struct kb_buf *out, const char *started, uint64_t seq)
{
    char digits[] = "-000000000000";

    for (char *at = digits + sizeof(digits) - 2; seq > 0 && at > digits; at--, seq /= 10)
        *at = (char)('0' + seq % 10);
    kb_buf_byte(out, '"');
    kb_buf_add(out, kb_slice_of(started));
    kb_buf_add(out, (struct kb_slice){digits, sizeof(digits) - 1});
    kb_buf_add(out, KB_S("@kably-sandbox:000\""));
}

void kb_local_message_history(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out)
{
    kb_buf_add(out, head(msg));
    kb_buf_add(out, KB_S(",\"serial\":"));
    kb_local_message_serial(out, started, msg->seq);
    kb_buf_add(out, tail(msg));
}

static void print_event_head(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out)
{
    kb_buf_add(out, KB_S("id: "));
    kb_buf_add(out, kb_slice_of(started));
    kb_buf_byte(out, '@');
    kb_buf_add_i64(out, msg->timestamp_ms);
    kb_buf_byte(out, '-');
    kb_buf_add_i64(out, (int64_t)msg->seq);
    kb_buf_add(out, KB_S("\nevent: message\ndata: "));
}

void kb_local_message_event(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out)
{
    print_event_head(msg, started, out);
    kb_buf_add(out, head(msg));
    print_member(out, KB_S(",\"channel\":"), msg->channel);
    kb_buf_add(out, tail(msg));
    kb_buf_add(out, KB_S("\n\n"));
}

/* --- data alone --- */

/* Finds `data` among the object's own members and prints it as lines of an event. */
struct data_printer {
    struct kb_tokens tokens;
    struct kb_buf *out;
    int depth;
    bool in_data;
};

static void print_lines(struct kb_buf *out, struct kb_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool crlf = text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        if (crlf)
            continue;
        if (text.ptr[i] == '\n' || text.ptr[i] == '\r')
            kb_buf_add(out, KB_S("\ndata: "));
        else
            kb_buf_byte(out, text.ptr[i]);
    }
}

static void take_token(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text)
{
    struct data_printer *printer = (struct data_printer *)tokens;

    if (token == KB_TOKEN_OBJECT || token == KB_TOKEN_ARRAY)
        printer->depth++;
    else if (token == KB_TOKEN_OBJECT_END || token == KB_TOKEN_ARRAY_END)
        printer->depth--;
    else if (token == KB_TOKEN_KEY)
        printer->in_data = printer->depth == 1 && kb_slice_is(text, "data");
    else if (token == KB_TOKEN_STRING && printer->in_data)
        print_lines(printer->out, text);
}

void kb_local_message_bare_event(
    const struct kb_local_message *msg, const char *started, struct kb_buf *out)
{
    struct data_printer printer = {.out = out};
    struct kb_err err;

    print_event_head(msg, started, out);
    kb_tokens_init(&printer.tokens, take_token);
    KB_BUG_ON(!kb_json_read(msg->json, &printer.tokens.events, &err)); /* we wrote it */
    kb_buf_add(out, KB_S("\n\n"));
}

bool kb_local_message_behind(struct kb_slice event_id, const char *started, uint64_t *seq)
{
    const char *dash = memrchr(event_id.ptr, '-', event_id.len);
    size_t id_len = dash ? (size_t)(dash - event_id.ptr) + 1 : 0;
    int64_t number;

    if (!kb_slice_starts(event_id, kb_slice_of(started)) ||
        !kb_exchange_number(
            (struct kb_slice){event_id.ptr + id_len, event_id.len - id_len}, &number))
        return false;
    *seq = (uint64_t)number;
    return true;
}
