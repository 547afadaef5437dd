/* Base64 as of RFC 4648 section 4, with padding; and the URL alphabet without, for ids.
 *
 *     kb_base64_add(&out, KB_S("\x01\x02"));            // AQI=
 *     if (!kb_base64_decode(&out, KB_S("AQI"))) ...     // no base64
 *
 * Thread: any, no state. */
#ifndef KB_BASE_BASE64_H
#define KB_BASE_BASE64_H

#include "base/buf.h"

#define KB_BASE64_LEN(n) (((n) + 2) / 3 * 4)

void kb_base64_add(struct kb_buf *out, struct kb_slice bytes);
/* 11 characters of the URL alphabet for 64 bits; writes no NUL. */
void kb_base64url_u64(char out[11], uint64_t number);
/* Decodes either alphabet, padding optional but then complete. False, and nothing added, where a
 * character is not base64, the length is impossible, stray bits follow the last byte, or
 * (out->failed) there is no room. */
bool kb_base64_decode(struct kb_buf *out, struct kb_slice text);

#endif
