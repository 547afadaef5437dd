/* What every decoder is given besides the bytes, for one side (key or value) of one record.
 *
 *     struct kb_decoding with = {
 *         .options = &rules->value_options, .text = &router->value_text, .sink = &cap.events};
 *     if (!kb_plain_decode(KB_FORMAT_INT64, raw, &with, &value, &err)) ...
 *
 * A decoder whose value is not the record's own bytes appends it to `text`, as JSON text, and lets
 * the value borrow from there: `text` is empty when it begins, has the output's ceiling as its
 * maximum, and is reset only for the next record. It tells `sink` the same value as events, exactly
 * as the JSON shows it: what is a string there is a string event, digits are a number event with
 * these digits. Beside that it takes memory from `arena` alone.
 *
 * Errors are KB_ERR_RECORD of class decode; KB_ERR_OUTAGE where the record must wait for a schema
 * (then nothing of the record may be settled). Thread: the worker's. */
#ifndef KB_DECODE_DECODING_H
#define KB_DECODE_DECODING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "decode/format_options.h"
#include "value/events.h"
#include "value/json.h"
#include "value/value.h"

/* Objects, arrays, maps and messages inside each other, of any format but JSON itself. */
#define KB_DECODE_DEPTH_MAX 64
/* The JSON text of one key or value. Ably takes 64 KiB unless an account says otherwise. */
#define KB_DECODE_TEXT_MAX (16u << 20)

struct kb_schemas;

struct kb_decoding {
    const struct kb_format_options *options;
    struct kb_buf *text;
    struct kb_arena *arena;          /* scratch until the record is done */
    struct kb_events *sink;          /* NULL where no template looks inside */
    struct kb_schemas *schemas;      /* NULL = no registry is configured */
    struct kb_json_members *members; /* filled where JSON passes byte for byte and nobody is the
                                        sink, else left as it is; NULL = nobody wants them */
    struct kb_slice header;          /* __key_schema_id or __value_schema_id, ptr NULL = none */
    /* Of a schema named by that header: what follows its id there (Protobuf's message indexes); ptr
     * NULL = the framing stands before the payload. framed.c sets it. */
    struct kb_slice behind_guid;
};

/* Ends a decoder's work: the whole of `with->text` is the value, unless it has grown too large. */
static inline bool kb_decoded_json(
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    if (with->text->failed)
        return kb_err_record(err, KB_FAILURE_DECODE, "its JSON text is longer than %u MiB",
            KB_DECODE_TEXT_MAX >> 20);
    *out = (struct kb_value){KB_FORM_JSON, kb_buf_slice(with->text)};
    return true;
}

#endif
