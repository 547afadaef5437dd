/* A .proto text into descriptors, one function a construct; see proto.h. Names of types stay as
 * written: proto_link.c looks them up when all files are there. What has no bearing on decoding
 * (services, extensions, reserved, options) is stepped over by its brackets. */
#include "decode/proto_parser.h"

#define NUMBER_MAX 536870911

/* ---- enums ---- */

static bool enum_value(struct kb_proto_parser *p, struct kb_proto_enum *enumeration)
{
    struct kb_slice name, ignored;
    int64_t value;
    if (!kb_parser_ident(p, "a value's name", &name) || !kb_parser_need(p, '='))
        return false;
    bool negative = kb_parser_take(p, '-');
    if (!kb_parser_number(p, INT64_C(0x7fffffff) + negative, "a 32-bit number", &value) ||
        !kb_parser_json_name(p, &ignored) || !kb_parser_need(p, ';'))
        return false;
    return kb_parser_placed(p, kb_proto_add_value(p->proto, enumeration, name,
                                   (int32_t)(negative ? -value : value), p->err));
}

static bool parse_enum(struct kb_proto_parser *p, struct kb_slice scope)
{
    struct kb_slice name;
    struct kb_proto_enum *enumeration = kb_parser_alloc(p, sizeof(*enumeration));
    kb_parser_next(p);
    if (!enumeration || !kb_parser_ident(p, "the enum's name", &name) ||
        !kb_parser_full_name(p, scope, name, &enumeration->full_name) || !kb_parser_need(p, '{'))
        return false;
    while (!kb_parser_take(p, '}')) {
        bool passed = kb_parser_at_word(p, "option") || kb_parser_at_word(p, "reserved");
        if (!(kb_parser_take(p, ';') || (passed ? kb_parser_skip(p) : enum_value(p, enumeration))))
            return false;
    }
    return kb_parser_placed(p, kb_proto_add_enum(p->proto, enumeration, p->err));
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
    struct kb_proto_parser *p, struct kb_proto_message *message, struct kb_proto_field *field)
{
    int64_t value;
    field->place = (struct kb_proto_place){p->file, p->lex.token_line, p->lex.token_column};
    if (!kb_parser_ident(p, "the field's name", &field->name) || !kb_parser_need(p, '=') ||
        !kb_parser_number(p, NUMBER_MAX, "a field number from 1 to 536870911", &value))
        return false;
    if (value == 0)
        return kb_parser_fail(p, "a field's number can't be 0");
    field->number = (uint32_t)value;
    return kb_parser_json_name(p, &field->json_name) && kb_parser_need(p, ';') &&
           kb_parser_placed(p, kb_proto_add_field(p->proto, message, field, p->err));
}

static bool type_of(struct kb_proto_parser *p, struct kb_proto_field *field)
{
    if (kb_parser_at_word(p, "group"))
        return kb_parser_fail(p, "groups are not supported; declare a message instead");
    struct kb_slice name;
    if (!kb_parser_path(p, true, "a type", &name))
        return false;
    field->type = scalar_of(name);
    if (field->type == KB_PROTO_ENUM)
        field->type_name = name;
    return true;
}

static bool parse_field(struct kb_proto_parser *p, struct kb_proto_message *message, uint16_t oneof)
{
    struct kb_proto_field field = {.oneof = oneof};
    bool optional = kb_parser_at_word(p, "optional"), required = kb_parser_at_word(p, "required");
    field.repeated = kb_parser_at_word(p, "repeated");
    if (optional || required || field.repeated)
        kb_parser_next(p);
    field.presence = !field.repeated && (optional || !p->proto3 || oneof != KB_PROTO_NO_ONEOF);
    return type_of(p, &field) && field_rest(p, message, &field);
}

