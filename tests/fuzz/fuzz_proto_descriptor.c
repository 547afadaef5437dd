/* Fuzzes the reader of Protobuf's binary descriptors, as fuzz_proto.c does that of texts. The input
 * is the length of the payload (one byte), the payload, and the descriptor. */
#include "base/base64.h"
#include "fuzz/proto_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data;
    size_t len = data[0] < size - 1 ? data[0] : size - 1;
    struct kb_buf text;
    kb_buf_init(&text, TEXT_MAX);
    kb_base64_add(&text, (struct kb_slice){bytes + 1 + len, size - 1 - len});
    check_schema(kb_buf_slice(&text), (struct kb_slice){bytes + 1, len});
    kb_buf_deinit(&text);
    return 0;
}
