/* Edit distance over short words. */
#include "base/suggest.h"

#include <string.h>

#include "base/str.h"

enum { LONGEST_WORD = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: inserts, deletes, replacements and swaps of neighbours. */
static size_t distance(const char *a, const char *b)
{
    const size_t la = strlen(a), lb = strlen(b);
    if (la > LONGEST_WORD || lb > LONGEST_WORD)
        return LONGEST_WORD;
    size_t rows[3][LONGEST_WORD + 1];
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *const now = rows[i % 3];
        const size_t *const before = rows[(i - 1) % 3];
        const size_t *const earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            const size_t changed = ascii_lower(a[i - 1]) != ascii_lower(b[j - 1]);
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + changed);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[la % 3][lb];
}

static const char *nearest(const char *word, const char *const *candidates, size_t count,
                           bool *ret_sure)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2;
    *ret_sure = false;
    for (size_t i = 0; i < count; i++) {
        const size_t d = distance(word, candidates[i]);
        if (d == best_distance)
            *ret_sure = false;
        if (d < best_distance) {
            best_distance = d;
            best = candidates[i];
            *ret_sure = true;
        }
    }
    return best;
}

const char *suggest(const char *word, const char *const *candidates, size_t count)
{
    bool sure = false;
    return nearest(word, candidates, count, &sure);
}

const char *suggest_sure(const char *word, const char *const *candidates, size_t count)
{
    bool sure = false;
    const char *const best = nearest(word, candidates, count, &sure);
    return sure ? best : NULL;
}
