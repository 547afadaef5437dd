/* What the system knows of this process: memory, CPU time, descriptors. Read from /proc and
 * getrusage(2) once a scrape; what can't be read is 0. Thread: any, no state. */
#ifndef KB_ADMIN_PROCESS_H
#define KB_ADMIN_PROCESS_H

#include <stdint.h>

struct kb_process {
    double cpu_seconds;
    double started; /* seconds since 1970 */
    uint64_t resident_bytes, virtual_bytes;
    unsigned open_fds, threads;
    uint64_t max_fds;
};

void kb_process_read(struct kb_process *out);

#endif
