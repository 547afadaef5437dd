/* A .proto text into descriptors, one function a construct; see proto.h. Names of types stay as
 * written: proto_link.c looks them up when all files are there. What has no bearing on decoding
 * (services, extensions, reserved, options) is stepped over by its brackets. */
#include "decode/proto_build.h"
#include "decode/proto_lex.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <stdarg.h>

#define NUMBER_MAX 536870911

struct parser {
    struct kb_proto_lex lex;
    struct kb_proto *proto;
    struct kb_slice file, package;
    bool proto3;
    int nesting;
    struct kb_err *err;
};

static bool fail(struct parser *p, const char *fmt, ...) KB_PRINTF(2, 3);

static bool fail(struct parser *p, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    kb_utf8_one_line(text, strlen(text));
    return kb_err_record(p->err, KB_FAILURE_DECODE, "%.*s:%d:%d: %s",
        p->file.len ? (int)p->file.len : 6, p->file.len ? p->file.ptr : "schema", p->lex.token_line,
        p->lex.token_column, text);
}

static bool expected(struct parser *p, const char *what)
{
    if (p->lex.token == KB_PROTO_BAD)
        return fail(p, "%s", p->lex.text.ptr);
    if (p->lex.token == KB_PROTO_END)
        return fail(p, "expected %s, found the end", what);
    int len = (int)kb_utf8_cut(p->lex.text, 40);
    return fail(p, "expected %s, found %.*s", what, len, p->lex.text.ptr);
}

static void next(struct parser *p)
{
    kb_proto_lex_next(&p->lex);
}

static bool at_mark(struct parser *p, char mark)
{
    return kb_proto_lex_mark(&p->lex, mark);
}

static bool at_word(struct parser *p, const char *word)
{
    return kb_proto_lex_word(&p->lex, word);
}

/* Steps over the mark where it is there. */
static bool take_mark(struct parser *p, char mark)
{
    bool there = at_mark(p, mark);
    if (there)
        next(p);
    return there;
}

static bool need_mark(struct parser *p, char mark)
{
    const char what[] = {'\'', mark, '\'', '\0'};
    return take_mark(p, mark) || expected(p, what);
}

/* What the builder refuses is told with the place. */
static bool placed(struct parser *p, bool ok)
{
    return ok || kb_err_wrap(p->err, "%.*s:%d:%d", p->file.len ? (int)p->file.len : 6,
                     p->file.len ? p->file.ptr : "schema", p->lex.token_line, p->lex.token_column);
}

static void *alloc(struct parser *p, size_t size)
{
    void *piece = kb_proto_alloc(p->proto, size, p->err);
    placed(p, piece != NULL);
    return piece;
}

static bool copy(struct parser *p, struct kb_slice text, struct kb_slice *out)
{
    return placed(p, kb_proto_copy(p->proto, text, out, p->err));
}

/* ---- names and values ---- */

static bool ident(struct parser *p, const char *what, struct kb_slice *out)
{
    if (p->lex.token != KB_PROTO_IDENT)
        return expected(p, what);
    if (!copy(p, p->lex.text, out))
        return false;
    next(p);
    return true;
}

/* a.b.C, with a leading dot where `absolute` allows it. */
static bool path(struct parser *p, bool absolute, const char *what, struct kb_slice *out)
{
    char text[KB_PROTO_NAME_MAX];
    size_t len = 0;
    if (absolute && take_mark(p, '.'))
        text[len++] = '.';
    do {
        if (p->lex.token != KB_PROTO_IDENT)
            return expected(p, what);
        if (p->lex.text.len + 1 > sizeof(text) - len)
            return fail(p, "a name is longer than %d bytes", KB_PROTO_NAME_MAX);
        memcpy(text + len, p->lex.text.ptr, p->lex.text.len);
        len += p->lex.text.len;
        text[len++] = '.';
        next(p);
    } while (take_mark(p, '.'));
    return copy(p, (struct kb_slice){text, len - 1}, out);
}

