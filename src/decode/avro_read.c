/* Avro's bytes -> JSON text and events, by a compiled schema, in one pass; see avro.h. Every read
 * is bounded by the bytes that are left, every container by the depth, the text by its maximum; so
 * nothing here grows beyond what the record and that maximum allow. The hot path of the format. */
#include "decode/avro_run.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "value/json.h"

#include <math.h>

#define SHORT_TEXT 512 /* text of that size is copied without asking the buffer twice */

static bool read_value(struct kb_run *run, const struct kb_avro_type *type);

/* False, which the compiler must see: what a failed read leaves unset is not looked at. */
#define FAIL(run, ...) (kb_err_record((run)->err, KB_FAILURE_DECODE, __VA_ARGS__), false)

bool kb_run_grow(struct kb_run *run, size_t len)
{
    kb_run_sync(run);
    char *to = kb_buf_reserve(run->text, len);
    if (!to)
        return FAIL(run, "its JSON text is longer than %u MiB", KB_DECODE_TEXT_MAX >> 20);
    kb_run_resume(run);
    return true;
}

/* ---- what is read ---- */

static size_t left(const struct kb_run *run)
{
    return (size_t)(run->end - run->in);
}

static bool read_long_slow(struct kb_run *run, int64_t *out)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (run->in == run->end)
            return FAIL(run, "ends in the middle of a number");
        uint64_t byte = (unsigned char)*run->in++;
        if (shift == 63 && byte > 1)
            return FAIL(run, "a number of more than 64 bits");
        bits |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return true;
        }
    }
    return FAIL(run, "a number of more than 64 bits");
}

static KB_ALWAYS_INLINE bool read_long(struct kb_run *run, int64_t *out)
{
    if (KB_LIKELY(run->in < run->end && (unsigned char)*run->in < 0x80)) {
        unsigned byte = (unsigned char)*run->in++;
        *out = (int64_t)(byte >> 1) ^ -(int64_t)(byte & 1);
        return true;
    }
    return read_long_slow(run, out);
}

static bool read_int(struct kb_run *run, int64_t *out)
{
    if (!read_long(run, out))
        return false;
    return (*out >= INT32_MIN && *out <= INT32_MAX) ||
           FAIL(run, "%lld is no 32-bit int", (long long)*out);
}

static bool read_raw(struct kb_run *run, size_t len, struct kb_slice *out)
{
    if (len > left(run))
        return FAIL(run, "%zu bytes are missing at the end", len - left(run));
    *out = (struct kb_slice){run->in, len};
    run->in += len;
    return true;
}

static bool read_bytes(struct kb_run *run, struct kb_slice *out)
{
    int64_t len;
    if (!read_long(run, &len))
        return false;
    if (len < 0 || (uint64_t)len > left(run))
        return FAIL(run, "a length of %lld where %zu bytes are left", (long long)len, left(run));
    return read_raw(run, (size_t)len, out);
}

/* ---- what is written ---- */

bool kb_run_integer(struct kb_run *run, int64_t number)
{
    if (!kb_run_room(run, KB_I64_MAX))
        return false;
    run->at = kb_i64_put(run->at, number);
    kb_emit_integer(run->sink, number);
    return true;
}

bool kb_run_digits(struct kb_run *run, struct kb_slice digits)
{
    if (!kb_run_room(run, digits.len))
        return false;
    kb_run_put(run, digits);
    kb_emit_number(run->sink, digits);
    return true;
}

bool kb_run_quoted(struct kb_run *run, struct kb_slice plain)
{
    if (!kb_run_room(run, plain.len + 2))
        return false;
    *run->at++ = '"';
    kb_run_put(run, plain);
    *run->at++ = '"';
    kb_emit_string(run->sink, plain);
    return true;
}

/* Digits, or one of the words NaN and Infinity, which JSON knows as strings only. */
static bool put_real(struct kb_run *run, struct kb_slice text, bool finite)
{
    return finite ? kb_run_digits(run, text) : kb_run_quoted(run, text);
}

