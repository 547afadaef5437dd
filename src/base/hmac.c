/* See hmac.h. */
#include "base/hmac.h"

#include "base/compiler.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void kb_hmac_sha256(char out[KB_HMAC_LEN], struct kb_slice key, struct kb_slice text)
{
    unsigned len = 0;

    KB_BUG_ON(!HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len,
                  (unsigned char *)out, &len) ||
              len != KB_HMAC_LEN);
}

bool kb_hmac_equal(const char mac[KB_HMAC_LEN], struct kb_slice given)
{
    return given.len == KB_HMAC_LEN && CRYPTO_memcmp(mac, given.ptr, KB_HMAC_LEN) == 0;
}
