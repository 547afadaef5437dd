/* The id by which Ably knows a record's message again: made of nothing but the record and its
 * cluster. */
#include "base/base64.h"
#include "base/hash.h"
#include "route/route.h"

void kb_message_id(
    struct kb_buf *out, const struct kb_record *rec, uint32_t index, uint64_t cluster_hash)
{
    char tag[11];
    kb_base64url_u64(tag, kb_mix64(cluster_hash ^ (uint64_t)rec->timestamp));
    kb_buf_add(out, rec->topic);
    kb_buf_byte(out, '/');
    kb_buf_add_i64(out, rec->partition);
    kb_buf_byte(out, '/');
    kb_buf_add_i64(out, rec->offset);
    if (index > 0) {
        kb_buf_byte(out, '.');
        kb_buf_add_i64(out, index);
    }
    kb_buf_byte(out, '/');
    kb_buf_add(out, (struct kb_slice){tag, sizeof(tag)});
    kb_buf_add(out, KB_S(":0"));
}