static bool put_escaped(struct kb_run *run, struct kb_slice text)
{
    size_t good = kb_utf8_prefix(text);
    if (good < text.len)
        return FAIL(run, "byte %zu of a text of %zu (0x%02x) is not UTF-8", good + 1, text.len,
            (unsigned char)text.ptr[good]);
    kb_run_sync(run);
    kb_json_string(run->text, text);
    if (run->text->failed)
        return FAIL(run, "its JSON text is longer than %u MiB", KB_DECODE_TEXT_MAX >> 20);
    kb_run_resume(run);
    return true;
}

/* In quotes, escaped where it must be; most texts need it not. */
static KB_ALWAYS_INLINE bool put_text(struct kb_run *run, struct kb_slice text)
{
    const char *end = text.ptr + text.len;
    if (text.len > SHORT_TEXT || kb_json_skip_plain(text.ptr, end) < end)
        return put_escaped(run, text);
    if (!kb_run_room(run, text.len + 2))
        return false;
    *run->at++ = '"';
    kb_run_put(run, text);
    *run->at++ = '"';
    return true;
}

bool kb_run_string(struct kb_run *run, struct kb_slice text)
{
    if (!put_text(run, text))
        return false;
    kb_emit_string(run->sink, text);
    return true;
}

/* Each byte as the character of that number, as Avro's own JSON has it. */
static bool put_latin1(struct kb_run *run, struct kb_slice bytes)
{
    struct kb_buf utf8;
    kb_buf_init(&utf8, 2 * bytes.len);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        if (byte >= 0x80)
            kb_buf_byte(&utf8, (char)(0xc0 | byte >> 6));
        kb_buf_byte(&utf8, (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte));
    }
    bool ok = utf8.failed ? kb_err_fatal(run->err, "no memory for %zu bytes", bytes.len)
                          : kb_run_string(run, kb_buf_slice(&utf8));
    kb_buf_deinit(&utf8);
    return ok;
}

static bool put_base64(struct kb_run *run, struct kb_slice bytes)
{
    size_t len = KB_BASE64_LEN(bytes.len);
    if (!kb_run_room(run, len + 2))
        return false;
    *run->at++ = '"';
    const char *start = run->at;
    kb_run_sync(run);
    kb_base64_add(run->text, bytes);
    kb_run_resume(run);
    kb_emit_string(run->sink, (struct kb_slice){start, len});
    *run->at++ = '"';
    return true;
}

bool kb_run_binary(struct kb_run *run, struct kb_slice bytes)
{
    return run->options->binary == KB_BINARY_LATIN1 ? put_latin1(run, bytes)
                                                    : put_base64(run, bytes);
}

static bool put_word(struct kb_run *run, struct kb_slice word)
{
    if (!kb_run_room(run, word.len))
        return false;
    kb_run_put(run, word);
    return true;
}

/* ---- primitive types ---- */

static bool read_boolean(struct kb_run *run)
{
    struct kb_slice byte = KB_S("");
    if (!read_raw(run, 1, &byte))
        return false;
    if ((unsigned char)*byte.ptr > 1)
        return FAIL(run, "%u is no boolean", (unsigned char)*byte.ptr);
    kb_emit_boolean(run->sink, *byte.ptr);
    return put_word(run, *byte.ptr ? KB_S("true") : KB_S("false"));
}

static bool read_null(struct kb_run *run)
{
    kb_emit_null(run->sink);
    return put_word(run, KB_S("null"));
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
    char text[KB_JSON_REAL_MAX];
    float number;
    if (!read_raw(run, 4, &raw))
        return false;
    uint32_t bits = (uint32_t)little_endian(raw);
    memcpy(&number, &bits, sizeof(number));
    return put_real(
        run, (struct kb_slice){text, kb_json_float_text(text, number)}, isfinite(number));
}

static bool read_double(struct kb_run *run)
{
    struct kb_slice raw = KB_S("");
    char text[KB_JSON_REAL_MAX];
    double number;
    if (!read_raw(run, 8, &raw))
        return false;
    uint64_t bits = little_endian(raw);
    memcpy(&number, &bits, sizeof(number));
    return put_real(
        run, (struct kb_slice){text, kb_json_real_text(text, number)}, isfinite(number));
}

