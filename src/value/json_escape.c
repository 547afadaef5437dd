/* Text as the inside of a JSON string; see json.h. On this path lies every byte that is published
 * as text, so there are three ways to do it, chosen once at run time;
 * tests/unit/value/test_json_write.c and tests/fuzz/fuzz_json.c hold them against each other. */
#include "value/json.h"
#include "value/json_escape_variants.h"

#include <stdatomic.h>

#ifdef __SSE2__
#include <tmmintrin.h>
#endif

#define CHUNK 1024 /* bounds how much room is asked for in case every byte needs six */

/* For each byte: 0 = as it is, 'u' = \u00XX, else the letter behind the backslash. */
static const char letters[256] = {
    [0 ... 0x07] = 'u',
    ['\b'] = 'b',
    ['\t'] = 't',
    ['\n'] = 'n',
    [0x0b] = 'u',
    ['\f'] = 'f',
    ['\r'] = 'r',
    [0x0e ... 0x1f] = 'u',
    ['"'] = '"',
    ['\\'] = '\\',
};

static char *escape_byte(char *to, unsigned char byte)
{
    char letter = letters[byte];
    if (!letter) {
        *to++ = (char)byte;
        return to;
    }
    *to++ = '\\';
    *to++ = letter;
    if (letter == 'u') {
        *to++ = '0';
        *to++ = '0';
        *to++ = (char)('0' + (byte >> 4));
        *to++ = "0123456789abcdef"[byte & 15];
    }
    return to;
}

static size_t escape_scalar(char *to, const char *from, size_t len)
{
    char *start = to;
    for (size_t i = 0; i < len; i++)
        to = escape_byte(to, (unsigned char)from[i]);
    return (size_t)(to - start);
}

#ifdef __SSE2__

/* Bits of the sixteen bytes that must be escaped: quotes and backslashes, and control characters.
 */
static inline unsigned find_marks(__m128i bytes)
{
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(quote, backslash));
}

static inline unsigned find_controls(__m128i bytes)
{
    __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return (unsigned)_mm_movemask_epi8(below);
}

/* All bits of each byte that can't stand in a string as it is; beyond ASCII is negative. */
static inline __m128i not_plain(__m128i bytes)
{
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return _mm_or_si128(_mm_or_si128(quote, backslash), _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')));
}

static inline __m128i load16(const char *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

static inline void store16(char *to, __m128i bytes)
{
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
}

static inline uint64_t load8(const char *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof(word));
    return word;
}

static inline uint64_t load4(const char *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof(word));
    return word;
}

/* Up to seven bytes as the lower ones of a word, without a loop or a byte read beyond them: two
 * halves that overlap. */
static inline uint64_t load_few(const char *from, size_t len)
{
    if (len >= 4)
        return load4(from) | load4(from + len - 4) << 8 * (len - 4);
    if (len == 0)
        return 0;
    uint64_t first = (unsigned char)from[0], middle = (unsigned char)from[len / 2];
    return first | middle << 8 * (len / 2) |
           (uint64_t)(unsigned char)from[len - 1] << 8 * (len - 1);
}

/* One to fifteen bytes as a block, filled up with spaces, which come out as they are. */
static inline __m128i load_rest(const char *from, size_t len)
{
    const uint64_t spaces = UINT64_C(0x2020202020202020);
    if (len < 8)
        return _mm_set_epi64x(
            (long long)spaces, (long long)(load_few(from, len) | spaces << 8 * len));
    uint64_t high = len > 8 ? load8(from + len - 8) >> 8 * (16 - len) : 0;
    return _mm_set_epi64x((long long)(high | spaces << 8 * (len - 8)), (long long)load8(from));
}

/* Finds the next byte to escape, sixteen at a time. */
static size_t escape_sse2(char *to, const char *from, size_t len)
{
    char *start = to;
    const char *end = from + len;
    while (end - from >= 16) {
        __m128i bytes = load16(from);
        unsigned stop = find_marks(bytes) | find_controls(bytes);
        store16(to, bytes);
        unsigned plain = stop ? (unsigned)__builtin_ctz(stop) : 16;
        to += plain;
        from += plain;
        if (stop)
            to = escape_byte(to, (unsigned char)*from++);
    }
    to += escape_scalar(to, from, (size_t)(end - from));
    return (size_t)(to - start);
}

/* The table of the shuffle: eight bytes, of which those in `mask` need a backslash before them,
 * become up to sixteen. Entry j is the number of the byte that goes to place j, or -1 where a
 * backslash goes (or nothing any more). Byte i moves up by one place for each mark up to itself. */
#define PLACE(mask, i) ((i) + __builtin_popcount((mask) & ((2 << (i)) - 1)))
#define FROM(mask, j)           \
    (j) == PLACE(mask, 0)   ? 0 \
    : (j) == PLACE(mask, 1) ? 1 \
    : (j) == PLACE(mask, 2) ? 2 \
    : (j) == PLACE(mask, 3) ? 3 \
    : (j) == PLACE(mask, 4) ? 4 \
    : (j) == PLACE(mask, 5) ? 5 \
    : (j) == PLACE(mask, 6) ? 6 \
    : (j) == PLACE(mask, 7) ? 7 \
                            : -1
#define ROW(mask)                                                                                 \
    {                                                                                             \
        FROM(mask, 0), FROM(mask, 1), FROM(mask, 2), FROM(mask, 3), FROM(mask, 4), FROM(mask, 5), \
            FROM(mask, 6), FROM(mask, 7), FROM(mask, 8), FROM(mask, 9), FROM(mask, 10),           \
            FROM(mask, 11), FROM(mask, 12), FROM(mask, 13), FROM(mask, 14), FROM(mask, 15)        \
    }
