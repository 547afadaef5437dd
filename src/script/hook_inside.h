/* The hooks from the inside, for hook.c (their life) and hook_call.c (their calls). */
#ifndef KB_SCRIPT_HOOK_INSIDE_H
#define KB_SCRIPT_HOOK_INSIDE_H

#include "base/log.h"
#include "script/fan_out.h"
#include "script/hook.h"

struct kb_hook_function {
    int ref;     /* LUA_NOREF = none */
    char *name;  /* "transform", "push.notification.title" */
    char *place; /* "config/orders.lua:12", where it is written */
    uint64_t calls, cuts;
    struct kb_log_repeat repeat;
};

struct kb_hook_topic {
    struct kb_hook_function *functions; /* by number */
    size_t n;
};

struct kb_hook_owned {
    void *what;
    void (*free_it)(void *);
};

struct kb_hooks {
    struct kb_script *script;
    struct kb_hook_limits limits;
    struct kb_hook_topic *topics;
    size_t n_topics;
    struct kb_hook_owned owned;
    struct kb_arena arena; /* one record's */
    struct kb_buf scratch;
    struct kb_viewed_record viewed;
    struct kb_hook_record left;
    struct kb_fan_out fan_out;
    bool worn;
};

/* NULL = there is none. */
struct kb_hook_function *kb_hooks_function(
    const struct kb_hooks *hooks, size_t topic, size_t number);

#endif
