/* The reads that are less common, and what any of them may end in; see avro_run.h. */
#include "decode/avro_run.h"

void kb_run_bad_number(struct kb_run *run)
{
    kb_err_record(run->err, KB_FAILURE_DECODE, "%s",
        kb_run_left(run) < KB_VARINT_MAX ? "ends in the middle of a number"
                                         : "a number of more than 64 bits");
}

/* Puts the name of the field before those that the failure has passed already; where that gets too
 * long, the innermost are what helps. */
bool kb_run_failed_in(struct kb_run *run, struct kb_slice name)
{
    size_t len = strlen(run->place);
    if (name.len + len + 2 > sizeof(run->place))
        return false;
    memmove(run->place + name.len + 1, run->place, len + 1);
    run->place[0] = '.';
    memcpy(run->place + 1, name.ptr, name.len);
    return false;
}

/* Each byte as the character of that number, as Avro's own JSON has it. */
static bool put_latin1(struct kb_run *run, struct kb_slice bytes)
{
    struct kb_buf utf8;
    kb_buf_init(&utf8, 2 * bytes.len);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        if (byte >= 0x80)
            kb_buf_byte(&utf8, (char)(0xc0 | byte >> 6));
        kb_buf_byte(&utf8, (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte));
    }
    bool ok = utf8.failed ? kb_err_fatal(run->err, "no memory for %zu bytes", bytes.len)
                          : kb_out_string(&run->out, kb_buf_slice(&utf8));
    kb_buf_deinit(&utf8);
    return ok;
}

bool kb_run_binary(struct kb_run *run, struct kb_slice bytes)
{
    return run->options->binary == KB_BINARY_LATIN1 ? put_latin1(run, bytes)
                                                    : kb_out_base64(&run->out, bytes);
}
