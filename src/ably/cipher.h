/* Encryption of a message's data, so that Ably itself can't read it (Ably specification RSL5, RSE):
 * AES-128 or AES-256 in CBC mode with PKCS#7 padding, the payload a random IV and the ciphertext.
 * Name, client id and extras stay readable.
 *
 *     struct kb_sealer sealer;                                  // one a worker
 *     if (!kb_sealer_init(&sealer)) ...                        // no memory
 *     kb_sealer_begin(&sealer);                                // a record; what it sealed is gone
 *     if (!kb_seal(&sealer, random, &msg, &err)) ...           // data and encoding are replaced
 *     kb_sealer_deinit(&sealer);
 *
 * A sealed message is bytes with an encoding such as "json/utf-8/cipher+aes-256-cbc": both
 * protocols and the size rule take it from there. Without data nothing is sealed. The IV comes from
 * the random door, new for each message; a retry sends the same bytes. No error text holds a key.
 * Thread: its owner's. */
#ifndef KB_ABLY_CIPHER_H
#define KB_ABLY_CIPHER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/random.h"
#include "record/message.h"

#define KB_CIPHER_KEY_MAX 32

struct kb_cipher_key {
    unsigned char bytes[KB_CIPHER_KEY_MAX];
    size_t len; /* 16 or 32 */
};

/* Base64 in either alphabet (RSE1c) of 128 or 256 bits (RSE1e). KB_ERR_RECORD of class mapping. */
bool kb_cipher_key_read(
    struct kb_slice base64, struct kb_cipher_key *out, struct kb_err *err) KB_MUST_CHECK;

struct kb_sealer {
    void *context; /* OpenSSL's */
    struct kb_arena arena;
};

bool kb_sealer_init(struct kb_sealer *sealer) KB_MUST_CHECK;
void kb_sealer_deinit(struct kb_sealer *sealer);
void kb_sealer_begin(struct kb_sealer *sealer);
/* By msg->cipher_key. */
bool kb_seal(struct kb_sealer *sealer, struct kb_random *random, struct kb_message *msg,
    struct kb_err *err) KB_MUST_CHECK;

#endif
