/* The id by which Ably knows a record's message again: made of nothing but the record and its
 * cluster. */
#include "base/base64.h"
#include "base/hash.h"
#include "route/route.h"

#define TAG_LEN 11

#define REST_MAX (3 * KB_I64_MAX + 3 + TAG_LEN + 2) /* all but the topic */

void kb_message_id(
    struct kb_buf *out, const struct kb_record *rec, uint32_t index, uint64_t cluster_hash)
{
    char *start = kb_buf_reserve(out, rec->topic.len + REST_MAX), *to = start;
    if (!to)
        return;
    memcpy(to, rec->topic.ptr, rec->topic.len);
    to += rec->topic.len;
    *to++ = '/';
    to = kb_i64_put(to, rec->partition);
    *to++ = '/';
    to = kb_i64_put(to, rec->offset);
    if (index > 0) {
        *to++ = '.';
        to = kb_i64_put(to, index);
    }
    *to++ = '/';
    kb_base64url_u64(to, kb_mix64(cluster_hash ^ (uint64_t)rec->timestamp));
    to += TAG_LEN;
    *to++ = ':';
    *to++ = '0';
    kb_buf_commit(out, (size_t)(to - start));
}