static bool read_number(struct kb_run *run, const struct kb_avro_type *type)
{
    int64_t number;
    if (type->kind == KB_AVRO_INT ? !read_int(run, &number) : !read_long(run, &number))
        return false;
    return KB_UNLIKELY(type->is_logical) ? kb_show_number(run, type, number)
                                         : kb_run_integer(run, number);
}

static bool show_binary(struct kb_run *run, const struct kb_avro_type *type, struct kb_slice bytes)
{
    return type->is_logical ? kb_show_bytes(run, type, bytes) : kb_run_binary(run, bytes);
}

static bool read_binary(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_slice bytes;
    return read_bytes(run, &bytes) && show_binary(run, type, bytes);
}

static bool read_fixed(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_slice bytes;
    return read_raw(run, type->size, &bytes) && show_binary(run, type, bytes);
}

static bool read_string(struct kb_run *run)
{
    struct kb_slice text;
    return read_bytes(run, &text) && kb_run_string(run, text);
}

static bool read_index(struct kb_run *run, const struct kb_avro_type *type, const char *what,
    const struct kb_avro_part **out)
{
    int64_t index;
    if (!read_long(run, &index))
        return false;
    if (index < 0 || index >= type->n)
        return FAIL(run, "%s %lld of %u", what, (long long)index, type->n);
    *out = &type->parts[index];
    return true;
}

static bool read_enum(struct kb_run *run, const struct kb_avro_type *type)
{
    const struct kb_avro_part *symbol;
    if (!read_index(run, type, "symbol", &symbol) || !kb_run_room(run, symbol->json.len))
        return false;
    kb_run_put(run, symbol->json);
    kb_emit_string(run->sink, symbol->name);
    return true;
}

/* ---- containers ---- */

static bool enter(struct kb_run *run)
{
    return run->depth++ < KB_DECODE_DEPTH_MAX ||
           FAIL(run, "more than %d levels inside each other", KB_DECODE_DEPTH_MAX);
}

/* Puts the name of the field before those that the failure has passed already; where that gets too
 * long, the innermost are what helps. */
static bool failed_in(struct kb_run *run, struct kb_slice name)
{
    size_t len = strlen(run->place);
    if (name.len + len + 2 > sizeof(run->place))
        return false;
    memmove(run->place + name.len + 1, run->place, len + 1);
    run->place[0] = '.';
    memcpy(run->place + 1, name.ptr, name.len);
    return false;
}

static bool read_record(struct kb_run *run, const struct kb_avro_type *type)
{
    if (!enter(run))
        return false;
    kb_emit_begin_object(run->sink);
    if (type->n == 0) {
        if (!put_word(run, KB_S("{")))
            return false;
    }
    for (uint32_t i = 0; i < type->n; i++) {
        const struct kb_avro_part *field = &type->parts[i];
        if (!kb_run_room(run, field->json.len))
            return false;
        kb_run_put(run, field->json);
        kb_emit_key(run->sink, field->name);
        if (!read_value(run, field->type))
            return failed_in(run, field->name);
    }
    run->depth--;
    kb_emit_end_object(run->sink);
    return put_word(run, KB_S("}"));
}

/* Branches that the value is not of, as null. */
static bool put_other_branches(struct kb_run *run, const struct kb_avro_part *from,
    const struct kb_avro_part *end, bool *first)
{
    for (const struct kb_avro_part *other = from; other < end; other++) {
        if (other->type->kind == KB_AVRO_NULL)
            continue;
        if (!kb_run_room(run, other->json.len + 5))
            return false;
        if (!*first)
            *run->at++ = ',';
        *first = false;
        kb_run_put(run, other->json);
        kb_emit_key(run->sink, other->name);
        if (run->sink && kb_emit_wanted(run->sink))
            kb_emit_null(run->sink);
        kb_run_put(run, KB_S("null"));
    }
    return true;
}

