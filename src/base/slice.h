/* A slice: bytes somewhere else, with their length. kably passes text and bytes as slices
 * everywhere; a NUL exists only at the borders to libraries.
 *
 *     struct kb_slice topic = KB_S("orders");
 *     printf("topic " KB_FMT "\n", KB_ARG(topic));
 *
 * Ownership: a slice borrows; who owns the bytes, and for how long, is said where the slice is
 * handed over. A NULL `ptr` means "absent" (a null key, a null value); an empty text has a pointer
 * and length 0. Thread: values. */
#ifndef KB_BASE_SLICE_H
#define KB_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct kb_slice {
    const char *ptr;
    size_t len;
};

#define KB_S(literal) ((struct kb_slice){"" literal, sizeof(literal) - 1})
#define KB_FMT "%.*s"
#define KB_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct kb_slice kb_slice_of(const char *cstr)
{
    return (struct kb_slice){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool kb_slice_eq(struct kb_slice a, struct kb_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool kb_slice_is(struct kb_slice a, const char *cstr)
{
    return kb_slice_eq(a, kb_slice_of(cstr));
}

static inline bool kb_slice_starts(struct kb_slice a, struct kb_slice prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/* A hexadecimal digit's number; -1 for anything else. */
static inline int kb_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The same text, or both NULL? */
static inline bool kb_text_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Digits, nine at most -> number; -1 for anything else, a sign or a fraction too. */
static inline int64_t kb_slice_digits(struct kb_slice text)
{
    int64_t number = 0;
    if (text.len == 0 || text.len > 9)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        number = number * 10 + (text.ptr[i] - '0');
    }
    return number;
}

#endif
