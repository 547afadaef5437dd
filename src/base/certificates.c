/* See certificates.h. Asked by config at load, and by cli/online_certificates.c. */
#include "base/certificates.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *open_file(const char *path, struct kb_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe that is silent is empty */
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!file && fd >= 0)
        close(fd);
    if (!file)
        kb_err_config(err, "%s: %s", path, strerror(errno));
    return file;
}

static bool none_there(const char *path, struct kb_err *err)
{
    return kb_err_config(
        err, "%s holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----", path);
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
    FILE *file = open_file(path, err);
    X509 *certificate;
    *out = (struct kb_certificates){.n = 0};
    if (!file)
        return false;
    while ((certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        take(certificate, out);
        X509_free(certificate);
    }
    ERR_clear_error();
    fclose(file);
    return out->n > 0 || none_there(path, err);
}

bool kb_certificates_check(const char *path, struct kb_err *err)
{
    struct kb_certificates unused;
    return kb_certificates_read(path, &unused, err);
}

/* Returns new: the first one. */
static X509 *read_certificate(const char *path, struct kb_err *err)
{
    FILE *file = open_file(path, err);
    if (!file)
        return NULL;
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    ERR_clear_error();
    if (!certificate)
        none_there(path, err);
    return certificate;
}

struct password {
    const char *text;
    bool asked;
};

/* Without it OpenSSL would ask at the terminal. */
static int give_password(char *room, int size, int writing, void *context)
{
    struct password *password = context;
    size_t len = password->text ? strlen(password->text) : 0;
    (void)writing;
    password->asked = true;
    if (len == 0 || len > (size_t)size)
        return -1;
    memcpy(room, password->text, len);
    return (int)len;
}

/* Returns new. */
static EVP_PKEY *read_key(const char *path, struct password *password, struct kb_err *err)
{
    FILE *file = open_file(path, err);
    if (!file)
        return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, give_password, password);
    fclose(file);
    ERR_clear_error();
    if (key)
        return key;
    if (password->asked)
        kb_err_config(err, "%s is encrypted, and %s", path,
            password->text ? "not with this password" : "no password is set");
    else
        kb_err_config(
            err, "%s holds no key; expected PEM text with -----BEGIN PRIVATE KEY-----", path);
    return NULL;
}

bool kb_certificate_key_check(
    const char *path, const char *password, const char *certificate_path, struct kb_err *err)
{
    struct password given = {.text = password};
    X509 *certificate = read_certificate(certificate_path, err);
    EVP_PKEY *key = certificate ? read_key(path, &given, err) : NULL;
    bool fits = key && X509_check_private_key(certificate, key) == 1;
    if (key && !fits)
        kb_err_config(
            err, "the key in %s is not that of the certificate in %s", path, certificate_path);
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(certificate);
    return fits;
}
