/* The kinds of options whose values are more than one word, private to the option files: addresses,
 * and how logical types are shown. Parameters as in options.h. Thread: any; no state. */
#ifndef KB_CONFIG_OPTION_KINDS_H
#define KB_CONFIG_OPTION_KINDS_H

#include "config/options.h"

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

#endif
