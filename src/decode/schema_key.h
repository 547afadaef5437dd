/* By what a record names its schema: the id of the usual framing, or the GUID of the newer one.
 *
 *     char text[KB_SCHEMA_KEY_TEXT];
 *     kb_schema_key_text(&key, text);      // "7", or "0e8d9f2c-..." as the registry's API has it
 *
 * Values, no state. Thread: any. */
#ifndef KB_DECODE_SCHEMA_KEY_H
#define KB_DECODE_SCHEMA_KEY_H

#include <stdbool.h>
#include <stdint.h>

#define KB_SCHEMA_KEY_TEXT 40

struct kb_schema_key {
    bool by_guid;
    uint32_t id;
    unsigned char guid[16];
};

void kb_schema_key_text(const struct kb_schema_key *key, char out[KB_SCHEMA_KEY_TEXT]);
bool kb_schema_key_same(const struct kb_schema_key *a, const struct kb_schema_key *b);
uint64_t kb_schema_key_hash(const struct kb_schema_key *key);

#endif
