/* See lookup.h. Documents stand in the order in which they were named; the first is the schema
 * itself. */
#include "decode/lookup.h"

#include "base/arena.h"
#include "decode/schemas.h"

#define TEXTS_MAX (16u << 20)

struct document {
    struct kb_slice name, subject;
    int version;
    struct kb_slice text; /* ptr NULL = not fetched yet */
    size_t *refs;         /* places of others */
    size_t n_refs;
    bool placed; /* in the order of compiling */
};

struct kb_lookup {
    struct kb_schema_key key;
    struct kb_arena arena;
    enum kb_schema_type type;
    struct document docs[KB_SCHEMA_REFS_MAX + 1];
    size_t n, next;
};

struct kb_lookup *kb_lookup_new(const struct kb_schema_key *key)
{
    struct kb_lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return NULL;
    lookup->key = *key;
    lookup->n = 1;
    kb_arena_init(&lookup->arena, TEXTS_MAX);
    return lookup;
}

void kb_lookup_restart(struct kb_lookup *lookup)
{
    memset(lookup->docs, 0, sizeof(lookup->docs));
    lookup->n = 1;
    lookup->next = 0;
    kb_arena_reset(&lookup->arena);
}

void kb_lookup_free(struct kb_lookup *lookup)
{
    if (!lookup)
        return;
    kb_arena_deinit(&lookup->arena);
    free(lookup);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_escaped(struct kb_buf *out, struct kb_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i]))
            kb_buf_byte(out, text.ptr[i]);
        else
            kb_buf_printf(out, "%%%02X", (unsigned char)text.ptr[i]);
    }
}

bool kb_lookup_complete(const struct kb_lookup *lookup)
{
    return lookup->next == lookup->n;
}

bool kb_lookup_at_reference(const struct kb_lookup *lookup)
{
    return lookup->next > 0;
}

/* A reference may have been deleted, softly, after the schema that needs it: that one is still
 * given by its id, for records outlive their subjects, and what it refers to as well, where it is
 * asked for so. The serializers' own readers do the same. */
void kb_lookup_next(const struct kb_lookup *lookup, struct kb_buf *path)
{
    const struct document *doc = &lookup->docs[lookup->next];
    char key[KB_SCHEMA_KEY_TEXT];
    kb_schema_key_text(&lookup->key, key);
    if (kb_lookup_at_reference(lookup)) {
        kb_buf_add(path, KB_S("/subjects/"));
        add_escaped(path, doc->subject);
        kb_buf_printf(path, "/versions/%d?deleted=true", doc->version);
    } else {
        kb_buf_printf(path, "/schemas/%s/%s", lookup->key.by_guid ? "guids" : "ids", key);
    }
}

/* The place of a document, a new one where it is not known yet; SIZE_MAX = too many, no memory. */
static size_t place_of(struct kb_lookup *lookup, const struct kb_registry_ref *ref)
{
    for (size_t i = 1; i < lookup->n; i++)
        if (lookup->docs[i].version == ref->version &&
            kb_slice_eq(lookup->docs[i].subject, ref->subject))
            return i;
    if (lookup->n > KB_SCHEMA_REFS_MAX)
        return SIZE_MAX;
    struct document *doc = &lookup->docs[lookup->n];
    doc->version = ref->version;
    if (!kb_arena_copy(&lookup->arena, ref->subject, &doc->subject) ||
        !kb_arena_copy(&lookup->arena, ref->name, &doc->name))
        return SIZE_MAX;
    return lookup->n++;
}

bool kb_lookup_take(
    struct kb_lookup *lookup, const struct kb_registry_document *from, struct kb_err *err)
{
    struct document *doc = &lookup->docs[lookup->next];
    if (lookup->next == 0)
        lookup->type = from->type;
    size_t n_refs =
        from->type == KB_SCHEMA_JSON ? 0 : from->n_refs; /* its payload passes as it is */
    doc->refs = kb_arena_alloc(&lookup->arena, n_refs * sizeof(*doc->refs));
    bool ok = doc->refs && kb_arena_copy(&lookup->arena, from->text, &doc->text);
    for (size_t i = 0; ok && i < n_refs; i++) {
        doc->refs[doc->n_refs] = place_of(lookup, &from->refs[i]);
        ok = doc->refs[doc->n_refs++] != SIZE_MAX;
    }
    lookup->next++;
    return ok || kb_err_record(err, KB_FAILURE_DECODE,
                     "it refers to more than %d other schemas, or they have more than %u MiB",
                     KB_SCHEMA_REFS_MAX, TEXTS_MAX >> 20);
}

/* Two versions of one reference can't both be had: the first one met counts, as it does for the
 * serializers. */
static bool name_is_placed(const struct kb_lookup *lookup, size_t at)
{
    for (size_t i = 1; at > 0 && i < lookup->n; i++)
        if (lookup->docs[i].placed && kb_slice_eq(lookup->docs[i].name, lookup->docs[at].name))
            return true;
    return false;
}

/* Puts a document behind those it refers to; one that leads back to itself is passed over. */
static void place(struct kb_lookup *lookup, size_t at, struct kb_schema_ref *order, size_t *n)
{
    struct document *doc = &lookup->docs[at];
    if (doc->placed || name_is_placed(lookup, at))
        return;
    doc->placed = true;
    for (size_t i = 0; i < doc->n_refs; i++)
        place(lookup, doc->refs[i], order, n);
    if (at > 0)
        order[(*n)++] = (struct kb_schema_ref){doc->name, doc->text};
}

struct kb_schema *kb_lookup_compile(struct kb_lookup *lookup, struct kb_err *err)
{
    struct kb_schema_ref *order = calloc(lookup->n, sizeof(*order));
    size_t n = 0;
    for (size_t i = 0; i < lookup->n; i++)
        lookup->docs[i].placed = false;
    if (!order) {
        kb_err_fatal(err, "no memory for a schema");
        return NULL;
    }
    place(lookup, 0, order, &n);
    struct kb_schema *schema = kb_schema_compile(lookup->type, lookup->docs[0].text, order, n, err);
    free(order);
    return schema;
}
