/* What went wrong, for the program (class, failure, code) and for the person (text).
 *
 *     if (!kb_address_parse(text, &address, &err))
 *         return kb_err_wrap(&err, "admin.listen");     // "admin.listen: ..." and what was wrong
 *
 * The class says whose fault it is; only failure/ decides what a class leads to. Functions that can
 * fail return bool, take `struct kb_err *err` last and fill it exactly when they return false.
 * Thread: a value, no sharing. */
#ifndef KB_BASE_ERR_H
#define KB_BASE_ERR_H

#include "base/compiler.h"

#include <stdbool.h>

/* OUTAGE: not the record's fault, wait and try again. RECORD: this record's own fault, its policy
 * decides. CONFIG: the user must change a setting. FATAL: the process can't go on (memory,
 * descriptors). */
enum kb_err_class { KB_ERR_NONE, KB_ERR_OUTAGE, KB_ERR_RECORD, KB_ERR_CONFIG, KB_ERR_FATAL };

/* The failure classes of `on_error`, in the order of a record's way. X(id, name, meaning) */
#define KB_FAILURES(X)                                                                   \
    X(DECODE, "decode", "key or value can't be read in the topic's format")              \
    X(MAPPING, "mapping", "a template finds no usable field in this record")             \
    X(HOOK, "hook", "a Lua hook failed or returned something unusable")                  \
    X(MESSAGE, "message", "the message is too large or its channel name is not allowed") \
    X(PUBLISH, "publish", "Ably refused this record's message")

enum kb_failure {
#define X(id, name, meaning) KB_FAILURE_##id,
    KB_FAILURES(X)
#undef X
        KB_FAILURE_COUNT
};

#define KB_ERR_TEXT_MAX 1024

struct kb_err {
    enum kb_err_class class;
    enum kb_failure failure; /* meaningful for KB_ERR_RECORD */
    int code;                /* Ably's or the library's own number, 0 if there is none */
    int column;              /* 1-based place in a one-line source text, 0 if there is none */
    char text[KB_ERR_TEXT_MAX];
};

const char *kb_failure_name(enum kb_failure failure);

/* Each returns false, so that a failing function can end with `return kb_err_...(err, ...)`. */
bool kb_err_outage(struct kb_err *err, const char *fmt, ...) KB_PRINTF(2, 3);
bool kb_err_record(struct kb_err *err, enum kb_failure failure, const char *fmt, ...)
    KB_PRINTF(3, 4);
bool kb_err_config(struct kb_err *err, const char *fmt, ...) KB_PRINTF(2, 3);
bool kb_err_fatal(struct kb_err *err, const char *fmt, ...) KB_PRINTF(2, 3);

/* Puts "context: " before the text that is there; class and codes stay. */
bool kb_err_wrap(struct kb_err *err, const char *fmt, ...) KB_PRINTF(2, 3);

#endif