static bool full_name(
    struct parser *p, struct kb_slice scope, struct kb_slice name, struct kb_slice *out)
{
    return placed(p, kb_proto_full_name(p->proto, scope, name, out, p->err));
}

static int digit_of(char c)
{
    char lower = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* Decimal, 0x hexadecimal, 0 octal. */
static bool number(struct parser *p, int64_t max, const char *what, int64_t *out)
{
    struct kb_slice text = p->lex.text;
    if (p->lex.token != KB_PROTO_NUMBER)
        return expected(p, what);
    bool hex = text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x';
    int base = hex ? 16 : text.len > 1 && text.ptr[0] == '0' ? 8 : 10;
    *out = 0;
    for (size_t i = hex ? 2 : 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit >= base || *out > (max - digit) / base)
            return expected(p, what);
        *out = *out * base + digit;
    }
    next(p);
    return true;
}

static void add_utf8(struct kb_buf *out, uint32_t c)
{
    if (c < 0x80) {
        kb_buf_byte(out, (char)c);
        return;
    }
    static const uint32_t leading[] = {0, 0xc0, 0xe0, 0xf0};
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    kb_buf_byte(out, (char)(leading[more] | c >> 6 * more));
    while (more-- > 0)
        kb_buf_byte(out, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

static const char *add_digits(
    struct kb_buf *out, const char *at, const char *end, int base, int most, bool character)
{
    uint32_t value = 0;
    for (; most > 0 && at < end && digit_of(*at) < base; most--, at++)
        value = value * (uint32_t)base + (uint32_t)digit_of(*at);
    if (character)
        add_utf8(out, value);
    else
        kb_buf_byte(out, (char)value);
    return at;
}

/* `at` behind the backslash; behind the escape. */
static const char *add_escape(struct kb_buf *out, const char *at, const char *end)
{
    static const char letters[] = "abfnrtv", meant[] = "\a\b\f\n\r\t\v";
    const char *letter = memchr(letters, *at, sizeof(letters) - 1);
    if (*at == 'x' || *at == 'X')
        return add_digits(out, at + 1, end, 16, 2, false);
    if (*at == 'u' || *at == 'U')
        return add_digits(out, at + 1, end, 16, *at == 'u' ? 4 : 8, true);
    if (*at >= '0' && *at <= '7')
        return add_digits(out, at, end, 8, 3, false);
    kb_buf_byte(out, letter ? meant[letter - letters] : *at);
    return at + 1;
}

static void add_string(struct kb_buf *out, struct kb_slice quoted)
{
    const char *end = quoted.ptr + quoted.len - 1;
    for (const char *at = quoted.ptr + 1; at < end;) {
        if (*at == '\\')
            at = add_escape(out, at + 1, end);
        else
            kb_buf_byte(out, *at++);
    }
}

/* One string, of as many pieces as stand beside each other. */
static bool string(struct parser *p, const char *what, struct kb_slice *out)
{
    if (p->lex.token != KB_PROTO_TEXT)
        return expected(p, what);
    struct kb_buf text;
    kb_buf_init(&text, KB_PROTO_NAME_MAX);
    for (; p->lex.token == KB_PROTO_TEXT; next(p))
        add_string(&text, p->lex.text);
    bool ok = text.failed ? fail(p, "a string is longer than %d bytes", KB_PROTO_NAME_MAX)
              : !kb_utf8_valid(kb_buf_slice(&text)) ? fail(p, "a string is not UTF-8")
                                                    : copy(p, kb_buf_slice(&text), out);
    kb_buf_deinit(&text);
    return ok;
}

/* ---- what is passed over ---- */

static int bracket(struct parser *p)
{
    if (p->lex.token != KB_PROTO_MARK)
        return 0;
    char c = p->lex.text.ptr[0];
    return c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
}

/* To behind the semicolon that ends a statement, or behind the block that is one. */
static bool skip_statement(struct parser *p)
{
    bool assigned = false; /* option x = { ... }; ends with the semicolon all the same */
    for (int depth = 0;; next(p)) {
        if (p->lex.token == KB_PROTO_END || p->lex.token == KB_PROTO_BAD)
            return expected(p, "';' or '}'");
        assigned = assigned || (depth == 0 && at_mark(p, '='));
        int by = bracket(p);
        depth += by;
        if (depth < 0)
            return expected(p, "';'");
        bool block_ends = depth == 0 && by < 0 && at_mark(p, '}') && !assigned;
        if (block_ends || (depth == 0 && at_mark(p, ';'))) {
            next(p);
            return true;
        }
    }
}

/* [json_name = "x", others]: only that one matters. */
static bool field_options(struct parser *p, struct kb_slice *json_name)
{
    if (!at_mark(p, '['))
        return true;
    int depth = 0;
    do {
        bool begins = depth <= 1 && (at_mark(p, '[') || at_mark(p, ','));
        if (p->lex.token == KB_PROTO_END || p->lex.token == KB_PROTO_BAD)
            return expected(p, "']'");
        depth += bracket(p);
        next(p);
        if (!begins || !at_word(p, "json_name"))
            continue;
        next(p);
        if (!need_mark(p, '=') || !string(p, "a string", json_name))
            return false;
    } while (depth > 0);
    return true;
}

/* ---- enums ---- */

static bool enum_value(struct parser *p, struct kb_proto_enum *enumeration)
{
    struct kb_slice name, ignored;
    int64_t value;
    if (!ident(p, "a value's name", &name) || !need_mark(p, '='))
        return false;
    bool negative = take_mark(p, '-');
    if (!number(p, INT64_C(0x7fffffff) + negative, "a 32-bit number", &value) ||
        !field_options(p, &ignored) || !need_mark(p, ';'))
        return false;
    return placed(p, kb_proto_add_value(p->proto, enumeration, name,
                         (int32_t)(negative ? -value : value), p->err));
}

static bool parse_enum(struct parser *p, struct kb_slice scope)
{
    struct kb_slice name;
    struct kb_proto_enum *enumeration = alloc(p, sizeof(*enumeration));
    next(p);
    if (!enumeration || !ident(p, "the enum's name", &name) ||
        !full_name(p, scope, name, &enumeration->full_name) || !need_mark(p, '{'))
        return false;
    while (!take_mark(p, '}')) {
        bool passed = at_word(p, "option") || at_word(p, "reserved");
        if (!(take_mark(p, ';') || (passed ? skip_statement(p) : enum_value(p, enumeration))))
            return false;
    }
    return placed(p, kb_proto_add_enum(p->proto, enumeration, p->err));
}

/* ---- fields ---- */

static enum kb_proto_type scalar_of(struct kb_slice name)
{
    static const char *const names[] = {
#define X(id, text, wire) [KB_PROTO_##id] = text,
        KB_PROTO_TYPES(X)
#undef X
    };
    int type = 0;
    while (type < KB_PROTO_ENUM && !kb_slice_is(name, names[type]))
        type++;
    return (enum kb_proto_type)type; /* ENUM stands for a name to be looked up */
}

/* name = number [options]; */
static bool field_rest(
    struct parser *p, struct kb_proto_message *message, struct kb_proto_field *field)
{
    int64_t value;
    field->place = (struct kb_proto_place){p->file, p->lex.token_line, p->lex.token_column};
    if (!ident(p, "the field's name", &field->name) || !need_mark(p, '=') ||
        !number(p, NUMBER_MAX, "a field number from 1 to 536870911", &value))
        return false;
    if (value == 0)
        return fail(p, "a field's number can't be 0");
    field->number = (uint32_t)value;
    return field_options(p, &field->json_name) && need_mark(p, ';') &&
           placed(p, kb_proto_add_field(p->proto, message, field, p->err));
}

static bool type_of(struct parser *p, struct kb_proto_field *field)
{
    if (at_word(p, "group"))
        return fail(p, "groups are not supported; declare a message instead");
    struct kb_slice name;
    if (!path(p, true, "a type", &name))
        return false;
    field->type = scalar_of(name);
    if (field->type == KB_PROTO_ENUM)
        field->type_name = name;
    return true;
}

static bool parse_field(struct parser *p, struct kb_proto_message *message, uint16_t oneof)
{
    struct kb_proto_field field = {.oneof = oneof};
    bool optional = at_word(p, "optional"), required = at_word(p, "required");
    field.repeated = at_word(p, "repeated");
    if (optional || required || field.repeated)
        next(p);
    field.presence = !field.repeated && (optional || !p->proto3 || oneof != KB_PROTO_NO_ONEOF);
    return type_of(p, &field) && field_rest(p, message, &field);
}

/* The message that each entry of a map is on the wire. */
static struct kb_proto_message *new_entry(struct parser *p, struct kb_proto_message *message,
    const struct kb_proto_field *key, const struct kb_proto_field *value)
{
    char name[32];
    struct kb_proto_message *entry = alloc(p, sizeof(*entry));
    /* A name that no text can declare: entries are not looked up. */
    snprintf(name, sizeof(name), "<map %zu>", message->n_fields);
    if (!entry || !full_name(p, message->full_name, kb_slice_of(name), &entry->full_name) ||
        !placed(p, kb_proto_add_field(p->proto, entry, key, p->err) &&
                       kb_proto_add_field(p->proto, entry, value, p->err) &&
                       kb_proto_add_message(p->proto, message, entry, p->err)))
        return NULL;
    entry->map_entry = entry->synthetic = true;
    return entry;
}

static bool parse_map(struct parser *p, struct kb_proto_message *message)
{
    struct kb_proto_place place = {p->file, p->lex.token_line, p->lex.token_column};
    struct kb_proto_field key = {.name = KB_S("key"), .number = 1, .place = place};
    struct kb_proto_field value = {.name = KB_S("value"), .number = 2, .place = place};
    struct kb_proto_field field = {.type = KB_PROTO_MESSAGE, .repeated = true, .map = true};
    field.oneof = key.oneof = value.oneof = KB_PROTO_NO_ONEOF;
    next(p); /* map, and the mark that was looked for */
    if (!need_mark(p, '<') || !type_of(p, &key) || !need_mark(p, ',') || !type_of(p, &value) ||
        !need_mark(p, '>'))
        return false;
    if (key.type == KB_PROTO_ENUM || key.type == KB_PROTO_BYTES || key.type == KB_PROTO_DOUBLE ||
        key.type == KB_PROTO_FLOAT)
        return fail(p, "a map's key is an integer, a bool or a string");
    field.message = new_entry(p, message, &key, &value);
    return field.message && field_rest(p, message, &field);
}

static bool parse_oneof(struct parser *p, struct kb_proto_message *message)
{
    struct kb_slice name;
    next(p);
    if (!ident(p, "the oneof's name", &name) || !need_mark(p, '{'))
        return false;
    uint16_t oneof = (uint16_t)message->n_oneofs++; /* fewer than fields, or empty ones */
    if (message->n_oneofs > KB_PROTO_FIELDS_MAX)
        return fail(p, "a message has more than %d oneofs", KB_PROTO_FIELDS_MAX);
    while (!take_mark(p, '}')) {
        if (!(take_mark(p, ';') ||
                (at_word(p, "option") ? skip_statement(p) : parse_field(p, message, oneof))))
            return false;
    }
    return true;
}

/* ---- messages ---- */

static bool parse_message(struct parser *p, struct kb_slice scope, struct kb_proto_message *parent);

/* Is the word at hand followed by this mark? (`map` may be a type's name, `reserved` a field's.) */
static bool then_mark(struct parser *p, char mark)
{
    struct kb_proto_lex ahead = p->lex;
    kb_proto_lex_next(&ahead);
    return kb_proto_lex_mark(&ahead, mark);
}

/* `option map_entry = true;` stands where a registry has made a text of a descriptor, as
 * Confluent's does of Java's and Python's: the entry of a map, spelled out. Other options are
 * passed over. */
static bool message_option(struct parser *p, struct kb_proto_message *message)
{
    struct kb_proto_lex ahead = p->lex;
    kb_proto_lex_next(&ahead);
    bool map_entry = kb_proto_lex_word(&ahead, "map_entry");
    kb_proto_lex_next(&ahead);
    map_entry = map_entry && kb_proto_lex_mark(&ahead, '=');
    kb_proto_lex_next(&ahead);
    if (map_entry && kb_proto_lex_word(&ahead, "true"))
        message->map_entry = true;
    return skip_statement(p);
}

static bool message_statement(struct parser *p, struct kb_proto_message *message)
{
    if (take_mark(p, ';'))
        return true;
    if (at_word(p, "message"))
        return parse_message(p, message->full_name, message);
    if (at_word(p, "enum"))
        return parse_enum(p, message->full_name);
    if (at_word(p, "oneof"))
        return parse_oneof(p, message);
    if (at_word(p, "map") && then_mark(p, '<'))
        return parse_map(p, message);
    if (at_word(p, "option"))
        return message_option(p, message);
    if (at_word(p, "reserved") || at_word(p, "extensions") || at_word(p, "extend"))
        return skip_statement(p);
    return parse_field(p, message, KB_PROTO_NO_ONEOF);
}

static bool parse_message(struct parser *p, struct kb_slice scope, struct kb_proto_message *parent)
{
    struct kb_slice name;
    struct kb_proto_message *message = alloc(p, sizeof(*message));
    if (p->nesting == KB_PROTO_NESTING_MAX)
        return fail(p, "messages are declared more than %d deep", KB_PROTO_NESTING_MAX);
    next(p);
    if (!message || !ident(p, "the message's name", &name) ||
        !full_name(p, scope, name, &message->full_name) ||
        !placed(p, kb_proto_add_message(p->proto, parent, message, p->err)) || !need_mark(p, '{'))
        return false;
    p->nesting++;
    while (!take_mark(p, '}'))
        if (!message_statement(p, message))
            return false;
    p->nesting--;
    return true;
}

/* ---- files ---- */

static bool parse_syntax(struct parser *p)
{
    struct kb_slice syntax;
    next(p);
    if (!need_mark(p, '=') || !string(p, "\"proto2\" or \"proto3\"", &syntax))
        return false;
    p->proto3 = kb_slice_is(syntax, "proto3");
    if (!p->proto3 && !kb_slice_is(syntax, "proto2"))
        return fail(p, "the syntax \"%.*s\" is not known; proto2 and proto3 are", (int)syntax.len,
            syntax.ptr);
    return need_mark(p, ';');
}

static bool parse_import(struct parser *p)
{
    struct kb_slice name;
    next(p);
    if (at_word(p, "public") || at_word(p, "weak"))
        next(p);
    return string(p, "the file to import", &name) && need_mark(p, ';') &&
           placed(p, kb_proto_add_import(p->proto, name, p->err));
}

static bool parse_package(struct parser *p)
{
    next(p);
    return path(p, false, "the package's name", &p->package) && need_mark(p, ';');
}

static bool file_statement(struct parser *p)
{
    if (take_mark(p, ';'))
        return true;
    if (at_word(p, "syntax"))
        return parse_syntax(p);
    if (at_word(p, "edition"))
        return fail(p, "editions are not supported; proto2 and proto3 are");
    if (at_word(p, "import"))
        return parse_import(p);
    if (at_word(p, "package"))
        return parse_package(p);
    if (at_word(p, "message"))
        return parse_message(p, p->package, NULL);
    if (at_word(p, "enum"))
        return parse_enum(p, p->package);
    if (at_word(p, "option") || at_word(p, "service") || at_word(p, "extend"))
        return skip_statement(p);
    return expected(p, "message, enum or another statement");
}

bool kb_proto_add_text(
    struct kb_proto *proto, struct kb_slice name, struct kb_slice text, struct kb_err *err)
{
    struct parser p = {.proto = proto, .file = name, .err = err};
    kb_proto_lex_init(&p.lex, name, text);
    while (p.lex.token != KB_PROTO_END)
        if (!file_statement(&p))
            return false;
    return true;
}
