/* Reads a posted body into specs, channels and messages; see posted.h. A walk over tokens: `place`
 * says where in the body the reader stands, a subtree that is kept as JSON (data, extras) or
 * ignored is passed over with `depth` counting its brackets. What has the wrong shape refuses the
 * request; what is a wrong message refuses its spec. */
#include "sandbox/posted.h"

#include "sandbox/tokens.h"
#include "value/json.h"

#define COPY_MAX ((size_t)16 << 20) /* a subtree of a 2 MiB body, written anew with its escapes */

enum place { TOP, SPECS, SPEC, CHANNELS, MESSAGES, MESSAGE, ONLY_MESSAGES };

enum field {
    OTHER,
    F_CHANNELS,
    F_MESSAGES,
    F_ID,
    F_NAME,
    F_CLIENT_ID,
    F_ENCODING,
    F_DATA,
    F_EXTRAS
};

#define NAME(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct {
    enum place place;
    enum field field;
    struct kb_slice name;
} members[] = {
    {SPEC, F_CHANNELS, NAME("channels")},
    {SPEC, F_MESSAGES, NAME("messages")},
    {MESSAGE, F_ID, NAME("id")},
    {MESSAGE, F_NAME, NAME("name")},
    {MESSAGE, F_CLIENT_ID, NAME("clientId")},
    {MESSAGE, F_ENCODING, NAME("encoding")},
    {MESSAGE, F_DATA, NAME("data")},
    {MESSAGE, F_EXTRAS, NAME("extras")},
};

/* Ably's known extras, and `kafka`, which the Kafka Connect sink has sent for years. */
static const struct kb_slice known_extras[] = {NAME("kafka"), NAME("headers"), NAME("push"),
    NAME("ephemeral"), NAME("privileged"), NAME("ref")};

struct reader {
    struct kb_tokens tokens;
    struct kb_arena *arena;
    struct kb_posted *posted;
    struct kb_posted_spec *spec;
    struct kb_posted_message *msg;
    enum place place;
    enum place after_spec, after_messages, after_message; /* where their end leads */
    enum field field;
    uint32_t depth; /* of the subtree being passed over, 0 = none */
    bool copying, in_headers;
    struct kb_buf copy;
    struct kb_json_writer writer;
};

static struct kb_refusal refusal(int status, int code, struct kb_slice text)
{
    return (struct kb_refusal){status, code, text};
}

static void bad_shape(struct reader *r, struct kb_slice text)
{
    if (!r->posted->shape.code)
        r->posted->shape = refusal(400, 40001, text);
}

static void bad_message(struct reader *r, int code, struct kb_slice text)
{
    if (!r->spec->refusal.code)
        r->spec->refusal = refusal(400, code, text);
}

static void *take_memory(struct reader *r, size_t size)
{
    void *memory = kb_arena_alloc(r->arena, size);

    if (memory)
        memset(memory, 0, size);
    else
        r->posted->shape =
            refusal(413, 40009, KB_S("the request holds too many specs or messages"));
    return memory;
}

static struct kb_slice keep(struct reader *r, struct kb_slice text)
{
    struct kb_slice kept = KB_S("");

    if (!kb_arena_copy(r->arena, text, &kept))
        r->posted->shape = refusal(413, 40009, KB_S("the request's strings are too long"));
    return kept;
}

/* --- building the lists --- */

static bool add_spec(struct reader *r)
{
    struct kb_posted_spec *spec = take_memory(r, sizeof(*spec));

    if (!spec)
        return false;
    spec->last_channel = &spec->channels;
    spec->last_message = &spec->messages;
    *r->posted->last_spec = spec;
    r->posted->last_spec = &spec->next;
    r->posted->n_specs++;
    r->spec = spec;
    return true;
}

static void add_channel(struct reader *r, struct kb_slice name)
{
    struct kb_posted_channel *channel;

    if (r->spec->n_channels == KB_POSTED_CHANNELS_MAX)
        return bad_shape(r, KB_S("more than 100 channels in one request"));
    channel = take_memory(r, sizeof(*channel));
    if (!channel)
        return;
    channel->name = keep(r, name);
    *r->spec->last_channel = channel;
    r->spec->last_channel = &channel->next;
    r->spec->n_channels++;
}

static bool add_message(struct reader *r)
{
    struct kb_posted_message *msg = take_memory(r, sizeof(*msg));

    if (!msg)
        return false;
    if (r->spec->n_messages++ < KB_POSTED_MESSAGES_MAX) {
        *r->spec->last_message = msg;
        r->spec->last_message = &msg->next;
    }
    r->msg = msg;
    return true;
}

/* --- subtrees --- */

static void pass_over(struct reader *r, bool copying)
{
    r->depth = 1;
    r->copying = copying;
    r->in_headers = false;
    if (copying) {
        kb_buf_reset(&r->copy);
        kb_json_writer_init(&r->writer, &r->copy);
    }
}

