/* Floating-point numbers as the fewest decimal digits that read back the same (Raffaello
 * Giulietti's Schubfach): exact, without printf, and therefore without a locale.
 *
 *     struct kb_shortest d = kb_shortest_double(0.1);        // digits 1, exponent -1: 1 * 10^-1
 *
 * Of several such texts of the same length the nearest one. For positive finite numbers but 0.
 * Thread: any; a table is made by the first that needs it. */
#ifndef KB_VALUE_SHORTEST_H
#define KB_VALUE_SHORTEST_H

#include <stdbool.h>
#include <stdint.h>

struct kb_shortest {
    uint64_t digits; /* may end in zeros; 17 digits at most */
    int exponent;
};

struct kb_shortest kb_shortest_double(double number);
struct kb_shortest kb_shortest_float(float number);

#endif
