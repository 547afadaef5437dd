/* Reads a posted body into specs, channels and messages; see posted.h. A walk over tokens: `place`
 * says where in the body the reader stands; what is inside of a message is posted_message.c's. What
 * has the wrong shape refuses the request. */
#include "sandbox/posted.h"

#include "sandbox/posted_message.h"

enum place { TOP, SPECS, SPEC, CHANNELS, MESSAGES, MESSAGE, ONLY_MESSAGES };

struct reader {
    struct kb_tokens tokens; /* first: this is a sink */
    struct kb_posted *posted;
    struct kb_message_reader message;
    enum place place;
    enum place after_spec, after_messages, after_message; /* where their end leads */
    enum { OTHER, THE_CHANNELS, THE_MESSAGES } member;    /* of a spec */
};

static void refuse(struct reader *r, struct kb_slice text)
{
    if (!r->posted->shape.code)
        r->posted->shape = (struct kb_refusal){400, 40001, text};
}

/* --- building the lists --- */

static bool add_spec(struct reader *r)
{
    struct kb_posted_spec *spec = kb_message_reader_alloc(&r->message, sizeof(*spec));

    if (!spec)
        return false;
    spec->last_channel = &spec->channels;
    spec->last_message = &spec->messages;
    *r->posted->last_spec = spec;
    r->posted->last_spec = &spec->next;
    r->posted->n_specs++;
    r->message.spec = spec;
    return true;
}

static void add_channel(struct reader *r, struct kb_slice name)
{
    struct kb_posted_spec *spec = r->message.spec;
    struct kb_posted_channel *channel;

    if (spec->n_channels == KB_POSTED_CHANNELS_MAX)
        return refuse(r, KB_S("more than 100 channels in one request"));
    channel = kb_message_reader_alloc(&r->message, sizeof(*channel));
    if (!channel)
        return;
    channel->name = kb_message_reader_keep(&r->message, name);
    *spec->last_channel = channel;
    spec->last_channel = &channel->next;
    spec->n_channels++;
}

static bool add_message(struct reader *r)
{
    struct kb_posted_spec *spec = r->message.spec;
    struct kb_posted_message *msg = kb_message_reader_alloc(&r->message, sizeof(*msg));

    if (!msg)
        return false;
    if (spec->n_messages++ < KB_POSTED_MESSAGES_MAX) {
        *spec->last_message = msg;
        spec->last_message = &msg->next;
    }
    r->message.msg = msg;
    return true;
}

/* --- values, by place --- */

static void take_messages(struct reader *r, enum kb_token token, enum place from)
{
    if (token == KB_TOKEN_OBJECT && add_message(r)) {
        r->after_message = from;
        r->place = MESSAGE;
    } else if (token == KB_TOKEN_ARRAY && from != MESSAGES) {
        r->after_messages = from;
        r->place = MESSAGES;
    } else {
        refuse(r, KB_S("messages must be an object or an array of objects"));
        kb_message_reader_ignore(&r->message, token);
    }
}

static void take_channels(struct reader *r, enum kb_token token, struct kb_slice text)
{
    if (token == KB_TOKEN_STRING) {
        add_channel(r, text);
    } else if (token == KB_TOKEN_ARRAY && r->place == SPEC) {
        r->place = CHANNELS;
    } else {
        refuse(r, KB_S("channels must be a string or an array of strings"));
        kb_message_reader_ignore(&r->message, token);
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
        refuse(r, KB_S("the body must be a BatchSpec or an array of them"));
        kb_message_reader_ignore(&r->message, token);
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
        kb_message_reader_value(&r->message, token, text);
        break;
    case SPEC:
        if (r->member == THE_CHANNELS)
            take_channels(r, token, text);
        else if (r->member == THE_MESSAGES)
            take_messages(r, token, SPEC);
        else
            kb_message_reader_ignore(&r->message, token);
        break;
    }
}

/* A spec's member; a list that is named twice starts anew, the last one counts. */
static void take_spec_key(struct reader *r, struct kb_slice name)
{
    struct kb_posted_spec *spec = r->message.spec;

    r->member = OTHER;
    if (kb_slice_is(name, "channels")) {
        r->member = THE_CHANNELS;
        spec->n_channels = 0;
        spec->channels = NULL;
        spec->last_channel = &spec->channels;
    } else if (kb_slice_is(name, "messages")) {
        r->member = THE_MESSAGES;
        spec->n_messages = 0;
        spec->messages = NULL;
        spec->last_message = &spec->messages;
    }
}

static void take_key(struct reader *r, struct kb_slice name)
{
    if (r->place == MESSAGE)
        kb_message_reader_key(&r->message, name);
    else if (r->place == SPEC)
        take_spec_key(r, name);
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

    if (r->message.depth > 0)
        kb_message_reader_inside(&r->message, token, text);
    else if (token == KB_TOKEN_KEY)
        take_key(r, text);
    else if (token == KB_TOKEN_OBJECT_END || token == KB_TOKEN_ARRAY_END)
        take_end(r);
    else
        take_value(r, token, text);
}

/* --- a body --- */

static void begin(
    struct reader *r, struct kb_posted *posted, struct kb_arena *arena, enum place place)
{
    *posted = (struct kb_posted){.last_spec = &posted->specs};
    *r = (struct reader){.posted = posted, .place = place};
    kb_message_reader_init(&r->message, arena, &posted->shape);
    kb_tokens_init(&r->tokens, take);
}

static bool read_body(struct reader *r, struct kb_body body)
{
    struct kb_posted *posted = r->posted;
    struct kb_err err;
    struct kb_buf text;

    if (!kb_body_read(body, &r->tokens.events, &err)) {
        kb_buf_init(&text, 2 * KB_ERR_TEXT_MAX);
        kb_buf_printf(
            &text, "the body is not %s: %s", body.msgpack ? "MessagePack" : "JSON", err.text);
        posted->shape = (struct kb_refusal){
            400, 40001, kb_message_reader_keep(&r->message, kb_buf_slice(&text))};
        kb_buf_deinit(&text);
    }
    kb_message_reader_deinit(&r->message);
    if (!posted->shape.code)
        posted->shape = kb_posted_check_shape(posted);
    return !posted->shape.code;
}

bool kb_posted_read_batch(struct kb_posted *posted, struct kb_body body, struct kb_arena *arena)
{
    struct reader r;

    begin(&r, posted, arena, TOP);
    return read_body(&r, body);
}

bool kb_posted_read_messages(
    struct kb_posted *posted, struct kb_body body, struct kb_slice channel, struct kb_arena *arena)
{
    struct reader r;

    begin(&r, posted, arena, ONLY_MESSAGES);
    if (!add_spec(&r))
        return false;
    add_channel(&r, channel);
    return read_body(&r, body);
}
