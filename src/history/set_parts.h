/* What set.c does for set_load.c. */
#ifndef PAWL_HISTORY_SET_PARTS_H
#define PAWL_HISTORY_SET_PARTS_H

#include "history/set.h"

/* Sorts the items, counts the versioned ones and seals the set. */
bool set_sort(struct arena *arena, struct set *set, struct err *err) MUST_CHECK;

/* Takes files into the set whose own head allows, with a reason, all that is wrong with their
 * names: those findings become notes. */
bool set_admit_allowed(struct arena *arena, struct set *set, struct findings *findings,
                       struct err *err) MUST_CHECK;

/* Adds the findings "duplicate-version", "version-spelling" and "duplicate-id"; the set is
 * sorted. */
void set_check_duplicates(struct arena *arena, const struct set *set, struct findings *findings);

#endif
