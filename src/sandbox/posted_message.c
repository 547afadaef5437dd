/* See posted_message.h. */
#include "sandbox/posted_message.h"

#define COPY_MAX ((size_t)16 << 20) /* a value of a 2 MiB body, written anew with its escapes */
#define EXTRAS_DEPTH_MAX 100        /* what is nested deeper could not be wrapped in an answer */

struct kb_message_field {
    struct kb_slice name;
    size_t offset; /* of a text in the message */
    int code;      /* of the refusal where it is no text */
    struct kb_slice complaint;
    void (*take)(struct kb_message_reader *r, enum kb_token token, struct kb_slice text);
};

static void take_text(struct kb_message_reader *r, enum kb_token token, struct kb_slice text);
static void take_data(struct kb_message_reader *r, enum kb_token token, struct kb_slice text);
static void take_extras(struct kb_message_reader *r, enum kb_token token, struct kb_slice text);

#define SLICE(text)            \
    {                          \
        text, sizeof(text) - 1 \
    }
#define TEXT(name, member, code)                                       \
    {                                                                  \
        SLICE(name), offsetof(struct kb_posted_message, member), code, \
            SLICE(name " must be a string"), take_text                 \
    }
#define VALUE(name, take)                  \
    {                                      \
        SLICE(name), 0, 0, SLICE(""), take \
    }

static const struct kb_message_field fields[] = {
    TEXT("id", id, 40031),
    TEXT("name", name, 40016),
    TEXT("clientId", client_id, 40012),
    TEXT("encoding", encoding, 40013),
    VALUE("data", take_data),
    VALUE("extras", take_extras),
};

/* Ably's known extras, and `kafka`, which the Kafka Connect sink has sent for years. */
static const struct kb_slice known_extras[] = {SLICE("kafka"), SLICE("headers"), SLICE("push"),
    SLICE("ephemeral"), SLICE("privileged"), SLICE("ref")};

void kb_message_reader_init(
    struct kb_message_reader *r, struct kb_arena *arena, struct kb_refusal *shape)
{
    *r = (struct kb_message_reader){.arena = arena, .shape = shape};
    kb_buf_init(&r->copy, COPY_MAX);
}

void kb_message_reader_deinit(struct kb_message_reader *r)
{
    kb_buf_deinit(&r->copy);
}

static void too_much(struct kb_message_reader *r, struct kb_slice text)
{
    *r->shape = (struct kb_refusal){413, 40009, text};
}

static void refuse(struct kb_message_reader *r, int code, struct kb_slice text)
{
    if (!r->spec->refusal.code)
        r->spec->refusal = (struct kb_refusal){400, code, text};
}

void *kb_message_reader_alloc(struct kb_message_reader *r, size_t size)
{
    void *memory = kb_arena_alloc(r->arena, size);

    if (memory)
        memset(memory, 0, size);
    else
        too_much(r, KB_S("the request holds too many specs or messages"));
    return memory;
}

struct kb_slice kb_message_reader_keep(struct kb_message_reader *r, struct kb_slice text)
{
    struct kb_slice kept = KB_S("");

    if (!kb_arena_copy(r->arena, text, &kept))
        too_much(r, KB_S("the request's strings are too long"));
    return kept;
}

/* --- values of which only the end matters, or their JSON --- */

static bool opens(enum kb_token token)
{
    return token == KB_TOKEN_OBJECT || token == KB_TOKEN_ARRAY;
}

static void begin_inside(struct kb_message_reader *r, enum kb_token token, bool copying)
{
    if (!opens(token))
        return;
    r->depth = 1;
    r->copying = copying;
    r->in_headers = false;
    if (!copying)
        return;
    kb_buf_reset(&r->copy);
    kb_json_writer_init(&r->writer, &r->copy);
    kb_tokens_forward(&r->writer.events, token, KB_S(""));
}

void kb_message_reader_ignore(struct kb_message_reader *r, enum kb_token token)
{
    begin_inside(r, token, false);
}

static void end_copy(struct kb_message_reader *r)
{
    struct kb_slice text = kb_message_reader_keep(r, kb_buf_slice(&r->copy));

    if (r->copy.failed)
        too_much(r, KB_S("the request's data is too long"));
    if (r->field->take == take_extras) {
        r->msg->extras = text;
    } else {
        r->msg->data = text;
        r->msg->kind = KB_POSTED_JSON;
    }
}