static void end_copy(struct reader *r)
{
    struct kb_slice text = keep(r, kb_buf_slice(&r->copy));

    if (r->copy.failed)
        r->posted->shape = refusal(413, 40009, KB_S("the request's data is too long"));
    if (r->field == F_EXTRAS) {
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
static void check_extras(struct reader *r, enum kb_token token, struct kb_slice text)
{
    bool opens = token == KB_TOKEN_OBJECT || token == KB_TOKEN_ARRAY;

    if (r->depth == 1 && token == KB_TOKEN_KEY) {
        r->in_headers = kb_slice_eq(text, KB_S("headers"));
        if (!known_extra(text))
            bad_message(r, 40032, KB_S("extras holds a member that Ably does not know"));
    } else if (r->in_headers && r->depth == 1 && token != KB_TOKEN_OBJECT &&
               token != KB_TOKEN_OBJECT_END) {
        bad_message(r, 40032, KB_S("extras.headers must be an object"));
    } else if (r->in_headers && r->depth == 2 && opens) {
        bad_message(r, 40032, KB_S("extras.headers must be flat"));
    }
}

static void take_in_subtree(struct reader *r, enum kb_token token, struct kb_slice text)
{
    if (r->copying && r->field == F_EXTRAS)
        check_extras(r, token, text);
    if (r->copying)
        kb_tokens_forward(&r->writer.events, token, text);
    if (token == KB_TOKEN_OBJECT || token == KB_TOKEN_ARRAY)
        r->depth++;
    if (token != KB_TOKEN_OBJECT_END && token != KB_TOKEN_ARRAY_END)
        return;
    r->depth--;
    if (r->depth == 0 && r->copying)
        end_copy(r);
}

static void open_subtree(struct reader *r, enum kb_token token, bool copying)
{
    if (token != KB_TOKEN_OBJECT && token != KB_TOKEN_ARRAY)
        return;
    pass_over(r, copying);
    if (copying)
        kb_tokens_forward(&r->writer.events, token, KB_S(""));
}

/* --- values, by place --- */

static void take_text_field(struct reader *r, enum kb_token token, struct kb_slice text,
    struct kb_slice *field, int code, struct kb_slice complaint)
{
    if (token == KB_TOKEN_STRING) {
        *field = keep(r, text);
    } else if (token == KB_TOKEN_NULL) {
        *field = (struct kb_slice){0};
    } else {
        bad_message(r, code, complaint);
        open_subtree(r, token, false);
    }
}

static void take_data(struct reader *r, enum kb_token token, struct kb_slice text)
{
    r->msg->kind = KB_POSTED_NO_DATA;
    r->msg->data = (struct kb_slice){0};
    if (token == KB_TOKEN_STRING) {
        r->msg->kind = KB_POSTED_TEXT;
        r->msg->data = keep(r, text);
    } else if (token == KB_TOKEN_NUMBER || token == KB_TOKEN_BOOL) {
        bad_message(r, 40013, KB_S("data must be a string, an object, an array or null"));
    } else {
        open_subtree(r, token, true);
    }
}

static void take_extras(struct reader *r, enum kb_token token)
{
    r->msg->extras = (struct kb_slice){0};
    if (token != KB_TOKEN_OBJECT && token != KB_TOKEN_NULL)
        bad_message(r, 40032, KB_S("extras must be an object"));
    open_subtree(r, token, token == KB_TOKEN_OBJECT);
}

static void take_message_member(struct reader *r, enum kb_token token, struct kb_slice text)
{
    switch (r->field) {
    case F_ID:
        take_text_field(r, token, text, &r->msg->id, 40031, KB_S("id must be a string"));
        break;
    case F_NAME:
        take_text_field(r, token, text, &r->msg->name, 40016, KB_S("name must be a string"));
        break;
    case F_CLIENT_ID:
        take_text_field(
            r, token, text, &r->msg->client_id, 40012, KB_S("clientId must be a string"));
        break;
    case F_ENCODING:
        take_text_field(
            r, token, text, &r->msg->encoding, 40013, KB_S("encoding must be a string"));
        break;
    case F_DATA:
        take_data(r, token, text);
        break;
    case F_EXTRAS:
        take_extras(r, token);
        break;
    default: /* a member that Ably sets itself, such as timestamp, or does not know: ignored */
        open_subtree(r, token, false);
        break;
    }
}

static void take_messages(struct reader *r, enum kb_token token, enum place from)
{
    if (token == KB_TOKEN_OBJECT && add_message(r)) {
        r->after_message = from;
        r->place = MESSAGE;
    } else if (token == KB_TOKEN_ARRAY && from != MESSAGES) {
        r->after_messages = from;
        r->place = MESSAGES;
    } else {
        bad_shape(r, KB_S("messages must be an object or an array of objects"));
        open_subtree(r, token, false);
    }
}

static void take_channels(struct reader *r, enum kb_token token, struct kb_slice text)
{
    if (token == KB_TOKEN_STRING) {
        add_channel(r, text);
    } else if (token == KB_TOKEN_ARRAY && r->place == SPEC) {
        r->place = CHANNELS;
    } else {
        bad_shape(r, KB_S("channels must be a string or an array of strings"));
        open_subtree(r, token, false);
    }
}

static void take_spec(struct reader *r, enum kb_token token, enum place from)
{
    if (token == KB_TOKEN_OBJECT && add_spec(r)) {
        r->after_spec = from;
        r->place = SPEC;
    } else if (token == KB_TOKEN_ARRAY && from == TOP) {
        r->place = SPECS;
    } else {
        bad_shape(r, KB_S("the body must be a BatchSpec or an array of them"));
        open_subtree(r, token, false);
    }
}

static void take_value(struct reader *r, enum kb_token token, struct kb_slice text)
{
    switch (r->place) {
    case TOP:
    case SPECS:
        take_spec(r, token, r->place);
        break;
    case CHANNELS:
        take_channels(r, token, text);
        break;
    case MESSAGES:
    case ONLY_MESSAGES:
        take_messages(r, token, r->place);
        break;
    case MESSAGE:
        take_message_member(r, token, text);
        break;
    case SPEC:
        if (r->field == F_CHANNELS)
            take_channels(r, token, text);
        else if (r->field == F_MESSAGES)
            take_messages(r, token, SPEC);
        else
            open_subtree(r, token, false);
        break;
    }
}

/* A member's name; a list that is named twice starts anew, the last one counts. */
static void take_key(struct reader *r, struct kb_slice name)
{
    r->field = OTHER;
    for (size_t i = 0; i < KB_COUNT(members); i++) {
        if (members[i].place == r->place && kb_slice_eq(name, members[i].name))
            r->field = members[i].field;
    }
    if (r->field == F_CHANNELS) {
        r->spec->n_channels = 0;
        r->spec->channels = NULL;
        r->spec->last_channel = &r->spec->channels;
    } else if (r->field == F_MESSAGES) {
        r->spec->n_messages = 0;
        r->spec->messages = NULL;
        r->spec->last_message = &r->spec->messages;
    }
}

static void take_end(struct reader *r)
{
    switch (r->place) {
    case MESSAGE:
        r->place = r->after_message;
        break;
    case MESSAGES:
        r->place = r->after_messages;
        break;
    case CHANNELS:
        r->place = SPEC;
        break;
    case SPEC:
        r->place = r->after_spec;
        break;
    default:
        r->place = TOP;
        break;
    }
}

static void take(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text)
{
    struct reader *r = (struct reader *)tokens;

    if (r->depth > 0)
        take_in_subtree(r, token, text);
    else if (token == KB_TOKEN_KEY)
        take_key(r, text);
    else if (token == KB_TOKEN_OBJECT_END || token == KB_TOKEN_ARRAY_END)
        take_end(r);
    else
        take_value(r, token, text);
}

static void read_body(struct reader *r, struct kb_slice body)
{
    struct kb_err err;
    struct kb_buf text;

    kb_tokens_init(&r->tokens, take);
    kb_buf_init(&r->copy, COPY_MAX);
    if (!kb_json_read(body, &r->tokens.events, &err)) {
        kb_buf_init(&text, 2 * KB_ERR_TEXT_MAX);
        kb_buf_printf(&text, "the body is not JSON: %s", err.text);
        r->posted->shape = refusal(400, 40001, keep(r, kb_buf_slice(&text)));
        kb_buf_deinit(&text);
    }
    kb_buf_deinit(&r->copy);
}

bool kb_posted_read_batch(struct kb_posted *posted, struct kb_slice body, struct kb_arena *arena)
{
    struct reader r = {.arena = arena, .posted = posted, .place = TOP};

    *posted = (struct kb_posted){.last_spec = &posted->specs};
    read_body(&r, body);
    if (!posted->shape.code)
        posted->shape = kb_posted_check_shape(posted);
    return !posted->shape.code;
}

bool kb_posted_read_messages(
    struct kb_posted *posted, struct kb_slice body, struct kb_slice channel, struct kb_arena *arena)
{
    struct reader r = {.arena = arena, .posted = posted, .place = ONLY_MESSAGES};

    *posted = (struct kb_posted){.last_spec = &posted->specs};
    if (!add_spec(&r))
        return false;
    add_channel(&r, channel);
    read_body(&r, body);
    if (!posted->shape.code)
        posted->shape = kb_posted_check_shape(posted);
    return !posted->shape.code;
}
