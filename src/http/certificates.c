/* See certificates.h. */
#include "http/certificates.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static FILE *open_file(const char *path, struct kb_err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        kb_err_config(err, "%s: %s", path, strerror(errno));
    return file;
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
        kb_err_config(err,
            "%s holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----", path);
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

bool kb_certificates_check(const char *path, struct kb_err *err)
{
    X509 *certificate = read_certificate(path, err);
    X509_free(certificate);
    return certificate != NULL;
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