/* {"branch": value} */
static bool read_wrapped(struct kb_run *run, const struct kb_avro_part *branch)
{
    if (!enter(run) || !kb_run_room(run, branch->json.len + 1))
        return false;
    *run->at++ = '{';
    kb_run_put(run, branch->json);
    kb_emit_begin_object(run->sink);
    kb_emit_key(run->sink, branch->name);
    if (!read_value(run, branch->type))
        return failed_in(run, branch->name);
    run->depth--;
    kb_emit_end_object(run->sink);
    return put_word(run, KB_S("}"));
}

/* {"int": null, "branch": value, "string": null}: Connect's one-of. */
static bool read_one_of(struct kb_run *run, const struct kb_avro_type *type, uint32_t index)
{
    const struct kb_avro_part *branch = &type->short_parts[index];
    bool first = true;
    if (!enter(run) || !put_word(run, KB_S("{")))
        return false;
    kb_emit_begin_object(run->sink);
    if (!put_other_branches(run, type->short_parts, branch, &first) ||
        !kb_run_room(run, branch->json.len + 1))
        return false;
    if (!first)
        *run->at++ = ',';
    first = false;
    kb_run_put(run, branch->json);
    kb_emit_key(run->sink, branch->name);
    if (!read_value(run, branch->type))
        return failed_in(run, branch->name);
    if (!put_other_branches(run, branch + 1, type->short_parts + type->n, &first))
        return false;
    run->depth--;
    kb_emit_end_object(run->sink);
    return put_word(run, KB_S("}"));
}

static bool has_choice(const struct kb_avro_type *type)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < type->n; i++)
        n += type->parts[i].type->kind != KB_AVRO_NULL;
    return n > 1;
}

/* The sink has been asked about this place; the value itself must not ask again. */
static bool read_here(struct kb_run *run, const struct kb_avro_type *type);

static bool read_union(struct kb_run *run, const struct kb_avro_type *type)
{
    const struct kb_avro_part *branch;
    if (!read_index(run, type, "branch", &branch))
        return false;
    if (run->options->unions == KB_UNION_PLAIN || branch->type->kind == KB_AVRO_NULL)
        return read_here(run, branch->type);
    if (run->options->unions == KB_UNION_AVRO)
        return read_wrapped(run, branch);
    return has_choice(type) ? read_one_of(run, type, (uint32_t)(branch - type->parts))
                            : read_here(run, branch->type);
}

/* How many items the next block has, 0 at the end; a negative count stands before the block's
 * length in bytes. Each item needs its least, so the count is bounded by what is left. Where an
 * item needs none, each still writes a byte of text, whose maximum bounds them. */
static bool read_count(struct kb_run *run, uint64_t least, uint64_t *out)
{
    int64_t count, bytes;
    if (!read_long(run, &count))
        return false;
    uint64_t n = count < 0 ? -(uint64_t)count : (uint64_t)count;
    if (count < 0 && !read_long(run, &bytes))
        return false;
    if (least > 0 ? n > left(run) / least : n > KB_DECODE_TEXT_MAX)
        return FAIL(
            run, "a count of %llu where %zu bytes are left", (unsigned long long)n, left(run));
    *out = n;
    return true;
}

static uint64_t least_of(const struct kb_avro_type *type)
{
    return type->kind == KB_AVRO_NULL ? 0 : type->kind <= KB_AVRO_STRING ? 1 : type->least;
}

static bool read_item(struct kb_run *run, const struct kb_avro_type *item, bool is_map, char comma)
{
    struct kb_slice key;
    if (!kb_run_room(run, 1))
        return false;
    *run->at++ = comma;
    if (!is_map)
        return read_value(run, item);
    if (!read_bytes(run, &key) || !put_text(run, key) || !put_word(run, KB_S(":")))
        return false;
    kb_emit_key(run->sink, key);
    return read_value(run, item) || failed_in(run, key);
}

