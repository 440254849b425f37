/* "Did you mean": the nearest of some words. */
#ifndef PAWL_BASE_SUGGEST_H
#define PAWL_BASE_SUGGEST_H

#include <stddef.h>

/* The candidate nearest to word by edit distance (a swap of neighbours counts one), NULL when none
 * is within a third of its length. */
const char *suggest(const char *word, const char *const *candidates, size_t count);

/* The same, but NULL when another one is as near. */
const char *suggest_sure(const char *word, const char *const *candidates, size_t count);

#endif
