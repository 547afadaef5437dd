/* The one door through which a user's function is called: those of enum kb_hook, and functions in
 * the place of templates.
 *
 *     struct kb_hooks *hooks = kb_hooks_new(&limits, n_topics, &err);     // one a worker
 *     kb_script_run(kb_hooks_script(hooks), name, text, &err);           // the file, once more
 *     kb_hooks_take(L, hooks, topic, KB_HOOK_TRANSFORM, "transform");    // its functions
 *     ...
 *     kb_hooks_begin(hooks, rec, key, value, NULL);                      // for each record
 *     switch (kb_hooks_transform(hooks, topic, &err)) { ... }
 *     kb_hooks_record(hooks)                                             // as it was left
 *     kb_hooks_text(hooks, topic, number, 1, &out, &err)                 // of message 1
 *
 * `topic` is the number of a topic block; a function's number is that of its hook, or, in the place
 * of a template, one behind those. Functions run in a state of their own worker, one record
 * at a time, within limits { hook_ms, hook_memory }. What they return is checked as bytes from a
 * network are. Every failure is KB_ERR_RECORD of class hook, and says which function, which line
 * and what it got: nothing a function does is anybody's fault but the record's.
 *
 * What a call gives lies in the hooks' own memory, or in the record's, until the next
 * kb_hooks_begin. A function that is not there is not called: the rules say which are. Thread: one
 * at a time. */
#ifndef KB_SCRIPT_HOOK_H
#define KB_SCRIPT_HOOK_H

#include "base/buf.h"
#include "record/record.h"
#include "script/lua_state.h"
#include "value/json.h"
#include "value/value.h"

/* X(id, key of the topic block) */
#define KB_HOOKS(X)           \
    X(TRANSFORM, "transform") \
    X(PUSH, "push")           \
    X(EXTRAS, "extras")       \
    X(NULL_VALUE, "null_value")

enum kb_hook {
#define X(id, key) KB_HOOK_##id,
    KB_HOOKS(X)
#undef X
        KB_HOOK_COUNT
};

struct kb_hook_limits {
    size_t memory;          /* bytes of the state, and as many again for one record's edits */
    int time_ms;            /* of one call */
    struct kb_lines *lines; /* as in kb_script_limits */
};

struct kb_hooks; /* opaque */

/* Returns new. */
struct kb_hooks *kb_hooks_new(
    const struct kb_hook_limits *limits, size_t n_topics, struct kb_err *err) KB_MUST_CHECK;
void kb_hooks_free(struct kb_hooks *hooks);

/* ---- while the file is loaded ---- */

/* The state to run the file in; its budget is that of loading until kb_hooks_loaded. */
struct kb_script *kb_hooks_script(struct kb_hooks *hooks);
/* Something that must live as long as the state. Takes `what`, also where it fails. */
void kb_hooks_own(struct kb_hooks *hooks, void *what, void (*free_it)(void *));
/* Inside a protected call: takes the function on top of the stack. `name` is what a person knows it
 * by ("push.notification.title"), and is copied. */
void kb_hooks_take(
    lua_State *L, struct kb_hooks *hooks, size_t topic, size_t number, const char *name);
/* Globals are read-only from here on, and calls have the time of a hook. */
void kb_hooks_loaded(struct kb_hooks *hooks);

/* What is remembered from record to record is forgotten (kably.cache): partitions have gone to
 * somebody else. */
void kb_hooks_forget(struct kb_hooks *hooks);

/* ---- for each record ---- */

/* What the functions keep from record to record has nearly filled their memory, as a failed call
 * found out: whoever made these makes new ones, before the next record fails for it. */
bool kb_hooks_worn(const struct kb_hooks *hooks);

/* So often it has been called. */
uint64_t kb_hooks_calls(const struct kb_hooks *hooks, size_t topic, size_t number);

/* Borrows all of it until the next begin. `members` are those of the value's text, as its check
 * noted them; NULL = it did not. */
void kb_hooks_begin(struct kb_hooks *hooks, const struct kb_record *rec, struct kb_value key,
    struct kb_value value, const struct kb_json_members *members);

enum kb_hook_fate {
    KB_HOOK_RECORD,   /* one message, of the record as kb_hooks_record has it */
    KB_HOOK_DROP,     /* no message */
    KB_HOOK_MESSAGES, /* kb_hooks_messages */
    KB_HOOK_FAILED
};
enum kb_hook_fate kb_hooks_transform(
    struct kb_hooks *hooks, size_t topic, struct kb_err *err) KB_MUST_CHECK;

/* The record as transform left it. Its own key and value stay the bytes that Kafka gave. */
struct kb_hook_record {
    struct kb_record record; /* headers as they were left */
    struct kb_value key, value;
};
const struct kb_hook_record *kb_hooks_record(const struct kb_hooks *hooks);

/* One of the messages of a list. What is absent comes from the topic's rules and the record. */
struct kb_hook_message {
    struct kb_slice channel, name, client_id, encoding; /* ptr NULL = absent */
    bool has_data, has_headers;
    struct kb_value data;
    const struct kb_header *headers;
    size_t n_headers;
    struct kb_slice push;   /* JSON, unchecked; ptr NULL = absent */
    struct kb_slice extras; /* further members of extras, as JSON without braces */
};
#define KB_HOOK_MESSAGES_MAX 1000
const struct kb_hook_message *kb_hooks_messages(const struct kb_hooks *hooks, size_t *n);

/* A function in the place of a template: its text, UTF-8, is appended; nothing for nil. It is told
 * which of the record's messages it is called for, from 1. */
bool kb_hooks_text(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message,
    struct kb_buf *out, struct kb_err *err) KB_MUST_CHECK;
/* The same where any value may stand: as JSON, null for nil. */
bool kb_hooks_json(struct kb_hooks *hooks, size_t topic, size_t number, uint32_t message,
    struct kb_buf *out, struct kb_err *err) KB_MUST_CHECK;
/* What `push` gave, as JSON; ptr NULL = nil. */
bool kb_hooks_push(struct kb_hooks *hooks, size_t topic, uint32_t message, struct kb_slice *out,
    struct kb_err *err) KB_MUST_CHECK;
/* What `extras` gave: members, as JSON without braces; ptr NULL = none. */
bool kb_hooks_extras(struct kb_hooks *hooks, size_t topic, uint32_t message, struct kb_slice *out,
    struct kb_err *err) KB_MUST_CHECK;
/* What `null_value` gave, a word; ptr NULL = nil. */
bool kb_hooks_null_value(
    struct kb_hooks *hooks, size_t topic, struct kb_slice *out, struct kb_err *err) KB_MUST_CHECK;

#endif
