/* Files become one schema: names are looked up, field numbers get their tables, JSON names their
 * texts; see proto.h. Runs once a schema; its work is bounded by what the parser let through. */
#include "decode/proto_build.h"

#include "base/hash.h"
#include "decode/out.h"

struct linker {
    struct kb_proto *proto;
    struct kb_err *err;
};

static bool fail(
    struct linker *l, const struct kb_proto_place *place, const char *what, struct kb_slice name)
{
    struct kb_slice file = place->file.len ? place->file : KB_S("schema");
    return kb_err_record(l->err, KB_FAILURE_DECODE, KB_FMT ":%d:%d: %s " KB_FMT, KB_ARG(file),
        place->line, place->column, what, KB_ARG(name));
}

static void *alloc(struct linker *l, size_t size)
{
    return kb_proto_alloc(l->proto, size, l->err);
}

/* ---- imports ---- */

static bool is_there(const struct kb_proto *proto, struct kb_slice name)
{
    for (const struct kb_proto_import *file = proto->files; file; file = file->next)
        if (kb_slice_eq(file->name, name))
            return true;
    return false;
}

static bool add_builtin(struct linker *l, struct kb_proto_import *import)
{
    struct kb_slice text = kb_proto_builtin(import->name);
    if (text.ptr && !is_there(l->proto, import->name) &&
        !kb_proto_add(l->proto, import->name, text, l->err))
        return false;
    import->found = is_there(l->proto, import->name);
    return true;
}

/* The built-in files that are imported and were not given; what they import themselves comes to
 * stand before what has been looked at. */
static bool add_builtins(struct linker *l)
{
    struct kb_proto *proto = l->proto;
    struct kb_proto_message **top = proto->top;
    size_t n_top = proto->n_top;
    for (struct kb_proto_import *seen = NULL, *from; seen != proto->imports; seen = from) {
        from = proto->imports;
        for (struct kb_proto_import *import = from; import != seen; import = import->next)
            if (!add_builtin(l, import))
                return false;
    }
    l->proto->top = top;
    l->proto->n_top = n_top;
    return true;
}

/* ---- names ---- */

static struct kb_proto_symbol *cell(struct kb_proto *proto, struct kb_slice name)
{
    size_t at = kb_hash64(name, 0) & (proto->n_cells - 1);
    while (proto->symbols[at].name.ptr && !kb_slice_eq(proto->symbols[at].name, name))
        at = (at + 1) & (proto->n_cells - 1);
    return &proto->symbols[at];
}

const struct kb_proto_symbol *kb_proto_find(const struct kb_proto *proto, struct kb_slice name)
{
    size_t at = kb_hash64(name, 0) & (proto->n_cells - 1);
    for (; proto->symbols[at].name.ptr; at = (at + 1) & (proto->n_cells - 1))
        if (kb_slice_eq(proto->symbols[at].name, name))
            return &proto->symbols[at];
    return NULL;
}

static bool declare(struct linker *l, struct kb_slice name, struct kb_proto_message *message,
    struct kb_proto_enum *enumeration)
{
    struct kb_proto_symbol *symbol = cell(l->proto, name);
    if (symbol->name.ptr)
        return kb_err_record(l->err, KB_FAILURE_DECODE,
            "the schema and its imports declare " KB_FMT " twice", KB_ARG(name));
    *symbol = (struct kb_proto_symbol){name, message, enumeration};
    return true;
}

static bool declare_all(struct linker *l)
{
    struct kb_proto *proto = l->proto;
    proto->n_cells = 16;
    while (proto->n_cells < 2 * proto->n_symbols)
        proto->n_cells *= 2;
    proto->symbols = alloc(l, proto->n_cells * sizeof(*proto->symbols));
    if (!proto->symbols)
        return false;
    for (struct kb_proto_message *m = proto->messages; m; m = m->next)
        if (!declare(l, m->full_name, m, NULL))
            return false;
    for (struct kb_proto_enum *e = proto->enums; e; e = e->next)
        if (!declare(l, e->full_name, NULL, e))
            return false;
    return true;
}

