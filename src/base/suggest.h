/* "did you mean": the known word nearest to a mistyped one.
 *
 *     kb_suggest(KB_S("lowr"), names, n)      ->  "lower"; NULL where nothing is near
 *
 * Letters' case doesn't count, two neighbours that changed places count once. A word of up to three
 * letters may be wrong in one place, a longer one in two. Thread: any, no state. */
#ifndef KB_BASE_SUGGEST_H
#define KB_BASE_SUGGEST_H

#include "base/slice.h"

/* How many letters are wrong, missing, too many or swapped with their neighbour, of words of at
 * most 64 bytes; SIZE_MAX where one is longer. */
size_t kb_suggest_distance(struct kb_slice a, struct kb_slice b);

const char *kb_suggest(struct kb_slice word, const char *const *known, size_t n_known);

/* The end of an error text: "; did you mean "lower"?", nothing where `near` is NULL.
 *
 *     kb_err_config(err, "unknown filter" KB_NEAR_FMT, KB_NEAR(near));
 */
#define KB_NEAR_FMT "%s%s%s"
#define KB_NEAR(near) (near) ? "; did you mean \"" : "", (near) ? (near) : "", (near) ? "\"?" : ""

#endif
