/* Lua's patterns (Lua 5.4 reference manual, section 6.4.1) with a bounded cost: Lua's own matcher
 * can't be interrupted, and a short pattern such as "(.-).-.-b" takes it years.
 *
 *     struct kb_pattern m;
 *     kb_pattern_init(&m, L, subject, pattern);       // pattern without a leading ^
 *     const char *end = kb_pattern_match(&m, at);      // NULL = no match that begins there
 *
 * Every step counts against the budget of the call (kb_script_charge), which raises an error where
 * it is spent; so does a malformed pattern. Inside a protected call. Thread: the state's. */
#ifndef KB_SCRIPT_PATTERN_H
#define KB_SCRIPT_PATTERN_H

#include "base/slice.h"

#include <lua.h>

#define KB_CAPTURES_MAX 32

struct kb_pattern_capture {
    const char *start;
    ptrdiff_t len; /* or one of the two below */
};
#define KB_CAPTURE_OPEN (-1)
#define KB_CAPTURE_POSITION (-2)

struct kb_pattern {
    lua_State *L;
    const char *subject, *subject_end, *pattern, *pattern_end;
    int n; /* captures so far */
    int depth;
    unsigned steps;
    struct kb_pattern_capture captures[KB_CAPTURES_MAX];
};

void kb_pattern_init(
    struct kb_pattern *m, lua_State *L, struct kb_slice subject, struct kb_slice pattern);
const char *kb_pattern_match(struct kb_pattern *m, const char *at);

/* Pushes capture `i`, counted from 0; 0 is the whole match where the pattern has no captures. */
void kb_pattern_push(struct kb_pattern *m, int i, const char *start, const char *end);
/* Pushes all captures, or the whole match where there are none; how many. */
int kb_pattern_push_all(struct kb_pattern *m, const char *start, const char *end);

#endif
