/* The inside of kb_faults, shared by faults.c (the list and meeting it) and faults_text.c (reading
 * and printing it). Nobody else includes this. Thread: the server's. */
#ifndef KB_SANDBOX_FAULTS_INSIDE_H
#define KB_SANDBOX_FAULTS_INSIDE_H

#include "base/rates.h"
#include "sandbox/faults.h"

#define KB_FAULTS_ARENA_MAX ((size_t)1 << 20)
#define KB_FAULT_HEADERS 8
#define KB_FAULT_ANY_SPEC (-1)
#define KB_FAULT_FOR_EVER (-1)

struct kb_fault {
    struct kb_slice channel, path, message, body, type; /* ptr NULL = not given */
    bool whole;
    int64_t status, code, delay_ms, spec, times, seconds, rate;
    struct kb_rates taken; /* of `rate`, by channel */
    enum kb_cut cut;
    struct {
        struct kb_slice name, value;
    } headers[KB_FAULT_HEADERS];
    size_t n_headers;
    int64_t set_ms;
    uint64_t met;
};

struct kb_faults {
    struct kb_fault *list;
    size_t n;
    struct kb_arena arena; /* the texts */
};

#endif
