/* Files of certificates and keys (PEM), looked at for the sake of a clear error before curl is
 * given their names; it reads them again for each connection.
 *
 *     kb_certificates_check("/etc/kably/ca.pem", &err)              // to trust, or to show
 *     kb_certificate_key_check("client.key", NULL, "client.pem", &err)
 *
 * Errors are KB_ERR_CONFIG, name the file, and show nothing of what is in it. Thread: any. */
#ifndef KB_HTTP_CERTIFICATES_H
#define KB_HTTP_CERTIFICATES_H

#include "base/err.h"

bool kb_certificates_check(const char *path, struct kb_err *err) KB_MUST_CHECK;
/* The key of the certificate that stands first in another file, or in the same; `password` NULL =
 * it is not encrypted. */
bool kb_certificate_key_check(const char *path, const char *password, const char *certificate_path,
    struct kb_err *err) KB_MUST_CHECK;

#endif
