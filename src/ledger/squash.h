/*
 * Squashes in the identity rule: what a squash replaces is matched with the ledger as if its files
 * were still there, and what became of those says what the squash is (docs/squash.md).
 */
#ifndef PAWL_LEDGER_SQUASH_H
#define PAWL_LEDGER_SQUASH_H

#include "ledger/detail.h"
#include "ledger/match.h"

/* The set with what its squashes replace in front of each. The set itself where it has none. */
bool squash_unfold(struct arena *arena, const struct set *set, struct set *ret,
                   struct err *err) MUST_CHECK;

/* Takes the replaced ones out of the items again, into ret->squashes, and gives each squash that is
 * pending its kind. False when memory is out. */
bool squash_fold(struct arena *arena, const struct set *set, struct comparison *ret) MUST_CHECK;

/* True for an applied squash all of whose replaced migrations the set has: older code that carries
 * the same under the names of before. */
bool squash_is_carried(const struct set *set, const struct applied *applied);

/* What a replaced migration's match says. */
bool squash_in_place(const struct match *replaced);

/* Adds to the detail of an applied or adopted row what says that the migration is a squash, or came
 * with one; nothing for any other. False when memory is out. */
bool squash_describe(const struct set *set, const struct migration *migration,
                     json_t *detail) MUST_CHECK;

#endif
