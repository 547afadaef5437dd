/* Nearest word by edit distance. Called at load only, by whoever reads names that people
 * type. */
#include "base/suggest.h"

#include <stdint.h>

#define WORD_MAX 64

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* cost[i][j] is the distance of the first i letters of `a` to the first j of `b`. */
size_t kb_suggest_distance(struct kb_slice a, struct kb_slice b)
{
    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return SIZE_MAX;
    size_t cost[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= a.len; i++) {
        for (size_t j = 0; j <= b.len; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t wrong = fold(a.ptr[i - 1]) != fold(b.ptr[j - 1]);
            cost[i][j] = min3(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + wrong);
            bool swapped = i > 1 && j > 1 && fold(a.ptr[i - 1]) == fold(b.ptr[j - 2]) &&
                           fold(a.ptr[i - 2]) == fold(b.ptr[j - 1]);
            if (swapped && cost[i - 2][j - 2] + 1 < cost[i][j])
                cost[i][j] = cost[i - 2][j - 2] + 1;
        }
    }
    return cost[a.len][b.len];
}

const char *kb_suggest(struct kb_slice word, const char *const *known, size_t n_known)
{
    if (word.len == 0)
        return NULL;
    size_t nearest = word.len <= 3 ? 2 : 3; /* it must be below */
    const char *best = NULL;
    for (size_t i = 0; i < n_known; i++) {
        struct kb_slice name = kb_slice_of(known[i]);
        size_t d = kb_suggest_distance(word, name);
        if (d < nearest && d < name.len) {
            nearest = d;
            best = known[i];
        }
    }
    return best;
}
