/* Big integers to decimal digits, and where the point goes; see decimal.h. Up to eight bytes, which
 * is what money needs, one division a digit; beyond that limbs of 32 bits, nine digits a pass. */
#include "value/decimal.h"

#define LIMBS_MAX (KB_DECIMAL_BYTES_MAX / 4)
#define PASS 1000000000 /* nine digits */
#define DIGITS_MAX (KB_DECIMAL_BYTES_MAX * 5 / 2)

/* The absolute value's digits, right-aligned in `text`. */
struct digits {
    char text[DIGITS_MAX];
    size_t start;
    bool negative;
};

static struct kb_slice digits_of(const struct digits *digits)
{
    return (struct kb_slice){digits->text + digits->start, DIGITS_MAX - digits->start};
}

static void from_word(struct digits *digits, uint64_t number)
{
    do {
        digits->text[--digits->start] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
}

static void small(struct digits *digits, struct kb_slice unscaled)
{
    uint64_t number = digits->negative ? UINT64_MAX : 0;
    for (size_t i = 0; i < unscaled.len; i++)
        number = number << 8 | (unsigned char)unscaled.ptr[i];
    from_word(digits, digits->negative ? -number : number);
}

/* Least significant limb first; of a negative number its complement plus one. */
static size_t to_limbs(struct kb_slice unscaled, bool negative, uint32_t limbs[LIMBS_MAX])
{
    size_t n = (unscaled.len + 3) / 4;
    memset(limbs, negative ? 0xff : 0, n * sizeof(*limbs));
    for (size_t i = 0; i < unscaled.len; i++) {
        uint32_t *limb = &limbs[i / 4], shift = i % 4 * 8;
        uint32_t byte = (unsigned char)unscaled.ptr[unscaled.len - 1 - i];
        *limb = (*limb & ~(UINT32_C(0xff) << shift)) | byte << shift;
    }
    for (size_t i = 0, carry = 1; negative && i < n; i++) {
        limbs[i] = ~limbs[i] + (uint32_t)carry;
        carry = carry && limbs[i] == 0;
    }
    while (n > 0 && limbs[n - 1] == 0)
        n--;
    return n;
}

/* *rest and the limb behind it, divided. */
static uint32_t divide(uint64_t *rest, uint32_t limb)
{
    uint64_t number = *rest << 32 | limb;
    *rest = number % PASS;
    return (uint32_t)(number / PASS);
}

static void put_pass(struct digits *digits, uint64_t rest)
{
    for (int i = 0; i < 9; i++, rest /= 10)
        digits->text[--digits->start] = (char)('0' + rest % 10);
}

/* Two passes at once, the second a limb behind the first: a processor does them side by side. */
static void large(struct digits *digits, struct kb_slice unscaled)
{
    uint32_t limbs[LIMBS_MAX];
    size_t n = to_limbs(unscaled, digits->negative, limbs);
    while (n > 2) { /* so more than 18 digits are left */
        uint64_t rest = 0, rest_behind = 0;
        uint32_t quotient = divide(&rest, limbs[n - 1]);
        for (size_t i = n - 1; i-- > 0;) {
            limbs[i + 1] = divide(&rest_behind, quotient);
            quotient = divide(&rest, limbs[i]);
        }
        limbs[0] = divide(&rest_behind, quotient);
        put_pass(digits, rest);
        put_pass(digits, rest_behind);
        while (n > 0 && limbs[n - 1] == 0)
            n--;
    }
    from_word(digits, (n > 1 ? (uint64_t)limbs[1] << 32 : 0) | (n > 0 ? limbs[0] : 0));
}

static void add_zeros(struct kb_buf *out, size_t n)
{
    while (n-- > 0)
        kb_buf_byte(out, '0');
}

/* 12.340, 0.00012: the last `scale` digits stand behind the point. */
static void add_plain(struct kb_buf *out, struct kb_slice digits, size_t scale)
{
    if (digits.len > scale) {
        kb_buf_add(out, (struct kb_slice){digits.ptr, digits.len - scale});
    } else {
        kb_buf_byte(out, '0');
    }
    if (scale == 0)
        return;
    kb_buf_byte(out, '.');
    size_t behind = digits.len < scale ? digits.len : scale;
    add_zeros(out, scale - behind);
    kb_buf_add(out, (struct kb_slice){digits.ptr + digits.len - behind, behind});
}

/* 1.2E-7 */
static void add_exponent(struct kb_buf *out, struct kb_slice digits, int64_t exponent)
{
    kb_buf_byte(out, digits.ptr[0]);
    if (digits.len > 1) {
        kb_buf_byte(out, '.');
        kb_buf_add(out, (struct kb_slice){digits.ptr + 1, digits.len - 1});
    }
    kb_buf_add(out, exponent < 0 ? KB_S("E") : KB_S("E+"));
    kb_buf_add_i64(out, exponent);
}

bool kb_decimal_add(struct kb_buf *out, struct kb_slice unscaled, int scale)
{
    struct digits digits;
    if (unscaled.len > KB_DECIMAL_BYTES_MAX || scale > KB_DECIMAL_SCALE_MAX ||
        scale < -KB_DECIMAL_SCALE_MAX)
        return false;
    digits.start = DIGITS_MAX;
    digits.negative = unscaled.len > 0 && (unscaled.ptr[0] & 0x80);
    if (unscaled.len <= sizeof(uint64_t))
        small(&digits, unscaled);
    else
        large(&digits, unscaled);
    struct kb_slice text = digits_of(&digits);
    if (digits.negative)
        kb_buf_byte(out, '-');
    int64_t exponent = (int64_t)text.len - 1 - scale;
    if (scale >= 0 && exponent >= -6)
        add_plain(out, text, (size_t)scale);
    else
        add_exponent(out, text, exponent);
    return true;
}
