/* Files of certificates and keys (PEM): read so that an error is clear before curl or librdkafka is
 * given their names, and so that a person hears when they end.
 *
 *     kb_certificates_check("ca.pem", &err)                        // to trust, or to show
 *     kb_certificate_key_check("my.key", NULL, "my.pem", &err)     // is that its key?
 *     struct kb_certificates certs;
 *     kb_certificates_read("my.pem", &certs, &err)                 // n, subject, first_ends_ms
 *
 * Errors are KB_ERR_CONFIG, name the file, and show nothing of what is in it.
 * Thread: any, no state. */
#ifndef KB_BASE_CERTIFICATES_H
#define KB_BASE_CERTIFICATES_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct kb_certificates {
    size_t n;
    int64_t first_ends_ms; /* since 1970: the first certificate, a client's own */
    int64_t last_ends_ms;  /* the one that lasts longest: of authorities any may serve */
    char subject[128];     /* the first one's, "CN=kably" */
};

bool kb_certificates_read(
    const char *path, struct kb_certificates *out, struct kb_err *err) KB_MUST_CHECK;
bool kb_certificates_check(const char *path, struct kb_err *err) KB_MUST_CHECK;
/* The key of the certificate that stands first in another file, or in the same; `password` NULL =
 * it is not encrypted. */
bool kb_certificate_key_check(const char *path, const char *password, const char *certificate_path,
    struct kb_err *err) KB_MUST_CHECK;

#endif
