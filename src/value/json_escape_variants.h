/* The ways of escaping text for JSON, private to value/ and its tests: each writes exactly the
 * same. `to` must have room for KB_JSON_ESCAPED_MAX(len) bytes, `from` needs none behind it; the
 * number of bytes written that count. The SIMD ones are to be called only where
 * kb_json_escape_usable says so. Thread: any, no state. */
#ifndef KB_VALUE_JSON_ESCAPE_VARIANTS_H
#define KB_VALUE_JSON_ESCAPE_VARIANTS_H

#include <stdbool.h>
#include <stddef.h>

/* Every byte as \u00XX, and what a SIMD variant writes beyond its end: for a single byte still a
 * whole block, eight bytes and a store of sixteen behind them. */
#define KB_JSON_ESCAPED_MAX(len) (6 * (len) + 24)

typedef size_t kb_json_escape_fn(char *to, const char *from, size_t len);

struct kb_json_escape_variant {
    const char *name;
    kb_json_escape_fn *escape;
};

/* Best last; the first runs everywhere. */
extern const struct kb_json_escape_variant kb_json_escape_variants[];
extern const size_t kb_json_escape_variant_count;
bool kb_json_escape_usable(size_t variant);

#endif
