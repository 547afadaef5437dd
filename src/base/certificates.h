/* What a PEM file of certificates holds, for a person who must renew them.
 *
 *     struct kb_certificates certs;
 *     if (!kb_certificates_read("client.pem", &certs, &err)) ...    // KB_ERR_CONFIG
 *     certs.n, certs.first_ends_ms, certs.subject
 *     kb_certificate_fits("client.pem", "client.key", NULL, &err)   // is that its key?
 *
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
/* `password` NULL = none; it appears in no text. */
bool kb_certificate_fits(
    const char *path, const char *key_path, const char *password, struct kb_err *err) KB_MUST_CHECK;

#endif
