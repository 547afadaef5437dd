/* The kinds of options whose values are more than one word, private to the option files: addresses,
 * how logical types are shown, and what becomes of failures. Parameters as in options.h. Thread:
 * any; no state. */
#ifndef KB_CONFIG_OPTION_KINDS_H
#define KB_CONFIG_OPTION_KINDS_H

#include "config/options.h"

/* "expected a whole number from 1 to 1000, got "abc"", of a secret without what was got. Returns
 * false. */
bool kb_option_refuse(const struct kb_option *option, const struct kb_raw *raw, struct kb_err *err);

/* "a", "a,b" or { "a", "b" } -> "a,b". Error texts hold none of it: an address may hold a password.
 */
bool kb_option_set_addresses(const struct kb_option *option, char **field, const struct kb_raw *raw,
    struct kb_err *err) KB_MUST_CHECK;
/* As a text, passwords of addresses as "***". */
void kb_option_format_addresses(const char *list, struct kb_buf *out);

/* "iso", or { date = "iso", decimal = "text", default = "raw" } -> enum kb_shown by logical type.
 */
bool kb_option_set_logical(enum kb_shown field[KB_LOGICAL_COUNT], const struct kb_raw *raw,
    struct kb_err *err) KB_MUST_CHECK;
void kb_option_format_logical(const enum kb_shown field[KB_LOGICAL_COUNT], struct kb_buf *out);
void kb_option_describe_logical(struct kb_buf *out);

/* "dlq", or { decode = "dlq", hook = "stop", default = "skip" }; what is not named stops. */
bool kb_option_set_policy(const struct kb_option *option, struct kb_policy *field,
    const struct kb_raw *raw, struct kb_err *err) KB_MUST_CHECK;
void kb_option_format_policy(const struct kb_policy *policy, struct kb_buf *out);

#endif
