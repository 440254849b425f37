/*
 * Squashes: a file that says "-- pawl: replaces=FIRST..LAST" stands for these migrations, which are
 * gone from the folder. What they were is known from the lines of pawl.sum.
 *
 * To everything that asks what must be in place, a squash is what it replaces: the set's digest
 * covers those, and not the squash. Its own text matters only where none of them was applied.
 */
#ifndef PAWL_HISTORY_SQUASH_H
#define PAWL_HISTORY_SQUASH_H

#include "history/set.h"

/*
 * Fills set->replaced from the lines of the folder's pawl.sum and marks the squashes that have
 * some. What is wrong is a finding: "squash-range" (the ends, an overlap, a migration between the
 * squash and its range), "squash-files" (a replaced file is still there), "squash-lines" (pawl.sum
 * says nothing of the range). Errors: pawl.sum cannot be read.
 */
bool squash_load(struct arena *arena, struct set *set, struct findings *findings,
                 struct err *err) MUST_CHECK;

/* By its name alone: true when a migration of this name lies in the range that the squash gives.
 * False for a migration that is no squash. */
bool squash_covers(struct arena *arena, const struct migration *squash, const char *version,
                   const char *id, bool *ret, struct err *err) MUST_CHECK;

/* Files of a set, one after the other. */
struct squash_range {
    const struct migration *items;
    size_t count;
};

/* The range "FIRST..LAST" of ids or versions, of which each must be a file of the set. Errors:
 * ERR_USAGE. */
bool squash_find(struct arena *arena, const struct set *set, const char *text,
                 struct squash_range *ret, struct err *err) MUST_CHECK;

/* The text of a squash of these: its head, and what each of them does, in order. */
bool squash_write(const struct set *set, const struct squash_range *range,
                  struct str *out) MUST_CHECK;

#endif
