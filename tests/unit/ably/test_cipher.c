/* Encryption against the known answers that Ably's own SDKs are tested with (ably-common, crypto
 * data for 128 and 256 bits), and what no table can show. */
#include "ably/cipher.h"

#include "ably/spec.h"
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Gives the known IV where a test needs it. */
struct fixed_random {
    struct kb_random random;
    unsigned char bytes[16];
    size_t at;
};

static uint64_t fixed_next(struct kb_random *random)
{
    struct fixed_random *fixed = (struct fixed_random *)random;
    uint64_t bits;
    memcpy(&bits, fixed->bytes + fixed->at % 16, 8);
    fixed->at += 8;
    return bits;
}

static void from_base64(struct kb_buf *out, const char *text)
{
    kb_buf_reset(out);
    assert_true(kb_base64_decode(out, kb_slice_of(text)));
}

static const struct {
    const char *key, *iv;
    enum kb_form form;
    const char *plain, *payload, *encoding;
} answers[] = {
    {"WUP6u0K7MXI5Zeo0VppPwg==", "HO4cYSP8LybPYBPZPHQOtg==", KB_FORM_TEXT,
        "The quick brown fox jumped over the lazy dog",
        "HO4cYSP8LybPYBPZPHQOtmHItcxYdSvcNUC6kXVpMn0VFL+9z2/5tJ6WFbR0SBT1xhFRuJ+MeBGTU3yOY9P5ow==",
        "utf-8/cipher+aes-128-cbc"},
    {"WUP6u0K7MXI5Zeo0VppPwg==", "HO4cYSP8LybPYBPZPHQOtg==", KB_FORM_BYTES,
        "AAECAwQFBgcICQoLDA0ODw==",
        "HO4cYSP8LybPYBPZPHQOtrLs+liDNVbBVuSFPZUMVDAycp6zusFCS2ll31w683ud", "cipher+aes-128-cbc"},
    {"WUP6u0K7MXI5Zeo0VppPwg==", "HO4cYSP8LybPYBPZPHQOtg==", KB_FORM_JSON,
        "{\"example\":{\"json\":\"Object\"}}",
        "HO4cYSP8LybPYBPZPHQOtuD53yrD3YV3NBoTEYBh4U0N1QXHbtkfsDfTspKeLQFt",
        "json/utf-8/cipher+aes-128-cbc"},
    {"WUP6u0K7MXI5Zeo0VppPwg==", "HO4cYSP8LybPYBPZPHQOtg==", KB_FORM_JSON,
        "[\"example\",\"json\",\"array\"]",
        "HO4cYSP8LybPYBPZPHQOtvmStzmExkdjvrn51J6cmaTZrGl+EsJ61sgxmZ6j6jcA",
        "json/utf-8/cipher+aes-128-cbc"},
    {"o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40=", "NMDl1Acnel8HVdu1cEWdrw==", KB_FORM_TEXT,
        "The quick brown fox jumped over the lazy dog",
        "NMDl1Acnel8HVdu1cEWdr9CGPYFoBoLgJCzoybbQbnyfwx3UQ8CGuKyP/g56Za/JB3xW6XGkNzrHYvZwad4fvA==",
        "utf-8/cipher+aes-256-cbc"},
    {"o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40=", "NMDl1Acnel8HVdu1cEWdrw==", KB_FORM_BYTES,
        "AAECAwQFBgcICQoLDA0ODw==",
        "NMDl1Acnel8HVdu1cEWdrxe4S0kK8Tfj8YCc6M40xtpkkPK1os8j5JhitfAVe4XM", "cipher+aes-256-cbc"},
    /* the same key in base64url without padding (RSE1c) */
    {"o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40", "NMDl1Acnel8HVdu1cEWdrw==", KB_FORM_JSON,
        "{\"example\":{\"json\":\"Object\"}}",
        "NMDl1Acnel8HVdu1cEWdr21pS5//hdtQf3QqQzZM/jWAtn09Vh52E6jMdC3mWS98",
        "json/utf-8/cipher+aes-256-cbc"},
    {"o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40=", "NMDl1Acnel8HVdu1cEWdrw==", KB_FORM_JSON,
        "[\"example\",\"json\",\"array\"]",
        "NMDl1Acnel8HVdu1cEWdr4J5sVAFpnXsz0fTtsuwOaTRU+6P5GaWlNjePWwiOZCQ",
        "json/utf-8/cipher+aes-256-cbc"},
};

