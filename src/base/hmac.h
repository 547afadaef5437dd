/* HMAC-SHA256, which signs token requests and JWTs, and a comparison that takes the same time for
 * every wrong answer. On OpenSSL.
 *
 *     char mac[KB_HMAC_LEN];
 *     kb_hmac_sha256(mac, secret, text);
 *     if (!kb_hmac_equal(mac, given)) ...        // also where `given` has another length
 *
 * Thread: any, no state. */
#ifndef KB_BASE_HMAC_H
#define KB_BASE_HMAC_H

#include "base/slice.h"

#define KB_HMAC_LEN 32

void kb_hmac_sha256(char out[KB_HMAC_LEN], struct kb_slice key, struct kb_slice text);
bool kb_hmac_equal(const char mac[KB_HMAC_LEN], struct kb_slice given);

#endif
