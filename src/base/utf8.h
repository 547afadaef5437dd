/* Is it UTF-8? By the Unicode standard's table 3-7: no overlong forms, no surrogates, nothing past
 * U+10FFFF.
 *
 *     kb_utf8_valid(KB_S("na\xc3\xafve"));       // true
 *     kb_utf8_prefix(KB_S("ab\xff"));            // 2: the bytes before the first bad sequence
 *
 * Thread: any, no state. */
#ifndef KB_BASE_UTF8_H
#define KB_BASE_UTF8_H

#include "base/slice.h"

bool kb_utf8_valid(struct kb_slice bytes);

/* How many bytes from the start are UTF-8; bytes.len where all of them are. */
size_t kb_utf8_prefix(struct kb_slice bytes);

/* Length of the one character at `at` (1 to 4 bytes), 0 where none begins there or `end` cuts it
 * off. */
size_t kb_utf8_step(const char *at, const char *end);

/* How many of the first `max` bytes to keep so that a cut goes through no character. */
size_t kb_utf8_cut(struct kb_slice text, size_t max);

/* Makes foreign text fit for one line of a log or a terminal, in place and of the same length:
 * white space becomes a space, other control characters and what is not UTF-8 become question
 * marks. */
void kb_utf8_one_line(char *text, size_t len);

#endif
