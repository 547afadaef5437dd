/* See schema_key.h. */
#include "decode/schema_key.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

static void guid_text(const unsigned char guid[16], char *out)
{
    for (size_t i = 0; i < 16; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        out += snprintf(out, 4, dash ? "-%02x" : "%02x", guid[i]);
    }
}

void kb_schema_key_text(const struct kb_schema_key *key, char out[KB_SCHEMA_KEY_TEXT])
{
    if (key->by_guid)
        guid_text(key->guid, out);
    else
        snprintf(out, KB_SCHEMA_KEY_TEXT, "%u", key->id);
}

bool kb_schema_key_same(const struct kb_schema_key *a, const struct kb_schema_key *b)
{
    if (a->by_guid != b->by_guid)
        return false;
    return a->by_guid ? memcmp(a->guid, b->guid, sizeof(a->guid)) == 0 : a->id == b->id;
}

uint64_t kb_schema_key_hash(const struct kb_schema_key *key)
{
    struct kb_slice guid = {(const char *)key->guid, sizeof(key->guid)};
    return key->by_guid ? kb_hash64(guid, 0) : kb_mix64(key->id);
}