/* An array, or a map, which is an array of keys and values. */
static bool read_items(struct kb_run *run, const struct kb_avro_type *type)
{
    const struct kb_avro_type *item = type->parts->type;
    bool is_map = type->kind == KB_AVRO_MAP;
    uint64_t least = least_of(item) + is_map, n;
    char comma = is_map ? '{' : '[';
    if (!enter(run) || !read_count(run, least, &n))
        return false;
    is_map ? kb_emit_begin_object(run->sink) : kb_emit_begin_array(run->sink);
    if (n == 0 && !put_word(run, is_map ? KB_S("{") : KB_S("[")))
        return false;
    while (n > 0) {
        for (; n > 0; n--, comma = ',')
            if (!read_item(run, item, is_map, comma))
                return false;
        if (!read_count(run, least, &n))
            return false;
    }
    run->depth--;
    is_map ? kb_emit_end_object(run->sink) : kb_emit_end_array(run->sink);
    return put_word(run, is_map ? KB_S("}") : KB_S("]"));
}

static KB_ALWAYS_INLINE bool read_by_kind(struct kb_run *run, const struct kb_avro_type *type)
{
    switch (type->kind) {
    case KB_AVRO_NULL:
        return read_null(run);
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

static bool read_here(struct kb_run *run, const struct kb_avro_type *type)
{
    return read_by_kind(run, type);
}

static bool read_value(struct kb_run *run, const struct kb_avro_type *type)
{
    struct kb_events *sink = run->sink;
    if (KB_LIKELY(!sink))
        return read_by_kind(run, type);
    if (!kb_emit_wanted(sink))
        run->sink = NULL;
    bool ok = read_by_kind(run, type);
    run->sink = sink;
    return ok;
}

/* ---- a whole record ---- */

/* What is no JSON text by itself. */
static bool stands_raw(const struct kb_avro_type *type)
{
    return (type->kind == KB_AVRO_BYTES || type->kind == KB_AVRO_FIXED) && !type->is_logical;
}

static bool decode_raw(struct kb_run *run, const struct kb_avro_type *type, struct kb_value *out)
{
    struct kb_slice bytes = {run->in, left(run)};
    if (type->kind == KB_AVRO_FIXED && bytes.len != type->size)
        return FAIL(run, "%zu bytes where a fixed has %u", bytes.len, type->size);
    kb_emit_bytes(run->sink, bytes);
    *out = (struct kb_value){KB_FORM_BYTES, bytes};
    return true;
}

static bool decode_text(struct kb_run *run, struct kb_value *out)
{
    struct kb_slice text;
    if (!read_bytes(run, &text))
        return false;
    size_t good = kb_utf8_prefix(text);
    if (good < text.len)
        return FAIL(run, "byte %zu of a text of %zu is not UTF-8", good + 1, text.len);
    kb_emit_string(run->sink, text);
    *out = (struct kb_value){KB_FORM_TEXT, text};
    return true;
}

static bool decode_json(struct kb_run *run, const struct kb_avro_type *type, struct kb_value *out)
{
    bool raw = type->kind == KB_AVRO_BYTES; /* a decimal: no length, as every top-level bytes */
    if (!kb_run_grow(run, SHORT_TEXT))
        return false;
    if (raw ? !kb_show_bytes(run, type, (struct kb_slice){run->in, left(run)})
            : !read_value(run, type))
        return false;
    if (raw)
        run->in = run->end;
    kb_run_sync(run);
    *out = (struct kb_value){KB_FORM_JSON, kb_buf_slice(run->text)};
    return true;
}

bool kb_avro_decode(const void *compiled, struct kb_slice payload, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    const struct kb_avro *avro = compiled;
    const struct kb_avro_type *root = avro->root;
    struct kb_run run;
    run.in = payload.ptr ? payload.ptr : "";
    run.end = run.in + payload.len;
    run.text = with->text;
    run.options = with->options;
    run.sink = with->sink;
    run.err = err;
    run.depth = 0;
    run.place[0] = '\0';
    kb_run_resume(&run);

    bool ok;
    if (stands_raw(root)) {
        ok = decode_raw(&run, root, out);
        run.in = run.end;
    } else if (root->kind == KB_AVRO_STRING) {
        ok = decode_text(&run, out);
    } else {
        ok = decode_json(&run, root, out);
    }
    if (ok && run.in < run.end)
        ok = FAIL(&run, "%zu bytes are left over", left(&run));
    return ok || kb_err_wrap(
                     err, "avro%s%s", run.place[0] ? ": " : "", run.place[0] ? run.place + 1 : "");
}