/* From the innermost scope outward, as Protobuf's own rule has it. */
static const struct kb_proto_symbol *look_up(
    const struct kb_proto *proto, struct kb_slice scope, struct kb_slice name)
{
    char full[2 * KB_PROTO_NAME_MAX + 1];
    if (name.ptr[0] == '.')
        return kb_proto_find(proto, (struct kb_slice){name.ptr + 1, name.len - 1});
    for (size_t len = scope.len; len > 0;) {
        memcpy(full, scope.ptr, len);
        full[len] = '.';
        memcpy(full + len + 1, name.ptr, name.len);
        const struct kb_proto_symbol *found =
            kb_proto_find(proto, (struct kb_slice){full, len + 1 + name.len});
        if (found)
            return found;
        while (len > 0 && scope.ptr[--len] != '.')
            ;
    }
    return kb_proto_find(proto, name);
}

/* What nobody declared may well be in a file that was imported but is not there. */
static bool unknown(struct linker *l, const struct kb_proto_field *field)
{
    for (const struct kb_proto_import *i = l->proto->imports; i; i = i->next) {
        if (i->found)
            continue;
        fail(l, &field->place, "no file declares the type", field->type_name);
        return kb_err_record(l->err, KB_FAILURE_DECODE,
            "%.400s; the import \"%.*s\" is not among the schema's references", l->err->text,
            i->name.len < 200 ? (int)i->name.len : 200, i->name.ptr);
    }
    return fail(l, &field->place, "no file declares the type", field->type_name);
}

static bool link_type(
    struct linker *l, const struct kb_proto_message *message, struct kb_proto_field *field)
{
    if (field->type_name.ptr) {
        const struct kb_proto_symbol *symbol =
            look_up(l->proto, message->full_name, field->type_name);
        if (!symbol)
            return unknown(l, field);
        field->message = symbol->message;
        field->enumeration = symbol->enumeration;
        field->type = symbol->message ? KB_PROTO_MESSAGE : KB_PROTO_ENUM;
    }
    field->map = field->map || (field->repeated && field->message && field->message->map_entry);
    static const uint8_t wires[] = {
#define X(id, name, wire) [KB_PROTO_##id] = wire,
        KB_PROTO_TYPES(X)
#undef X
    };
    static const bool wide[KB_PROTO_TYPE_COUNT] = {
        [KB_PROTO_DOUBLE] = true,
        [KB_PROTO_INT64] = true,
        [KB_PROTO_UINT64] = true,
        [KB_PROTO_SINT64] = true,
        [KB_PROTO_FIXED64] = true,
        [KB_PROTO_SFIXED64] = true,
        [KB_PROTO_BOOL] = true, /* any number but 0 is true */
    };
    field->wire = wires[field->type];
    field->bits = wide[field->type] ? UINT64_MAX : UINT32_MAX;
    field->presence = field->presence || (field->type == KB_PROTO_MESSAGE && !field->repeated);
    return true;
}

/* ---- what JSON writes ---- */

/* `,"name":`, padded as kb_out_padded takes it. */
static bool key_text(struct linker *l, struct kb_slice name, struct kb_slice *out)
{
    struct kb_buf text;
    kb_buf_init(&text, 8 * KB_PROTO_NAME_MAX);
    kb_buf_byte(&text, ',');
    kb_json_string(&text, name);
    kb_buf_byte(&text, ':');
    char *piece = alloc(l, text.len + KB_OUT_PAD);
    if (piece)
        memcpy(piece, text.ptr, text.len);
    *out = (struct kb_slice){piece, text.len};
    kb_buf_deinit(&text);
    return piece != NULL;
}

