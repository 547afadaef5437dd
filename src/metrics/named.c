/* The named counters; see named.h. Places are given out under a lock and never taken back, so a
 * counter is added to without one. */
#include "metrics/named.h"

#include <pthread.h>
#include <stdatomic.h>

#define NAME_SIZE 64

struct kb_named_counter {
    char name[NAME_SIZE];
    _Atomic uint64_t n;
};

static struct kb_named_counter counters[KB_NAMED_MAX];
static _Atomic size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_name(struct kb_slice name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-";
    for (size_t i = 0; i < name.len; i++)
        if (!memchr(allowed, name.ptr[i], sizeof(allowed) - 1))
            return false;
    return name.len > 0 && name.len < NAME_SIZE;
}

struct kb_named_counter *kb_named_counter(struct kb_slice name)
{
    if (!is_name(name))
        return NULL;
    pthread_mutex_lock(&lock);
    size_t n = atomic_load(&count), i = 0;
    while (i < n && !kb_slice_is(name, counters[i].name))
        i++;
    if (i == n && n < KB_NAMED_MAX) {
        memcpy(counters[i].name, name.ptr, name.len);
        atomic_store(&count, n + 1);
    }
    pthread_mutex_unlock(&lock);
    return i < KB_NAMED_MAX ? &counters[i] : NULL;
}

static _Thread_local bool is_paused;

void kb_named_pause(bool paused)
{
    is_paused = paused;
}

void kb_named_add(struct kb_named_counter *counter, uint64_t n)
{
    if (is_paused)
        return;
    atomic_fetch_add_explicit(&counter->n, n, memory_order_relaxed);
}

void kb_named_each(void (*show)(void *context, const char *name, uint64_t n), void *context)
{
    size_t n = atomic_load(&count);
    for (size_t i = 0; i < n; i++)
        show(context, counters[i].name, atomic_load_explicit(&counters[i].n, memory_order_relaxed));
}
