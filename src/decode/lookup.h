/* One schema on its way from the registry: its own text and those of all it refers to, fetched one
 * after the other, then compiled. Pure but for memory: schemas_fetch.c sends the requests.
 *
 *     struct kb_lookup *lookup = kb_lookup_new(&key);                  // NULL = no memory
 *     while (!kb_lookup_complete(lookup)) {
 *         kb_lookup_next(lookup, &path);                               // "/schemas/ids/7"
 *         if (!kb_lookup_take(lookup, &doc, &err)) ...                 // err is the record's
 *     }
 *     struct kb_schema *schema = kb_lookup_compile(lookup, &err);      // returns new
 *     kb_lookup_free(lookup);
 */
#ifndef KB_DECODE_LOOKUP_H
#define KB_DECODE_LOOKUP_H

#include "decode/registry_reply.h"
#include "decode/schema_key.h"

struct kb_lookup; /* opaque */

struct kb_lookup *kb_lookup_new(const struct kb_schema_key *key);
void kb_lookup_free(struct kb_lookup *lookup);
bool kb_lookup_complete(const struct kb_lookup *lookup);     /* all documents are there */
bool kb_lookup_at_reference(const struct kb_lookup *lookup); /* the next is one it refers to */
/* The path of the next document, appended to `path`. There must be one. */
void kb_lookup_next(const struct kb_lookup *lookup, struct kb_buf *path);
/* The document that kb_lookup_next named. Copies it. */
bool kb_lookup_take(struct kb_lookup *lookup, const struct kb_registry_document *doc,
    struct kb_err *err) KB_MUST_CHECK;
/* NULL: RECORD = the schema can't be used; FATAL = there was no memory, it may be tried again. */
struct kb_schema *kb_lookup_compile(struct kb_lookup *lookup, struct kb_err *err) KB_MUST_CHECK;
/* Forgets all documents: they are asked for again. */
void kb_lookup_restart(struct kb_lookup *lookup);

#endif
