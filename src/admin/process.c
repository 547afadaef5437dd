/* See process.h. */
#include "admin/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of_time(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Of /proc/self/stat the fields from the state on: the name before them may hold anything. */
static bool read_stat(char *room, size_t size, const char **fields)
{
    FILE *file = fopen("/proc/self/stat", "re");
    size_t n = file ? fread(room, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    room[n] = '\0';
    const char *end = strrchr(room, ')');
    *fields = end ? end + 1 : room;
    return end != NULL;
}

/* Fields 20, 22, 23 and 24 of proc(5): threads, start in ticks since boot, bytes, pages. */
static void take_stat(struct kb_process *out)
{
    char room[1024];
    const char *fields;
    unsigned long long started;
    uint64_t pages;
    if (!read_stat(room, sizeof(room), &fields) ||
        sscanf(fields,
            " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %u %*s "
            "%llu %" SCNu64 " %" SCNu64,
            &out->threads, &started, &out->virtual_bytes, &pages) != 4)
        return;
    out->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    double up = seconds_of(CLOCK_BOOTTIME) - (double)started / (double)sysconf(_SC_CLK_TCK);
    out->started = seconds_of(CLOCK_REALTIME) - up;
}

static unsigned count_fds(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* the one that counts */
}

void kb_process_read(struct kb_process *out)
{
    struct rusage usage;
    struct rlimit files;
    *out = (struct kb_process){.open_fds = count_fds()};
    take_stat(out);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->cpu_seconds = seconds_of_time(usage.ru_utime) + seconds_of_time(usage.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        out->max_fds = files.rlim_cur;
}
