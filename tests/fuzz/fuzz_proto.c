/* Fuzzes the reader of .proto texts: whatever the bytes, an error of the record or a schema, and
 * any payload of that schema an error or JSON. The input is the text, a NUL, and the payload. */
#include "fuzz/proto_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = data ? (const char *)data : "";
    size_t len = strnlen(text, size), skip = len < size;
    check_schema(
        (struct kb_slice){text, len}, (struct kb_slice){text + len + skip, size - len - skip});
    return 0;
}
