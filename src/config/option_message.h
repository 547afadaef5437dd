/* The options of a topic that are more than one value: checked and written to its rules; see
 * options.h. Errors are KB_ERR_CONFIG. */
#ifndef KB_CONFIG_OPTION_MESSAGE_H
#define KB_CONFIG_OPTION_MESSAGE_H

#include "config/options.h"

/* channel = { "a:#{x}", "b" }: a list of templates. */
bool kb_option_set_channels(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
void kb_option_format_channels(const struct kb_rules *rules, struct kb_buf *out);

/* cipher = { key = BASE64 }, or a template or function in its place. Shown without the key. */
bool kb_option_set_cipher(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
bool kb_option_format_cipher(const struct kb_rules *rules, struct kb_buf *out); /* false = none */

/* push = { notification = { title = ..., body = ... }, data = ... } of templates */
bool kb_option_set_push(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
/* extras = { key = "kafka.key" | "headers.NAME" | false, headers = true | false | { ... },
 * further members } */
bool kb_option_set_extras(
    struct kb_rules *rules, const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;

#endif
