/* A secret in a file of its own (a mounted secret of Kubernetes, say), which may be replaced at any
 * time.
 *
 *     struct kb_secret_file file;
 *     kb_secret_file_init(&file, "/run/secrets/ably");
 *     if (kb_secret_file_changed(&file) && kb_secret_file_read(&file, &text)) ...
 *
 * Reads at most KB_SECRET_MAX bytes, without the line break at the end. Small local files: a look
 * costs one stat. Thread: its owner's. */
#ifndef KB_BASE_SECRET_FILE_H
#define KB_BASE_SECRET_FILE_H

#include "base/buf.h"

#include <sys/stat.h>

#define KB_SECRET_MAX (128u << 10)

struct kb_secret_file {
    const char *path; /* borrowed; NULL = there is none, and nothing ever changes */
    struct stat seen;
};

void kb_secret_file_init(struct kb_secret_file *file, const char *path);
/* Another file, or other content, since it was last asked. */
bool kb_secret_file_changed(struct kb_secret_file *file);
/* False where it can't be read, is empty or too long: then what was known stays. */
bool kb_secret_file_read(const struct kb_secret_file *file, struct kb_buf *out);

#endif
