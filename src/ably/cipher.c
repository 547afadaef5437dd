/* Sealed messages; see cipher.h. Called by the pipeline between route and encoding, for topics with
 * a cipher only. */
#include "ably/cipher.h"

#include "base/base64.h"

#include <openssl/evp.h>

#define IV_LEN 16
#define BLOCK 16
#define ARENA_MAX (64u << 20)

bool kb_cipher_key_read(struct kb_slice base64, struct kb_cipher_key *out, struct kb_err *err)
{
    struct kb_buf bytes;
    kb_buf_init(&bytes, 64);
    bool read = base64.len <= 48 && kb_base64_decode(&bytes, base64);
    bool right = read && (bytes.len == 16 || bytes.len == 32);
    if (right) {
        out->len = bytes.len;
        memcpy(out->bytes, bytes.ptr, bytes.len);
    } else if (read) {
        kb_err_record(err, KB_FAILURE_MAPPING,
            "the key has %zu bits; expected base64 of 128 or 256 bits", bytes.len * 8);
    } else {
        kb_err_record(
            err, KB_FAILURE_MAPPING, "the key is not base64; expected that of 128 or 256 bits");
    }
    if (bytes.ptr)
        explicit_bzero(bytes.ptr, bytes.len);
    kb_buf_deinit(&bytes);
    return right;
}

bool kb_sealer_init(struct kb_sealer *sealer)
{
    kb_arena_init(&sealer->arena, ARENA_MAX);
    sealer->context = EVP_CIPHER_CTX_new();
    return sealer->context;
}

void kb_sealer_deinit(struct kb_sealer *sealer)
{
    EVP_CIPHER_CTX_free(sealer->context);
    sealer->context = NULL;
    kb_arena_deinit(&sealer->arena);
}

void kb_sealer_begin(struct kb_sealer *sealer)
{
    kb_arena_reset(&sealer->arena);
}

static void fill_iv(unsigned char iv[IV_LEN], struct kb_random *random)
{
    for (int i = 0; i < IV_LEN; i += 8) {
        uint64_t bits = random->next(random);
        memcpy(iv + i, &bits, 8);
    }
}

/* IV and ciphertext into `out`, which has room for both; its length, 0 = OpenSSL failed. */
static size_t encrypt(EVP_CIPHER_CTX *context, const struct kb_cipher_key *key,
    struct kb_slice plain, struct kb_random *random, unsigned char *out)
{
    const EVP_CIPHER *cipher = key->len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
    int n = 0, last = 0;
    fill_iv(out, random);
    bool ok = EVP_EncryptInit_ex(context, cipher, NULL, key->bytes, out) == 1 &&
              EVP_EncryptUpdate(context, out + IV_LEN, &n, (const unsigned char *)plain.ptr,
                  (int)plain.len) == 1 &&
              EVP_EncryptFinal_ex(context, out + IV_LEN + n, &last) == 1;
    return ok ? IV_LEN + (size_t)n + (size_t)last : 0;
}

/* Each step that was applied, the first one leftmost (RSL4b, RSL5c): what the data is already,
 * utf-8 where it is text, the cipher. */
static bool add_encoding(
    struct kb_sealer *sealer, const struct kb_cipher_key *key, struct kb_message *msg)
{
    struct kb_slice before = msg->encoding;
    if (!before.ptr && msg->data.form == KB_FORM_JSON)
        before = KB_S("json");
    char *text = kb_arena_alloc(&sealer->arena, before.len + 40);
    if (!text)
        return false;
    int len = snprintf(text, before.len + 40, KB_FMT "%s%scipher+aes-%zu-cbc", KB_ARG(before),
        before.len ? "/" : "", msg->data.form == KB_FORM_BYTES ? "" : "utf-8/", key->len * 8);
    msg->encoding = (struct kb_slice){text, (size_t)len};
    return true;
}

bool kb_seal(
    struct kb_sealer *sealer, struct kb_random *random, struct kb_message *msg, struct kb_err *err)
{
    struct kb_cipher_key key;
    if (msg->data.form == KB_FORM_NULL)
        return true;
    if (!kb_cipher_key_read(msg->cipher_key, &key, err))
        return kb_err_wrap(err, "cipher");
    struct kb_slice plain = msg->data.bytes;
    unsigned char *payload = kb_arena_alloc(&sealer->arena, IV_LEN + plain.len + BLOCK);
    size_t len = payload ? encrypt(sealer->context, &key, plain, random, payload) : 0;
    bool sealed = len > 0 && add_encoding(sealer, &key, msg);
    explicit_bzero(&key, sizeof(key));
    if (!sealed)
        return kb_err_fatal(err, "no memory to encrypt a message of %zu bytes", plain.len);
    msg->data = (struct kb_value){KB_FORM_BYTES, {(char *)payload, len}};
    return true;
}