#define ROWS4(mask) ROW(mask), ROW((mask) + 1), ROW((mask) + 2), ROW((mask) + 3)
#define ROWS16(mask) ROWS4(mask), ROWS4((mask) + 4), ROWS4((mask) + 8), ROWS4((mask) + 12)
#define ROWS64(mask) ROWS16(mask), ROWS16((mask) + 16), ROWS16((mask) + 32), ROWS16((mask) + 48)

static const signed char shuffles[256][16]
    __attribute__((aligned(16))) = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};

/* The lower eight of `bytes` with a backslash before each one in `mask`. */
__attribute__((target("ssse3,popcnt"))) static inline char *expand(
    char *to, __m128i bytes, unsigned mask)
{
    __m128i shuffle = _mm_load_si128((const __m128i *)(const void *)shuffles[mask]);
    __m128i gaps = _mm_cmplt_epi8(shuffle, _mm_setzero_si128());
    __m128i spread = _mm_shuffle_epi8(bytes, shuffle); /* gives 0 where the shuffle is negative */
    store16(to, _mm_or_si128(spread, _mm_and_si128(gaps, _mm_set1_epi8('\\'))));
    return to + 8 + __builtin_popcount(mask);
}

__attribute__((target("ssse3,popcnt"))) static inline char *escape_block(char *to, __m128i bytes)
{
    unsigned marks = find_marks(bytes);
    if (KB_UNLIKELY(find_controls(bytes))) {
        char block[16];
        store16(block, bytes);
        return to + escape_scalar(to, block, 16);
    }
    if (!marks) {
        store16(to, bytes);
        return to + 16;
    }
    to = expand(to, bytes, marks & 0xff);
    return expand(to, _mm_srli_si128(bytes, 8), marks >> 8);
}

/* Moves all bytes of a block to their places at once, however many there are to escape. */
__attribute__((target("ssse3,popcnt"))) static size_t escape_ssse3(
    char *to, const char *from, size_t len)
{
    char *start = to;
    for (; len >= 16; len -= 16, from += 16)
        to = escape_block(to, load16(from));
    if (len > 0) {
        to = escape_block(to, load_rest(from, len)) - (16 - len);
    }
    return (size_t)(to - start);
}

#endif

bool kb_json_copy_plain(char *to, struct kb_slice text)
{
#ifdef __SSE2__
    const char *from = text.ptr;
    size_t len = text.len;
    __m128i stop = _mm_setzero_si128();
    for (; len >= 16; len -= 16, from += 16, to += 16) {
        __m128i bytes = load16(from);
        store16(to, bytes);
        stop = _mm_or_si128(stop, not_plain(bytes));
    }
    if (len > 0) {
        __m128i bytes = load_rest(from, len);
        store16(to, bytes);
        stop = _mm_or_si128(stop, not_plain(bytes));
    }
    return _mm_movemask_epi8(stop) == 0;
#else
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (letters[byte] || byte >= 0x80)
            return false;
        to[i] = (char)byte;
    }
    return true;
#endif
}

const struct kb_json_escape_variant kb_json_escape_variants[] = {
    {"scalar", escape_scalar},
#ifdef __SSE2__
    {"sse2", escape_sse2},
    {"ssse3", escape_ssse3},
#endif
};
const size_t kb_json_escape_variant_count = KB_COUNT(kb_json_escape_variants);

bool kb_json_escape_usable(size_t variant)
{
#ifdef __SSE2__
    if (kb_json_escape_variants[variant].escape == escape_ssse3)
        return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt");
#endif
    return variant < kb_json_escape_variant_count;
}

/* Threads that come here at the same time all store the same. */
static kb_json_escape_fn *best_variant(void)
{
    static kb_json_escape_fn *_Atomic best;
    kb_json_escape_fn *escape = atomic_load_explicit(&best, memory_order_relaxed);
    if (KB_UNLIKELY(!escape)) {
        size_t i = kb_json_escape_variant_count - 1;
        while (!kb_json_escape_usable(i))
            i--;
        escape = kb_json_escape_variants[i].escape;
        atomic_store_explicit(&best, escape, memory_order_relaxed);
    }
    return escape;
}

/* Near the buffer's maximum: takes no more room than the text really needs. */
static void escape_tight(struct kb_buf *out, struct kb_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char bytes[6];
        char *end = escape_byte(bytes, (unsigned char)text.ptr[i]);
        kb_buf_add(out, (struct kb_slice){bytes, (size_t)(end - bytes)});
    }
}

void kb_json_escape(struct kb_buf *out, struct kb_slice text)
{
    kb_json_escape_fn *escape = best_variant();
    for (size_t done = 0; done < text.len && !out->failed;) {
        size_t left = text.len - done;
        struct kb_slice chunk = {text.ptr + done, left < CHUNK ? left : CHUNK};
        if (KB_JSON_ESCAPED_MAX(chunk.len) <= out->max - out->len) {
            char *to = kb_buf_reserve(out, KB_JSON_ESCAPED_MAX(chunk.len));
            if (to)
                kb_buf_commit(out, escape(to, chunk.ptr, chunk.len));
        } else {
            escape_tight(out, chunk);
        }
        done += chunk.len;
    }
}

void kb_json_string(struct kb_buf *out, struct kb_slice text)
{
    kb_buf_byte(out, '"');
    kb_json_escape(out, text);
    kb_buf_byte(out, '"');
}