static bool known_extra(struct kb_slice name)
{
    for (size_t i = 0; i < KB_COUNT(known_extras); i++) {
        if (kb_slice_eq(name, known_extras[i]))
            return true;
    }
    return false;
}

/* extras: known members only, and `headers` a flat object. */
static void check_extras(struct kb_message_reader *r, enum kb_token token, struct kb_slice text)
{
    if (r->depth == 1 && token == KB_TOKEN_KEY) {
        r->in_headers = kb_slice_eq(text, KB_S("headers"));
        r->msg->privileged |= kb_slice_eq(text, KB_S("privileged"));
        if (!known_extra(text))
            refuse(r, 40032, KB_S("extras holds a member that Ably does not know"));
    } else if (r->in_headers && r->depth == 1 && token != KB_TOKEN_OBJECT &&
               token != KB_TOKEN_OBJECT_END) {
        refuse(r, 40032, KB_S("extras.headers must be an object"));
    } else if (r->in_headers && r->depth == 2 && (opens(token) || token == KB_TOKEN_BYTES)) {
        refuse(r, 40032, KB_S("extras.headers must be flat"));
    } else if (r->depth == EXTRAS_DEPTH_MAX && opens(token)) {
        refuse(r, 40032, KB_S("extras are nested too deeply"));
    }
}

void kb_message_reader_inside(
    struct kb_message_reader *r, enum kb_token token, struct kb_slice text)
{
    if (r->copying && r->field->take == take_extras)
        check_extras(r, token, text);
    if (r->copying)
        kb_tokens_forward(&r->writer.events, token, text);
    if (opens(token))
        r->depth++;
    if (token != KB_TOKEN_OBJECT_END && token != KB_TOKEN_ARRAY_END)
        return;
    r->depth--;
    if (r->depth == 0 && r->copying)
        end_copy(r);
}

/* --- members --- */

static void take_text(struct kb_message_reader *r, enum kb_token token, struct kb_slice text)
{
    struct kb_slice *member = (void *)((char *)r->msg + r->field->offset);

    if (token == KB_TOKEN_STRING) {
        *member = kb_message_reader_keep(r, text);
    } else if (token == KB_TOKEN_NULL) {
        *member = (struct kb_slice){0};
    } else {
        refuse(r, r->field->code, r->field->complaint);
        kb_message_reader_ignore(r, token);
    }
}

static void take_data(struct kb_message_reader *r, enum kb_token token, struct kb_slice text)
{
    r->msg->kind = KB_POSTED_NO_DATA;
    r->msg->data = (struct kb_slice){0};
    if (token == KB_TOKEN_STRING || token == KB_TOKEN_BYTES) {
        r->msg->kind = token == KB_TOKEN_STRING ? KB_POSTED_TEXT : KB_POSTED_BYTES;
        r->msg->data = kb_message_reader_keep(r, text);
    } else if (token == KB_TOKEN_NUMBER || token == KB_TOKEN_BOOL) {
        refuse(r, 40013, KB_S("data must be a string, binary, an object, an array or null"));
    } else {
        begin_inside(r, token, true);
    }
}

static void take_extras(struct kb_message_reader *r, enum kb_token token, struct kb_slice text)
{
    (void)text;
    r->msg->extras = (struct kb_slice){0};
    if (token != KB_TOKEN_OBJECT && token != KB_TOKEN_NULL)
        refuse(r, 40032, KB_S("extras must be an object"));
    begin_inside(r, token, token == KB_TOKEN_OBJECT);
}

void kb_message_reader_key(struct kb_message_reader *r, struct kb_slice name)
{
    r->field = NULL;
    for (size_t i = 0; i < KB_COUNT(fields); i++) {
        if (kb_slice_eq(name, fields[i].name))
            r->field = &fields[i];
    }
}

void kb_message_reader_value(struct kb_message_reader *r, enum kb_token token, struct kb_slice text)
{
    if (r->field)
        r->field->take(r, token, text);
    else /* a member that Ably sets itself, such as timestamp, or does not know */
        kb_message_reader_ignore(r, token);
}
