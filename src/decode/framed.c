/* See framed.h. */
#include "decode/framed.h"

#define ID_LEN 5    /* magic 0 and the id */
#define GUID_LEN 17 /* magic 1 and the GUID */

/* What the framing says. */
struct frame {
    struct kb_schema_key key;
    struct kb_slice payload, behind_guid;
};

static bool read_key(struct kb_slice bytes, struct kb_schema_key *key, size_t *len)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr;
    if (bytes.len >= ID_LEN && b[0] == 0) {
        *key = (struct kb_schema_key){
            .id = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4]};
        *len = ID_LEN;
        return true;
    }
    if (bytes.len >= GUID_LEN && b[0] == 1) {
        *key = (struct kb_schema_key){.by_guid = true};
        memcpy(key->guid, b + 1, sizeof(key->guid));
        *len = GUID_LEN;
        return true;
    }
    return false;
}

static bool read_frame(
    struct kb_slice raw, const struct kb_decoding *with, struct frame *out, struct kb_err *err)
{
    size_t len;
    if (with->header.ptr) {
        if (!read_key(with->header, &out->key, &len))
            return kb_err_record(err, KB_FAILURE_DECODE,
                "the header that names its schema has %zu bytes and is none", with->header.len);
        out->payload = raw;
        out->behind_guid = (struct kb_slice){with->header.ptr + len, with->header.len - len};
        return true;
    }
    if (!read_key(raw, &out->key, &len))
        return kb_err_record(err, KB_FAILURE_DECODE,
            raw.len > 0 ? "no registry framing: %zu bytes that begin with 0x%02x, expected 0x00 "
                          "and the schema's id; is it written without a registry?"
                        : "no registry framing: it is empty",
            raw.len, raw.len > 0 ? (unsigned char)raw.ptr[0] : 0);
    out->payload = (struct kb_slice){raw.ptr + len, raw.len - len};
    out->behind_guid = (struct kb_slice){NULL, 0};
    return true;
}

static bool decode_frame(const struct frame *frame, struct kb_schema *schema,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    char key[KB_SCHEMA_KEY_TEXT];
    struct kb_decoding inner = *with;
    inner.behind_guid = frame->behind_guid;
    if (kb_schema_decode(schema, frame->payload, &inner, out, err))
        return true;
    kb_schema_key_text(&frame->key, key);
    return kb_err_wrap(err, "schema %s", key);
}

static bool fits(const struct kb_schema *schema, enum kb_format format)
{
    enum kb_schema_type type;
    return kb_schema_type_of(format, &type) && kb_schema_type(schema) == type;
}

bool kb_framed_decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    struct frame frame;
    struct kb_schema *schema;
    char key[KB_SCHEMA_KEY_TEXT];
    bool ok = with->schemas || kb_err_record(err, KB_FAILURE_DECODE,
                                   "no registry is asked here: a test gives a table, or an object "
                                   "in its file of records, for what the schema would show");
    ok = ok && read_frame(raw, with, &frame, err) &&
         kb_schemas_get(with->schemas, &frame.key, &schema, err) == KB_SCHEMA_THERE;
    if (ok && !fits(schema, format)) {
        kb_schema_key_text(&frame.key, key);
        ok = kb_err_record(err, KB_FAILURE_DECODE, "schema %s is of type %s", key,
            kb_schema_type_name(kb_schema_type(schema)));
    }
    ok = ok && decode_frame(&frame, schema, with, out, err);
    return ok || kb_err_wrap(err, "format %s", kb_format_name(format));
}

/* Of 8 bytes nobody can say whether they are a schema's or Kafka's LongSerializer wrote them: its
 * numbers from 0 to 2^56 begin with the same 0, and those above 2^24 with an id. Where the schema
 * does not take them they are no failure. */
static bool may_be_a_number(struct kb_slice raw, const struct kb_decoding *with)
{
    return raw.len == 8 && !with->header.ptr;
}

/* Does the schema take them? Nobody listens. */
static bool takes(const struct frame *frame, struct kb_schema *schema,
    const struct kb_decoding *with, struct kb_err *err)
{
    struct kb_value value;
    struct kb_decoding silent = *with;
    silent.sink = NULL;
    bool ok = decode_frame(frame, schema, &silent, &value, err);
    kb_buf_reset(with->text);
    return ok || err->class != KB_ERR_RECORD; /* no memory: to be told, not guessed around */
}

enum kb_framed kb_framed_try(
    struct kb_slice raw, const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    struct frame frame;
    struct kb_schema *schema;
    bool magic = with->header.ptr || (raw.len >= ID_LEN && raw.ptr[0] == 0);
    if (!magic || !read_frame(raw, with, &frame, err))
        return KB_FRAMED_NOT;
    switch (kb_schemas_get(with->schemas, &frame.key, &schema, err)) {
    case KB_SCHEMA_THERE:
        if (may_be_a_number(raw, with) && !takes(&frame, schema, with, err))
            return KB_FRAMED_NOT;
        if (decode_frame(&frame, schema, with, out, err))
            return KB_FRAMED_DECODED;
        break;
    case KB_SCHEMA_REFUSED:
        if (err->code == KB_SCHEMA_UNKNOWN_CODE || may_be_a_number(raw, with))
            return KB_FRAMED_NOT;
        break;
    case KB_SCHEMA_AWAITED:
        break;
    }
    kb_err_wrap(err, "format auto");
    return KB_FRAMED_FAILED;
}