/* snake_case -> snakeCase, as protoc does: an underscore goes and the next letter is large. */
static bool camel_case(struct linker *l, struct kb_slice name, struct kb_slice *out)
{
    char *text = alloc(l, name.len);
    size_t len = 0;
    bool large = false;
    if (!text)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c != '_')
            text[len++] = large && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        large = c == '_';
    }
    *out = (struct kb_slice){text, len};
    return true;
}

/* ---- tables ---- */

/* Heap sort: bounded for any input, no memory of its own. */
static void sort_places(uint16_t *places, size_t n,
    bool (*less)(const void *ctx, uint16_t a, uint16_t b), const void *ctx)
{
    for (size_t end = n, start = n / 2; end > 1;) {
        uint16_t place;
        if (start > 0) {
            place = places[--start];
        } else {
            place = places[--end];
            places[end] = places[0];
        }
        size_t root = start;
        for (size_t child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && less(ctx, places[child], places[child + 1]))
                child++;
            if (!less(ctx, place, places[child]))
                break;
            places[root] = places[child];
        }
        places[root] = place;
    }
}

static bool by_number(const void *ctx, uint16_t a, uint16_t b)
{
    const struct kb_proto_field *fields = ctx;
    return fields[a].number != fields[b].number ? fields[a].number < fields[b].number : a < b;
}

static int order_of(struct kb_slice x, struct kb_slice y)
{
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : x.len < y.len ? -1 : x.len > y.len;
}

/* Of the same name by place, so that the later one is the one refused. */
static bool by_name(const void *ctx, uint16_t a, uint16_t b)
{
    const struct kb_proto_field *fields = ctx;
    int order = order_of(fields[a].name, fields[b].name);
    return order ? order < 0 : a < b;
}

static bool by_json_name(const void *ctx, uint16_t a, uint16_t b)
{
    const struct kb_proto_field *fields = ctx;
    int order = order_of(fields[a].json_name, fields[b].json_name);
    return order ? order < 0 : a < b;
}

/* Fields that share a JSON name get the one of the schema for it. How many there were. */
static size_t part_namesakes(struct kb_proto_message *m, uint16_t *places)
{
    size_t parted = 0;
    sort_places(places, m->n_fields, by_json_name, m->fields);
    for (size_t i = 0, end; i < m->n_fields; i = end) {
        struct kb_slice shared = m->fields[places[i]].json_name;
        for (end = i + 1; end < m->n_fields; end++)
            if (!kb_slice_eq(m->fields[places[end]].json_name, shared))
                break;
        for (size_t at = i; end - i > 1 && at < end; at++, parted++)
            m->fields[places[at]].json_name = m->fields[places[at]].name;
    }
    return parted;
}

/* The names that JSON has. proto2 lets two fields have one; where parting them makes namesakes anew
 * the whole message goes by the names of the schema, which are unlike. */
static bool name_fields(struct linker *l, struct kb_proto_message *m, uint16_t *places)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (!m->fields[i].json_name.ptr &&
            !camel_case(l, m->fields[i].name, &m->fields[i].json_name))
            return false;
    bool all = part_namesakes(m, places) > 0 && part_namesakes(m, places) > 0;
    for (size_t i = 0; i < m->n_fields; i++) {
        struct kb_proto_field *field = &m->fields[i];
        field->json_name = all ? field->name : field->json_name;
        if (!key_text(l, field->json_name, &field->key) ||
            !key_text(l, field->name, &field->key_proto))
            return false;
    }
    return true;
}

static bool refuse_twice(struct linker *l, struct kb_proto_message *m, uint16_t *places)
{
    sort_places(places, m->n_fields, by_name, m->fields);
    for (size_t i = 1; i < m->n_fields; i++) {
        const struct kb_proto_field *field = &m->fields[places[i]];
        if (kb_slice_eq(field->name, m->fields[places[i - 1]].name))
            return fail(l, &field->place, "there are two fields with the name", field->name);
    }
    sort_places(places, m->n_fields, by_number, m->fields);
    for (size_t i = 1; i < m->n_fields; i++) {
        const struct kb_proto_field *field = &m->fields[places[i]];
        if (field->number == m->fields[places[i - 1]].number)
            return fail(l, &field->place, "there are two fields with the number of", field->name);
    }
    return true;
}

