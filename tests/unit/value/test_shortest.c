/* The fewest digits against the C library: they read back, fewer would not, and of as many the C
 * library has none nearer. */
#include "value/shortest.h"

#include "support/prop.h"

#include <math.h>
#include <string.h>

#define TRIES 100000

static double double_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static float float_of(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static int length_of(uint64_t digits)
{
    int length = 0;
    while (digits % 10 == 0)
        digits /= 10;
    for (; digits; digits /= 10)
        length++;
    return length;
}

/* What `%.*e` makes of the number with as few digits as read back. */
static int fewest(char text[40], double number, bool is_float)
{
    for (int length = 1;; length++) {
        snprintf(text, 40, "%.*e", length - 1, number);
        if (is_float ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number)
            return length;
    }
}

static void check(struct kb_shortest got, double number, bool is_float)
{
    char ours[40], theirs[40], again[40];
    snprintf(ours, sizeof(ours), "%llue%d", (unsigned long long)got.digits, got.exponent);
    bool back = is_float ? strtof(ours, NULL) == (float)number : strtod(ours, NULL) == number;
    int length = fewest(theirs, number, is_float);
    if (!back || length_of(got.digits) > length)
        fail_msg("%.17g became %s; the C library has %s", number, ours, theirs);
    snprintf(again, sizeof(again), "%.*e", length - 1, strtod(ours, NULL));
    if (length_of(got.digits) == length && strcmp(again, theirs) != 0)
        fail_msg("%.17g became %s; nearer is %s", number, ours, theirs);
}

/* Every exponent: the least number that has it, whose neighbours are not equally far, and any. */
static void test_doubles(void **state)
{
    (void)state;
    struct kb_random *random = prop_seed();
    for (uint64_t exponent = 0; exponent < 0x7ff; exponent++) {
        uint64_t least = exponent << 52;
        if (least > 0)
            check(kb_shortest_double(double_of(least)), double_of(least), false);
        check(kb_shortest_double(double_of(least + 1)), double_of(least + 1), false);
        for (int i = 0; i < 40; i++) {
            double number = double_of(least | random->next(random) >> 12);
            if (number > 0)
                check(kb_shortest_double(number), number, false);
        }
    }
}

static void test_floats(void **state)
{
    (void)state;
    struct kb_random *random = prop_seed();
    for (uint32_t exponent = 0; exponent < 0xff; exponent++) {
        uint32_t least = exponent << 23;
        if (least > 0)
            check(kb_shortest_float(float_of(least)), (double)float_of(least), true);
        check(kb_shortest_float(float_of(least + 1)), (double)float_of(least + 1), true);
        for (int i = 0; i < 200; i++) {
            float number = float_of(least | (uint32_t)(random->next(random) >> 41));
            if (number > 0)
                check(kb_shortest_float(number), (double)number, true);
        }
    }
}

static void test_decimals_stay_what_they_are(void **state)
{
    (void)state;
    prop_seed();
    for (int i = 0; i < TRIES; i++) {
        uint64_t digits = prop_below(1000000000) + 1;
        int places = (int)prop_below(20);
        char text[40];
        snprintf(text, sizeof(text), "%llue-%d", (unsigned long long)digits, places);
        struct kb_shortest got = kb_shortest_double(strtod(text, NULL));
        for (; got.digits % 10 == 0; got.digits /= 10)
            got.exponent++;
        for (; digits % 10 == 0; digits /= 10)
            places--;
        assert_true(got.digits == digits && got.exponent == -places);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_decimals_stay_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
