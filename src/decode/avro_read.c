/* Avro's bytes -> JSON text and events, by a compiled schema, in one pass; see avro.h. Every read
 * is bounded by the bytes that are left, every container by the depth, the text by its maximum; so
 * nothing here grows beyond what the record and that maximum allow. The hot path of the format. */
#include "decode/avro_run.h"

/* ---- primitive types ---- */

static bool read_boolean(struct kb_run *run)
{
    struct kb_slice byte = KB_S("");
    if (!kb_run_raw(run, 1, &byte))
        return false;
    if ((unsigned char)*byte.ptr > 1)
        return KB_RUN_FAIL(run, "%u is no boolean", (unsigned char)*byte.ptr);
    return kb_out_boolean(&run->out, *byte.ptr);
}

static uint64_t little_endian(struct kb_slice bytes)
{
    uint64_t number = 0;
    for (size_t i = bytes.len; i-- > 0;)
        number = number << 8 | (unsigned char)bytes.ptr[i];
    return number;
}

static bool read_float(struct kb_run *run)
{
    struct kb_slice raw = KB_S("");
    return kb_run_raw(run, 4, &raw) && kb_out_float(&run->out, (uint32_t)little_endian(raw));
}

static bool read_double(struct kb_run *run)
{
    struct kb_slice raw = KB_S("");
    return kb_run_raw(run, 8, &raw) && kb_out_double(&run->out, little_endian(raw));
}

static bool read_int(struct kb_run *run, int64_t *out)
{
    if (!kb_run_long(run, out))
        return false;
    return (*out >= INT32_MIN && *out <= INT32_MAX) ||
           KB_RUN_FAIL(run, "%lld is no 32-bit int", (long long)*out);
}

static bool read_number(struct kb_run *run, const struct kb_avro_type *type)
{
    int64_t number;
    if (type->kind == KB_AVRO_INT ? !read_int(run, &number) : !kb_run_long(run, &number))
        return false;
    return KB_UNLIKELY(type->is_logical) ? kb_show_number(run, type, number)
                                         : kb_out_integer(&run->out, number);
}

static bool show_binary(struct kb_run *run, const struct kb_avro_type *type, struct kb_slice bytes)
{
    return type->is_logical ? kb_show_bytes(run, type, bytes) : kb_run_binary(run, bytes);
}

static bool read_binary(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_slice bytes;
    return kb_run_bytes(run, &bytes) && show_binary(run, type, bytes);
}

static bool read_fixed(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_slice bytes;
    return kb_run_raw(run, type->size, &bytes) && show_binary(run, type, bytes);
}

static bool read_string(struct kb_run *run)
{
    struct kb_slice text;
    return kb_run_bytes(run, &text) && kb_out_string(&run->out, text);
}

/* Which of a type's parts comes: an enum's symbol, a union's branch. */
static bool read_index(struct kb_run *run, const struct kb_avro_type *type, const char *what,
    const struct kb_avro_part **out)
{
    int64_t index;
    if (!kb_run_long(run, &index))
        return false;
    if (index < 0 || index >= type->n)
        return KB_RUN_FAIL(run, "%s %lld of %u", what, (long long)index, type->n);
    *out = &type->parts[index];
    return true;
}

static bool read_enum(struct kb_run *run, const struct kb_avro_type *type)
{
    const struct kb_avro_part *symbol;
    if (!read_index(run, type, "symbol", &symbol))
        return false;
    kb_emit_string(run->out.sink, symbol->name);
    return kb_out_padded(&run->out, symbol->json);
}

/* ---- containers ---- */

static bool read_record(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_out *out = &run->out;
    if (!kb_run_enter(run) || (type->n == 0 && !kb_out_word(out, KB_S("{"))))
        return false;
    kb_emit_begin_object(out->sink);
    for (uint32_t i = 0; i < type->n; i++) {
        const struct kb_avro_part *field = &type->parts[i];
        if (!kb_out_padded(out, field->json))
            return false;
        kb_emit_key(out->sink, field->name);
        if (!kb_run_value(run, field->type))
            return kb_run_failed_in(run, field->name);
    }
    run->depth--;
    kb_emit_end_object(out->sink);
    return kb_out_word(out, KB_S("}"));
}