static bool number_fields(struct linker *l, struct kb_proto_message *m)
{
    m->sparse = alloc(l, m->n_fields * sizeof(*m->sparse));
    m->n_dense = (uint32_t)m->n_fields * 2 + 16;
    m->dense = alloc(l, m->n_dense * sizeof(*m->dense));
    if (!m->sparse || !m->dense)
        return false;
    for (size_t i = 0; i < m->n_fields; i++)
        m->sparse[i] = (uint16_t)i;
    if (!name_fields(l, m, m->sparse) || !refuse_twice(l, m, m->sparse))
        return false;
    for (size_t i = 0; i < m->n_fields; i++) {
        uint16_t place = m->sparse[i];
        if (m->fields[place].number < m->n_dense)
            m->dense[m->fields[place].number] = (uint16_t)(place + 1);
        else
            m->sparse[m->n_sparse++] = place;
    }
    return true;
}

/* What the well-known types must look like for their own way to be taken: the types of the fields
 * 1, 2, ... in that order. */
static const struct {
    const char *name;
    enum kb_proto_type types[6];
    size_t n;
    bool repeated;
} well_known[] = {
    [KB_PROTO_WK_ANY] = {"Any", {KB_PROTO_STRING, KB_PROTO_BYTES}, 2, false},
    [KB_PROTO_WK_TIMESTAMP] = {"Timestamp", {KB_PROTO_INT64, KB_PROTO_INT32}, 2, false},
    [KB_PROTO_WK_DURATION] = {"Duration", {KB_PROTO_INT64, KB_PROTO_INT32}, 2, false},
    [KB_PROTO_WK_FIELD_MASK] = {"FieldMask", {KB_PROTO_STRING}, 1, true},
    [KB_PROTO_WK_STRUCT] = {"Struct", {KB_PROTO_MESSAGE}, 1, true},
    [KB_PROTO_WK_VALUE] = {"Value",
        {KB_PROTO_ENUM, KB_PROTO_DOUBLE, KB_PROTO_STRING, KB_PROTO_BOOL, KB_PROTO_MESSAGE,
            KB_PROTO_MESSAGE},
        6, false},
    [KB_PROTO_WK_LIST_VALUE] = {"ListValue", {KB_PROTO_MESSAGE}, 1, true},
    [KB_PROTO_WK_DOUBLE_VALUE] = {"DoubleValue", {KB_PROTO_DOUBLE}, 1, false},
    [KB_PROTO_WK_FLOAT_VALUE] = {"FloatValue", {KB_PROTO_FLOAT}, 1, false},
    [KB_PROTO_WK_INT64_VALUE] = {"Int64Value", {KB_PROTO_INT64}, 1, false},
    [KB_PROTO_WK_UINT64_VALUE] = {"UInt64Value", {KB_PROTO_UINT64}, 1, false},
    [KB_PROTO_WK_INT32_VALUE] = {"Int32Value", {KB_PROTO_INT32}, 1, false},
    [KB_PROTO_WK_UINT32_VALUE] = {"UInt32Value", {KB_PROTO_UINT32}, 1, false},
    [KB_PROTO_WK_BOOL_VALUE] = {"BoolValue", {KB_PROTO_BOOL}, 1, false},
    [KB_PROTO_WK_STRING_VALUE] = {"StringValue", {KB_PROTO_STRING}, 1, false},
    [KB_PROTO_WK_BYTES_VALUE] = {"BytesValue", {KB_PROTO_BYTES}, 1, false},
};