static void test_known_answers(void **state)
{
    (void)state;
    struct kb_sealer sealer;
    struct kb_buf plain, expected, iv;
    struct kb_err err;
    kb_buf_init(&plain, 4096);
    kb_buf_init(&expected, 4096);
    kb_buf_init(&iv, 4096);
    assert_true(kb_sealer_init(&sealer));
    for (size_t i = 0; i < KB_COUNT(answers); i++) {
        struct fixed_random random = {.random.next = fixed_next};
        from_base64(&iv, answers[i].iv);
        memcpy(random.bytes, iv.ptr, 16);
        kb_buf_reset(&plain);
        kb_buf_add(&plain, kb_slice_of(answers[i].plain)); /* the binary item's is base64 text */
        from_base64(&expected, answers[i].payload);
        struct kb_message msg = {.data = {answers[i].form, kb_buf_slice(&plain)},
            .cipher_key = kb_slice_of(answers[i].key)};
        kb_sealer_begin(&sealer);
        assert_true(kb_seal(&sealer, &random.random, &msg, &err));
        assert_int_equal(msg.data.form, KB_FORM_BYTES);
        if (!kb_slice_eq(msg.data.bytes, kb_buf_slice(&expected)))
            fail_msg("answer %zu: %zu bytes, not %zu", i, msg.data.bytes.len, expected.len);
        assert_true(kb_slice_is(msg.encoding, answers[i].encoding));
        assert_int_equal(kb_message_size(&msg), expected.len); /* counted as it is sent */
    }
    kb_sealer_deinit(&sealer);
    kb_buf_deinit(&plain);
    kb_buf_deinit(&expected);
    kb_buf_deinit(&iv);
}

/* The bytes 1, 2, 3... up to `len`, around the ends of blocks. */
static const struct {
    size_t len;
    const char *payload;
} lengths[] = {
    {1, "EA8ODQwLCgkIBwYFBAMCAcGLOyYqclxyjiCJqbsE4Mk="},
    {15, "EA8ODQwLCgkIBwYFBAMCAQP4ZGXCKVuGjLs/mKXeDfA="},
    {16, "EA8ODQwLCgkIBwYFBAMCAd2FxngNfL39r49c6S7Bw4kZfvl2Cbvkt9KSr+ZRHp8h"},
    {17, "EA8ODQwLCgkIBwYFBAMCAd2FxngNfL39r49c6S7Bw4nOlkyJZCFbJ6euSNwFZzLw"},
    {31, "EA8ODQwLCgkIBwYFBAMCAd2FxngNfL39r49c6S7Bw4khic6OHw8rfTNDUQ7ruIWg"},
    {32, "EA8ODQwLCgkIBwYFBAMCAd2FxngNfL39r49c6S7Bw4mthPrVfo+qaSp1MT52/exSL77115EvYF1PwtH2/"
         "Q0mNw=="},
};

