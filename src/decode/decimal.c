/* Unscaled bytes and a scale -> decimal text; see decimal.h. Up to 16 bytes in registers, beyond
 * that by long division of 64-bit limbs. */
#include "decode/decimal.h"

#define CHUNK_DIGITS 19
#define CHUNK UINT64_C(10000000000000000000)

typedef unsigned __int128 wide;

struct digits {
    bool negative;
    const char *text; /* without leading zeros; "0" for zero */
    size_t n;
};

static bool is_negative(struct kb_slice bytes)
{
    return bytes.len > 0 && (unsigned char)bytes.ptr[0] >= 0x80;
}

static wide magnitude(struct kb_slice bytes)
{
    wide number = is_negative(bytes) ? ~(wide)0 : 0;
    for (size_t i = 0; i < bytes.len; i++)
        number = number << 8 | (unsigned char)bytes.ptr[i];
    return is_negative(bytes) ? -number : number;
}

/* Backwards from `end`; the first digit's place. */
static char *put_u64(char *end, uint64_t number)
{
    do
        *--end = (char)('0' + number % 10);
    while (number /= 10);
    return end;
}

static char *put_chunk(char *end, uint64_t chunk)
{
    char *start = put_u64(end, chunk);
    while (start > end - CHUNK_DIGITS)
        *--start = '0';
    return start;
}

/* Into `room` of 40 bytes, from its end. */
static struct digits small_digits(struct kb_slice bytes, char room[40])
{
    wide number = magnitude(bytes);
    char *end = room + 40, *start = end;
    while (number > UINT64_MAX) {
        start = put_chunk(start, (uint64_t)(number % CHUNK));
        number /= CHUNK;
    }
    if (number > 0 || start == end)
        start = put_u64(start, (uint64_t)number);
    return (struct digits){is_negative(bytes), start, (size_t)(end - start)};
}

/* The magnitude as limbs, the lowest first; how many are not zero. */
static size_t load_limbs(struct kb_slice bytes, uint64_t *limbs, size_t n)
{
    bool negative = is_negative(bytes);
    memset(limbs, negative ? 0xff : 0, n * sizeof(*limbs));
    for (size_t i = 0; i < bytes.len; i++) {
        size_t place = bytes.len - 1 - i;
        unsigned shift = 8 * (unsigned)(place % 8);
        limbs[place / 8] &= ~(UINT64_C(0xff) << shift);
        limbs[place / 8] |= (uint64_t)(unsigned char)bytes.ptr[i] << shift;
    }
    bool carry = negative;
    for (size_t i = 0; negative && i < n; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry && limbs[i] == 0;
    }
    while (n > 0 && limbs[n - 1] == 0)
        n--;
    return n;
}

static uint64_t divide_by_chunk(uint64_t *limbs, size_t n)
{
    wide rest = 0;
    for (size_t i = n; i-- > 0;) {
        rest = rest << 64 | limbs[i];
        limbs[i] = (uint64_t)(rest / CHUNK);
        rest %= CHUNK;
    }
    return (uint64_t)rest;
}

/* `memory` is the limbs, then the digits: 64 bits have less than 20 of them. */
static struct digits large_digits(struct kb_slice bytes, uint64_t *memory, size_t n_limbs)
{
    char *end = (char *)(memory + n_limbs) + 20 * n_limbs, *start = end;
    size_t n = load_limbs(bytes, memory, n_limbs);
    while (n > 0) {
        start = put_chunk(start, divide_by_chunk(memory, n));
        while (n > 0 && memory[n - 1] == 0)
            n--;
    }
    while (start < end - 1 && *start == '0')
        start++;
    if (start == end)
        *--start = '0';
    return (struct digits){is_negative(bytes), start, (size_t)(end - start)};
}

static void add_zeros(struct kb_buf *out, size_t n)
{
    char *to = kb_buf_reserve(out, n);
    if (!to)
        return;
    memset(to, '0', n);
    kb_buf_commit(out, n);
}

static void add_plain(struct kb_buf *out, const struct digits *d, uint32_t scale)
{
    size_t whole = d->n > scale ? d->n - scale : 0;
    if (whole > 0)
        kb_buf_add(out, (struct kb_slice){d->text, whole});
    else
        kb_buf_byte(out, '0');
    if (scale == 0)
        return;
    kb_buf_byte(out, '.');
    if (scale > d->n)
        add_zeros(out, scale - d->n);
    kb_buf_add(out, (struct kb_slice){d->text + whole, d->n - whole});
}

static void add_exponent(struct kb_buf *out, const struct digits *d, int64_t exponent)
{
    kb_buf_byte(out, d->text[0]);
    if (d->n > 1) {
        kb_buf_byte(out, '.');
        kb_buf_add(out, (struct kb_slice){d->text + 1, d->n - 1});
    }
    kb_buf_add(out, exponent > 0 ? KB_S("E+") : KB_S("E"));
    kb_buf_add_i64(out, exponent);
}

static void lay_out(
    struct kb_buf *out, const struct digits *d, uint32_t scale, enum kb_decimal_layout layout)
{
    int64_t exponent = (int64_t)d->n - 1 - (int64_t)scale;
    if (d->negative)
        kb_buf_byte(out, '-');
    if (layout == KB_DECIMAL_JAVA && scale > 0 && exponent < -6)
        add_exponent(out, d, exponent);
    else
        add_plain(out, d, scale);
}

bool kb_decimal_add(struct kb_buf *out, struct kb_slice unscaled, uint32_t scale,
    enum kb_decimal_layout layout, uint64_t *work, struct kb_err *err)
{
    if (unscaled.len <= 16) {
        char room[40];
        struct digits d = small_digits(unscaled, room);
        lay_out(out, &d, scale, layout);
        return true;
    }
    size_t n = unscaled.len / 8 + 1;
    if (n > KB_DECIMAL_WORK || n * n / 2 > *work)
        return kb_err_record(err, KB_FAILURE_DECODE,
            "a decimal of %zu bytes: more digits than a "
            "record is given the time for",
            unscaled.len);
    *work -= n * n / 2;
    uint64_t *memory = malloc(n * sizeof(*memory) + 20 * n);
    if (!memory)
        return kb_err_fatal(err, "no memory for a decimal of %zu bytes", unscaled.len);
    struct digits d = large_digits(unscaled, memory, n);
    lay_out(out, &d, scale, layout);
    free(memory);
    return true;
}
