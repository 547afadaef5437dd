/* See certificates.h. OpenSSL reads; cli/online_certificates.c asks. */
#include "base/certificates.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

static bool cannot_read(const char *path, struct kb_err *err)
{
    return kb_err_config(err, "%s: %s", path, strerror(errno));
}

static int64_t end_of(const X509 *certificate)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm) * 1000;
}

static void name_subject(const X509 *certificate, char *out, size_t size)
{
    BIO *text = BIO_new(BIO_s_mem());
    int len = 0;
    if (text &&
        X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0)
        len = BIO_read(text, out, (int)size - 1);
    out[len > 0 ? len : 0] = '\0';
    BIO_free(text);
}

static void take(const X509 *certificate, struct kb_certificates *out)
{
    int64_t ends = end_of(certificate);
    if (out->n++ == 0) {
        out->first_ends_ms = ends;
        name_subject(certificate, out->subject, sizeof(out->subject));
    }
    if (ends > out->last_ends_ms)
        out->last_ends_ms = ends;
}

bool kb_certificates_read(const char *path, struct kb_certificates *out, struct kb_err *err)
{
    FILE *file = fopen(path, "re");
    X509 *certificate;
    *out = (struct kb_certificates){.n = 0};
    if (!file)
        return cannot_read(path, err);
    while ((certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        take(certificate, out);
        X509_free(certificate);
    }
    ERR_clear_error();
    fclose(file);
    return out->n > 0 ||
           kb_err_config(err,
               "%s holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----", path);
}

/* OpenSSL's, in the place of its own, which would ask at the terminal. */
static int give_password(char *room, int size, int writing, void *password)
{
    size_t len = password ? strlen(password) : 0;
    (void)writing;
    if (len > (size_t)size)
        return 0;
    memcpy(room, password ? password : "", len);
    return (int)len;
}

static EVP_PKEY *read_key(const char *path, const char *password, struct kb_err *err)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        cannot_read(path, err);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, give_password, (void *)(uintptr_t)password);
    ERR_clear_error();
    fclose(file);
    if (!key)
        kb_err_config(err, "%s holds no key that can be read%s", path,
            password ? " with the password that is set" : "; has it a password?");
    return key;
}

static X509 *read_first(const char *path, struct kb_err *err)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        cannot_read(path, err);
        return NULL;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    ERR_clear_error();
    fclose(file);
    if (!certificate)
        kb_err_config(err, "%s holds no certificate", path);
    return certificate;
}

bool kb_certificate_fits(
    const char *path, const char *key_path, const char *password, struct kb_err *err)
{
    X509 *certificate = read_first(path, err);
    EVP_PKEY *key = certificate ? read_key(key_path, password, err) : NULL;
    bool fits = key && X509_check_private_key(certificate, key) == 1;
    if (key && !fits)
        kb_err_config(err, "%s is not the key of the certificate in %s", key_path, path);
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(certificate);
    return fits;
}
