/* A JSON number is compared with the float that Lua made of it, to the last digit: whoever writes
 * the records chooses its exponent. */
#include "script/big_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *text;
    double number;
    bool same;
} rows[] = {
    {"1.5", 1.5, true},
    {"150e-2", 1.5, true},
    {"0.015e2", 1.5, true},
    {"-1.5", 1.5, false},
    {"1e300", 1e300, true},
    {"0.1", 0.1, true},
    {"0.10000000000000001", 0.1, false},
    {"0.01e-99999999999999999999", 0, false},
    {"0.0e-99999999999999999999", 0, true},
    {"12.0e99999999999999999999", 12, false},
    {"-1.0e+99999999999999999999", -1, false},
    {"1e-9223372036854775808", 0, false},
    {"10e9223372036854775807", 10, false},
};

static void decimals_are_compared_to_the_last_digit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kb_is_same_decimal(kb_slice_of(rows[i].text), rows[i].number) != rows[i].same)
            fail_msg("%s and %g", rows[i].text, rows[i].number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_compared_to_the_last_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