static bool read_union(struct kb_run *run, const struct kb_avro_type *type)
{
    const struct kb_avro_part *branch;
    if (!read_index(run, type, "branch", &branch))
        return false;
    return run->options->unions == KB_UNION_PLAIN ? kb_run_value_here(run, branch->type)
                                                  : kb_run_branch(run, type, branch);
}

/* How many items the next block has, 0 at the end; a negative count stands before the block's
 * length in bytes. Each item needs its least, so the count is bounded by what is left. Where an
 * item needs none, each still writes a byte of text, whose maximum bounds them. */
static bool read_count(struct kb_run *run, uint64_t least, uint64_t *out)
{
    int64_t count, bytes;
    if (!kb_run_long(run, &count))
        return false;
    uint64_t n = count < 0 ? -(uint64_t)count : (uint64_t)count;
    if (count < 0 && !kb_run_long(run, &bytes))
        return false;
    if (least > 0 ? n > kb_run_left(run) / least : n > KB_DECODE_TEXT_MAX)
        return KB_RUN_FAIL(run, "a count of %llu where %zu bytes are left", (unsigned long long)n,
            kb_run_left(run));
    *out = n;
    return true;
}

static uint64_t least_of(const struct kb_avro_type *type)
{
    return type->kind == KB_AVRO_NULL ? 0 : type->kind <= KB_AVRO_STRING ? 1 : type->least;
}

static bool read_item(struct kb_run *run, const struct kb_avro_type *item, bool is_map, char comma)
{
    struct kb_out *out = &run->out;
    struct kb_slice key;
    if (!kb_out_room(out, 1))
        return false;
    *out->at++ = comma;
    if (!is_map)
        return kb_run_value(run, item);
    if (!kb_run_bytes(run, &key) || !kb_out_text(out, key) || !kb_out_word(out, KB_S(":")))
        return false;
    kb_emit_key(out->sink, key);
    return kb_run_value(run, item) || kb_run_failed_in(run, key);
}

/* An array, or a map, which is an array of keys and values. */
static bool read_items(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_out *out = &run->out;
    const struct kb_avro_type *item = type->parts->type;
    bool is_map = type->kind == KB_AVRO_MAP;
    uint64_t least = least_of(item) + is_map, n;
    char comma = is_map ? '{' : '[';
    if (!kb_run_enter(run) || !read_count(run, least, &n))
        return false;
    is_map ? kb_emit_begin_object(out->sink) : kb_emit_begin_array(out->sink);
    if (n == 0 && !kb_out_word(out, is_map ? KB_S("{") : KB_S("[")))
        return false;
    while (n > 0) {
        for (; n > 0; n--, comma = ',')
            if (!read_item(run, item, is_map, comma))
                return false;
        if (!read_count(run, least, &n))
            return false;
    }
    run->depth--;
    is_map ? kb_emit_end_object(out->sink) : kb_emit_end_array(out->sink);
    return kb_out_word(out, is_map ? KB_S("}") : KB_S("]"));
}

/* ---- any ---- */

static KB_ALWAYS_INLINE bool read_by_kind(struct kb_run *run, const struct kb_avro_type *type)
{
    switch (type->kind) {
    case KB_AVRO_NULL:
        return kb_out_null(&run->out);
    case KB_AVRO_BOOLEAN:
        return read_boolean(run);
    case KB_AVRO_INT:
    case KB_AVRO_LONG:
        return read_number(run, type);
    case KB_AVRO_FLOAT:
        return read_float(run);
    case KB_AVRO_DOUBLE:
        return read_double(run);
    case KB_AVRO_BYTES:
        return read_binary(run, type);
    case KB_AVRO_STRING:
        return read_string(run);
    case KB_AVRO_RECORD:
        return read_record(run, type);
    case KB_AVRO_ENUM:
        return read_enum(run, type);
    case KB_AVRO_ARRAY:
    case KB_AVRO_MAP:
        return read_items(run, type);
    case KB_AVRO_UNION:
        return read_union(run, type);
    case KB_AVRO_FIXED:
        return read_fixed(run, type);
    }
    KB_BUG_ON(true);
}

bool kb_run_value_here(struct kb_run *run, const struct kb_avro_type *type)
{
    return read_by_kind(run, type);
}

bool kb_run_value(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_events *sink = kb_out_ask(&run->out);
    bool ok = read_by_kind(run, type);
    run->out.sink = sink;
    return ok;
}