static void test_known_answers_of_every_length(void **state)
{
    (void)state;
    struct kb_sealer sealer;
    struct kb_buf expected, iv;
    struct kb_err err;
    char plain[32];
    kb_buf_init(&expected, 4096);
    kb_buf_init(&iv, 4096);
    assert_true(kb_sealer_init(&sealer));
    from_base64(&iv, "EA8ODQwLCgkIBwYFBAMCAQ==");
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (char)(i + 1);
    for (size_t i = 0; i < KB_COUNT(lengths); i++) {
        struct fixed_random random = {.random.next = fixed_next};
        memcpy(random.bytes, iv.ptr, 16);
        from_base64(&expected, lengths[i].payload);
        struct kb_message msg = {.data = {KB_FORM_BYTES, {plain, lengths[i].len}},
            .cipher_key = KB_S("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")};
        kb_sealer_begin(&sealer);
        assert_true(kb_seal(&sealer, &random.random, &msg, &err));
        if (!kb_slice_eq(msg.data.bytes, kb_buf_slice(&expected)))
            fail_msg("%zu bytes became %zu others", lengths[i].len, msg.data.bytes.len);
    }
    kb_sealer_deinit(&sealer);
    kb_buf_deinit(&expected);
    kb_buf_deinit(&iv);
}

static void test_every_message_has_an_iv_of_its_own(void **state)
{
    (void)state;
    struct kb_sealer sealer;
    struct kb_err err;
    struct kb_message a = {
        .data = {KB_FORM_TEXT, KB_S("same")}, .cipher_key = kb_slice_of(answers[0].key)};
    struct kb_message b = a;
    assert_true(kb_sealer_init(&sealer));
    kb_sealer_begin(&sealer);
    assert_true(kb_seal(&sealer, kb_random_system(), &a, &err));
    assert_true(kb_seal(&sealer, kb_random_system(), &b, &err));
    assert_int_equal(a.data.bytes.len, 32);
    assert_memory_not_equal(a.data.bytes.ptr, b.data.bytes.ptr, 16);
    kb_sealer_deinit(&sealer);
}

/* No data, nothing to hide; a step of the user's stays the first. */
static void test_null_and_an_encoding_of_the_users(void **state)
{
    (void)state;
    struct kb_sealer sealer;
    struct kb_err err;
    struct kb_message none = {.cipher_key = kb_slice_of(answers[0].key)};
    struct kb_message own = {.data = {KB_FORM_JSON, KB_S("{}")},
        .encoding = KB_S("vcdiff"),
        .cipher_key = kb_slice_of(answers[0].key)};
    assert_true(kb_sealer_init(&sealer));
    assert_true(kb_seal(&sealer, kb_random_system(), &none, &err));
    assert_null(none.encoding.ptr);
    assert_int_equal(none.data.form, KB_FORM_NULL);
    assert_true(kb_seal(&sealer, kb_random_system(), &own, &err));
    assert_true(kb_slice_is(own.encoding, "vcdiff/utf-8/cipher+aes-128-cbc"));
    kb_sealer_deinit(&sealer);
}

static void test_a_wrong_key_is_told_without_being_shown(void **state)
{
    (void)state;
    static const struct {
        const char *key, *says;
    } rows[] = {{"", "has 0 bits"}, {"SECRETSECRETSECRETSECRET", "has 144 bits"},
        {"SECRET*", "is not base64"}, {"U0VDUkVU", "has 48 bits"},
        {"SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET", "is not base64"}};
    struct kb_sealer sealer;
    assert_true(kb_sealer_init(&sealer));
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        struct kb_err err;
        struct kb_message msg = {
            .data = {KB_FORM_TEXT, KB_S("x")}, .cipher_key = kb_slice_of(rows[i].key)};
        assert_false(kb_seal(&sealer, kb_random_system(), &msg, &err));
        assert_int_equal(err.class, KB_ERR_RECORD);
        if (!strstr(err.text, rows[i].says) || strstr(err.text, "SECRET"))
            fail_msg("%s: %s", rows[i].key, err.text);
    }
    kb_sealer_deinit(&sealer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_known_answers_of_every_length),
        cmocka_unit_test(test_every_message_has_an_iv_of_its_own),
        cmocka_unit_test(test_null_and_an_encoding_of_the_users),
        cmocka_unit_test(test_a_wrong_key_is_told_without_being_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
