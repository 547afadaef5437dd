/* What a registry's answer to a question for one schema means. Pure.
 *
 *     switch (kb_registry_read(&reply, &arena, &doc, &err)) {
 *     case KB_REGISTRY_DOCUMENT: // doc: text, type, references, in the arena
 *     case KB_REGISTRY_UNKNOWN:  // it has no such schema: err of class RECORD
 *     case KB_REGISTRY_OUTAGE:   // no answer that counts: err of class OUTAGE
 *     }
 *
 * A 404 denies a schema only in the registry's own words, with an error_code of 404xx: any other is
 * of somebody in between (a proxy whose registry restarts), and would cost records. */
#ifndef KB_DECODE_REGISTRY_REPLY_H
#define KB_DECODE_REGISTRY_REPLY_H

#include "base/arena.h"
#include "decode/schema.h"
#include "http/transport.h"

struct kb_registry_ref {
    struct kb_slice name, subject;
    int version;
};

struct kb_registry_document {
    enum kb_schema_type type;
    struct kb_slice text;
    struct kb_registry_ref *refs;
    size_t n_refs;
};

enum kb_registry_answer { KB_REGISTRY_DOCUMENT, KB_REGISTRY_UNKNOWN, KB_REGISTRY_OUTAGE };

enum kb_registry_answer kb_registry_read(const struct kb_http_reply *reply, struct kb_arena *arena,
    struct kb_registry_document *out, struct kb_err *err);

#endif