static bool looks_like(const struct kb_proto_message *message, size_t i)
{
    if (message->n_fields != well_known[i].n)
        return false;
    for (size_t f = 0; f < message->n_fields; f++) {
        const struct kb_proto_field *field = &message->fields[f];
        if (field->number != f + 1 || field->type != well_known[i].types[f] ||
            field->repeated != well_known[i].repeated || field->map != (i == KB_PROTO_WK_STRUCT))
            return false;
    }
    return true;
}

static enum kb_proto_well_known well_known_of(const struct kb_proto_message *message)
{
    static const char package[] = "google.protobuf.";
    struct kb_slice name = message->full_name;
    if (!kb_slice_starts(name, kb_slice_of(package)))
        return KB_PROTO_ORDINARY;
    name = (struct kb_slice){name.ptr + sizeof(package) - 1, name.len - sizeof(package) + 1};
    for (size_t i = 1; i < sizeof(well_known) / sizeof(well_known[0]); i++)
        if (kb_slice_is(name, well_known[i].name) && looks_like(message, i))
            return (enum kb_proto_well_known)i;
    return KB_PROTO_ORDINARY;
}

/* Of a descriptor, which may say anything: the entry of a map has a key and a value, in that order,
 * and a key that JSON can have for a name. */
static bool is_sound_entry(struct linker *l, const struct kb_proto_message *message)
{
    if (!message->map_entry)
        return true;
    const struct kb_proto_field *f = message->fields;
    bool sound = message->n_fields == 2 && f[0].number == 1 && f[1].number == 2 && !f[0].repeated &&
                 !f[1].repeated && f[0].type != KB_PROTO_DOUBLE && f[0].type != KB_PROTO_FLOAT &&
                 f[0].type != KB_PROTO_BYTES && f[0].type != KB_PROTO_ENUM &&
                 f[0].type != KB_PROTO_MESSAGE;
    return sound || kb_err_record(l->err, KB_FAILURE_DECODE, KB_FMT " is no entry of a map",
                        KB_ARG(message->full_name));
}

static bool link_message(struct linker *l, struct kb_proto_message *message)
{
    for (size_t i = 0; i < message->n_fields; i++)
        if (!link_type(l, message, &message->fields[i]))
            return false;
    size_t plain = message->n_fields;
    for (size_t i = message->n_fields; i-- > 0;) {
        plain = message->fields[i].presence ? plain : i;
        message->fields[i].plain = (uint16_t)plain;
    }
    message->well_known = well_known_of(message);
    return is_sound_entry(l, message) && number_fields(l, message);
}

/* ---- enums ---- */

static int enum_order(const void *a, const void *b)
{
    const struct kb_proto_enum_value *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Sorted by number; of two names for one the first declared stays. */
static bool link_enum(struct linker *l, struct kb_proto_enum *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->n_values; i++) {
        struct kb_slice name = e->values[i].name;
        char *json = alloc(l, name.len + 2 + KB_OUT_PAD);
        if (!json)
            return false;
        json[0] = json[name.len + 1] = '"'; /* an identifier: nothing to escape */
        memcpy(json + 1, name.ptr, name.len);
        e->values[i].json = (struct kb_slice){json, name.len + 2};
    }
    e->null_value = kb_slice_is(e->full_name, "google.protobuf.NullValue");
    qsort(e->values, e->n_values, sizeof(*e->values), enum_order);
    for (size_t i = 0; i < e->n_values; i++)
        if (kept == 0 || e->values[kept - 1].number != e->values[i].number)
            e->values[kept++] = e->values[i];
    e->n_values = kept;
    return true;
}

bool kb_proto_link(struct kb_proto *proto, struct kb_err *err)
{
    struct linker l = {proto, err};
    if (!add_builtins(&l) || !declare_all(&l))
        return false;
    for (struct kb_proto_message *m = proto->messages; m; m = m->next)
        if (!link_message(&l, m))
            return false;
    for (struct kb_proto_enum *e = proto->enums; e; e = e->next)
        if (!link_enum(&l, e))
            return false;
    return true;
}