/* The message that each entry of a map is on the wire. */
static struct kb_proto_message *new_entry(struct kb_proto_parser *p,
    struct kb_proto_message *message, const struct kb_proto_field *key,
    const struct kb_proto_field *value)
{
    char name[32];
    struct kb_proto_message *entry = kb_parser_alloc(p, sizeof(*entry));
    /* A name that no text can declare: entries are not looked up. */
    snprintf(name, sizeof(name), "<map %zu>", message->n_fields);
    if (!entry ||
        !kb_parser_full_name(p, message->full_name, kb_slice_of(name), &entry->full_name) ||
        !kb_parser_placed(p, kb_proto_add_field(p->proto, entry, key, p->err) &&
                                 kb_proto_add_field(p->proto, entry, value, p->err) &&
                                 kb_proto_add_message(p->proto, message, entry, p->err)))
        return NULL;
    entry->map_entry = entry->synthetic = true;
    return entry;
}

static bool parse_map(struct kb_proto_parser *p, struct kb_proto_message *message)
{
    struct kb_proto_place place = {p->file, p->lex.token_line, p->lex.token_column};
    struct kb_proto_field key = {.name = KB_S("key"), .number = 1, .place = place};
    struct kb_proto_field value = {.name = KB_S("value"), .number = 2, .place = place};
    struct kb_proto_field field = {.type = KB_PROTO_MESSAGE, .repeated = true, .map = true};
    field.oneof = key.oneof = value.oneof = KB_PROTO_NO_ONEOF;
    kb_parser_next(p); /* map, and the mark that was looked for */
    if (!kb_parser_need(p, '<') || !type_of(p, &key) || !kb_parser_need(p, ',') ||
        !type_of(p, &value) || !kb_parser_need(p, '>'))
        return false;
    if (key.type == KB_PROTO_ENUM || key.type == KB_PROTO_BYTES || key.type == KB_PROTO_DOUBLE ||
        key.type == KB_PROTO_FLOAT)
        return kb_parser_fail(p, "a map's key is an integer, a bool or a string");
    field.message = new_entry(p, message, &key, &value);
    return field.message && field_rest(p, message, &field);
}

static bool parse_oneof(struct kb_proto_parser *p, struct kb_proto_message *message)
{
    struct kb_slice name;
    kb_parser_next(p);
    if (!kb_parser_ident(p, "the oneof's name", &name) || !kb_parser_need(p, '{'))
        return false;
    uint16_t oneof = (uint16_t)message->n_oneofs++; /* fewer than fields, or empty ones */
    if (message->n_oneofs > KB_PROTO_FIELDS_MAX)
        return kb_parser_fail(p, "a message has more than %d oneofs", KB_PROTO_FIELDS_MAX);
    while (!kb_parser_take(p, '}')) {
        if (!(kb_parser_take(p, ';') ||
                (kb_parser_at_word(p, "option") ? kb_parser_skip(p)
                                                : parse_field(p, message, oneof))))
            return false;
    }
    return true;
}

/* ---- messages ---- */

static bool parse_message(
    struct kb_proto_parser *p, struct kb_slice scope, struct kb_proto_message *parent);

/* Is the word at hand followed by this mark? (`map` may be a type's name, `reserved` a field's.) */
static bool then_mark(struct kb_proto_parser *p, char mark)
{
    struct kb_proto_lex ahead = p->lex;
    kb_proto_lex_next(&ahead);
    return kb_proto_lex_mark(&ahead, mark);
}

/* `option map_entry = true;` stands where a registry has made a text of a descriptor, as
 * Confluent's does of Java's and Python's: the entry of a map, spelled out. Other options are
 * passed over. */
static bool message_option(struct kb_proto_parser *p, struct kb_proto_message *message)
{
    struct kb_proto_lex ahead = p->lex;
    kb_proto_lex_next(&ahead);
    bool map_entry = kb_proto_lex_word(&ahead, "map_entry");
    kb_proto_lex_next(&ahead);
    map_entry = map_entry && kb_proto_lex_mark(&ahead, '=');
    kb_proto_lex_next(&ahead);
    if (map_entry && kb_proto_lex_word(&ahead, "true"))
        message->map_entry = true;
    return kb_parser_skip(p);
}

