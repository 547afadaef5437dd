/* The options of a topic that are more than one value: checked and written to its rules; see
 * options.h. Errors are KB_ERR_CONFIG. Thread: one at a time. */
#ifndef KB_CONFIG_OPTION_MESSAGE_H
#define KB_CONFIG_OPTION_MESSAGE_H

#include "config/options.h"

/* Where in a topic's block a value stands, from the inside out. */
struct kb_value_path {
    const struct kb_value_path *outer; /* NULL = the block itself */
    struct kb_slice name;              /* ptr NULL = an element of a list */
    int64_t index;                     /* then its number */
};

/* A text or a function: what stands for a text of each record. */
bool kb_option_is_template(const struct kb_raw *raw);
/* Returns new. */
struct kb_template *kb_option_take_template(struct kb_rules *rules, const struct kb_value_path *at,
    const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
/* *number says which hook it is, or KB_HOOK_COUNT: a text of its own, and gets its number. */
bool kb_option_take_function(struct kb_rules *rules, const struct kb_value_path *at,
    const struct kb_raw *raw, size_t *number, struct kb_err *err) KB_MUST_CHECK;
/* As Lua; a function has no text here, but a place where it is written. */
void kb_option_format_template(const struct kb_template *tmpl, struct kb_buf *out);
void kb_option_format_function(const char *place, struct kb_buf *out);

/* channel = { "a:#{x}", "b" }: a list of templates. */
bool kb_option_set_channels(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
void kb_option_format_channels(const struct kb_rules *rules, struct kb_buf *out);

/* cipher = { key = BASE64 }, or a template or function in its place */
bool kb_option_set_cipher(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;

/* push = { notification = { title = ..., body = ... }, data = ... } of templates and functions */
bool kb_option_set_push(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
/* extras = { key = "kafka.key" | "headers.NAME" | false, headers = true | false | { ... },
 * further members } */
bool kb_option_set_extras(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;

#endif
