/* The reply that says of every message the same: published. One comparison after the other against
 * the words Ably uses; the first difference, be it harmless, leaves the body to the reader of
 * reply_body.c. tests/unit/ably/test_reply.c holds the two against each other. */
#include "ably/reply_body.h"

#include "value/json.h"

/* Passes over `words`; NULL where something else stands there, or nothing at all. */
static inline const char *pass(const char *p, const char *end, struct kb_slice words)
{
    return p && (size_t)(end - p) >= words.len && memcmp(p, words.ptr, words.len) == 0
               ? p + words.len
               : NULL;
}

/* Passes over the rest of a string of plain ASCII, and its closing quote. */
static inline const char *pass_string(const char *p, const char *end)
{
    if (!p)
        return NULL;
    p = kb_json_skip_plain(p, end);
    return p < end && *p == '"' ? p + 1 : NULL;
}

static const char *pass_serials(const char *p, const char *end)
{
    p = pass(p, end, KB_S(",\"serials\":[\""));
    p = pass_string(p, end);
    return pass(p, end, KB_S("]"));
}

static const char *pass_result(const char *p, const char *end)
{
    p = pass(p, end, KB_S("{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\""));
    p = pass_string(p, end);
    p = pass(p, end, KB_S(",\"messageId\":\""));
    p = pass_string(p, end);
    if (p && p < end && *p == ',')
        p = pass_serials(p, end);
    return pass(p, end, KB_S("}]}"));
}

bool kb_reply_body_plain(struct kb_slice body, size_t n_specs)
{
    const char *end = body.ptr + body.len;
    const char *p = pass(body.ptr, end, KB_S("["));
    for (size_t i = 0; p && i < n_specs; i++) {
        if (i > 0)
            p = pass(p, end, KB_S(","));
        p = pass_result(p, end);
    }
    p = pass(p, end, KB_S("]"));
    return p && p == end && n_specs > 0;
}
