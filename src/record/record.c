/* Records: looking up a header, and keeping a record's bytes after its source has let it go; see
 * record.h. */
#include "record/record.h"

#include "base/compiler.h"

const struct kb_header *kb_record_header(const struct kb_record *rec, struct kb_slice name)
{
    for (size_t i = rec->n_headers; i > 0; i--)
        if (kb_slice_eq(rec->headers[i - 1].name, name))
            return &rec->headers[i - 1];
    return NULL;
}

/* Copies a slice to *to and moves it behind the bytes; absent stays absent. */
static struct kb_slice put(char **to, struct kb_slice from)
{
    if (!from.ptr)
        return from;
    struct kb_slice copy = {*to, from.len};
    memcpy(*to, from.ptr, from.len);
    *to += from.len;
    return copy;
}

struct kb_original *kb_original_copy(const struct kb_record *rec)
{
    /* The struct, its headers, then the bytes of everything. None of the sums can wrap around: all
     * of it is in memory already. */
    size_t size = sizeof(struct kb_original) + rec->n_headers * sizeof(struct kb_header) +
                  rec->topic.len + rec->key.len + rec->value.len;
    for (size_t i = 0; i < rec->n_headers; i++)
        size += rec->headers[i].name.len + rec->headers[i].value.len;
    struct kb_original *copy = malloc(size);
    if (!copy)
        return NULL;
    struct kb_header *headers = (struct kb_header *)(copy + 1);
    char *to = (char *)(headers + rec->n_headers);
    copy->size = size;
    copy->record = *rec;
    copy->record.headers = headers;
    copy->record.topic = put(&to, rec->topic);
    copy->record.key = put(&to, rec->key);
    copy->record.value = put(&to, rec->value);
    for (size_t i = 0; i < rec->n_headers; i++) {
        headers[i].name = put(&to, rec->headers[i].name);
        headers[i].value = put(&to, rec->headers[i].value);
    }
    return copy;
}

void kb_original_free(struct kb_original *original)
{
    free(original);
}
