/* Is it UTF-8? By the Unicode standard's table 3-7: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef KB_BASE_UTF8_H
#define KB_BASE_UTF8_H

#include "base/slice.h"

bool kb_utf8_valid(struct kb_slice bytes);

#endif