static bool message_statement(struct kb_proto_parser *p, struct kb_proto_message *message)
{
    if (kb_parser_take(p, ';'))
        return true;
    if (kb_parser_at_word(p, "message"))
        return parse_message(p, message->full_name, message);
    if (kb_parser_at_word(p, "enum"))
        return parse_enum(p, message->full_name);
    if (kb_parser_at_word(p, "oneof"))
        return parse_oneof(p, message);
    if (kb_parser_at_word(p, "map") && then_mark(p, '<'))
        return parse_map(p, message);
    if (kb_parser_at_word(p, "option"))
        return message_option(p, message);
    if (kb_parser_at_word(p, "reserved") || kb_parser_at_word(p, "extensions") ||
        kb_parser_at_word(p, "extend"))
        return kb_parser_skip(p);
    return parse_field(p, message, KB_PROTO_NO_ONEOF);
}

static bool parse_message(
    struct kb_proto_parser *p, struct kb_slice scope, struct kb_proto_message *parent)
{
    struct kb_slice name;
    struct kb_proto_message *message = kb_parser_alloc(p, sizeof(*message));
    if (p->nesting == KB_PROTO_NESTING_MAX)
        return kb_parser_fail(p, "messages are declared more than %d deep", KB_PROTO_NESTING_MAX);
    kb_parser_next(p);
    if (!message || !kb_parser_ident(p, "the message's name", &name) ||
        !kb_parser_full_name(p, scope, name, &message->full_name) ||
        !kb_parser_placed(p, kb_proto_add_message(p->proto, parent, message, p->err)) ||
        !kb_parser_need(p, '{'))
        return false;
    p->nesting++;
    while (!kb_parser_take(p, '}'))
        if (!message_statement(p, message))
            return false;
    p->nesting--;
    return true;
}

/* ---- files ---- */

static bool parse_syntax(struct kb_proto_parser *p)
{
    struct kb_slice syntax;
    kb_parser_next(p);
    if (!kb_parser_need(p, '=') || !kb_parser_string(p, "\"proto2\" or \"proto3\"", &syntax))
        return false;
    p->proto3 = kb_slice_is(syntax, "proto3");
    if (!p->proto3 && !kb_slice_is(syntax, "proto2"))
        return kb_parser_fail(p, "the syntax \"%.*s\" is not known; proto2 and proto3 are",
            (int)syntax.len, syntax.ptr);
    return kb_parser_need(p, ';');
}

static bool parse_import(struct kb_proto_parser *p)
{
    struct kb_slice name;
    kb_parser_next(p);
    if (kb_parser_at_word(p, "public") || kb_parser_at_word(p, "weak"))
        kb_parser_next(p);
    return kb_parser_string(p, "the file to import", &name) && kb_parser_need(p, ';') &&
           kb_parser_placed(p, kb_proto_add_import(p->proto, name, p->err));
}

static bool parse_package(struct kb_proto_parser *p)
{
    kb_parser_next(p);
    return kb_parser_path(p, false, "the package's name", &p->package) && kb_parser_need(p, ';');
}

static bool file_statement(struct kb_proto_parser *p)
{
    if (kb_parser_take(p, ';'))
        return true;
    if (kb_parser_at_word(p, "syntax"))
        return parse_syntax(p);
    if (kb_parser_at_word(p, "edition"))
        return kb_parser_fail(p, "editions are not supported; proto2 and proto3 are");
    if (kb_parser_at_word(p, "import"))
        return parse_import(p);
    if (kb_parser_at_word(p, "package"))
        return parse_package(p);
    if (kb_parser_at_word(p, "message"))
        return parse_message(p, p->package, NULL);
    if (kb_parser_at_word(p, "enum"))
        return parse_enum(p, p->package);
    if (kb_parser_at_word(p, "option") || kb_parser_at_word(p, "service") ||
        kb_parser_at_word(p, "extend"))
        return kb_parser_skip(p);
    return kb_parser_expected(p, "message, enum or another statement");
}

bool kb_proto_add_text(
    struct kb_proto *proto, struct kb_slice name, struct kb_slice text, struct kb_err *err)
{
    struct kb_proto_parser p = {.proto = proto, .file = name, .err = err};
    kb_proto_lex_init(&p.lex, name, text);
    while (p.lex.token != KB_PROTO_END)
        if (!file_statement(&p))
            return false;
    return true;
}
