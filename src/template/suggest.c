/* Nearest word by edit distance. Called at load only, by the template parser and by whoever reads
 * names. */
#include "template/suggest.h"

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

/* Levenshtein's distance, one row of the matrix at a time. Both words are at most WORD_MAX long. */
static size_t distance(struct kb_slice a, struct kb_slice b)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t change = fold(a.ptr[i - 1]) != fold(b.ptr[j - 1]);
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + change);
            diagonal = above;
        }
    }
    return row[b.len];
}

const char *kb_suggest(struct kb_slice word, const char *const *known, size_t n_known)
{
    if (word.len == 0 || word.len > WORD_MAX)
        return NULL;
    size_t nearest = word.len <= 3 ? 2 : 3; /* it must be below */
    const char *best = NULL;
    for (size_t i = 0; i < n_known; i++) {
        struct kb_slice name = kb_slice_of(known[i]);
        if (name.len > WORD_MAX)
            continue;
        size_t d = distance(word, name);
        if (d < nearest && d < name.len) {
            nearest = d;
            best = known[i];
        }
    }
    return best;
}
