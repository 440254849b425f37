/* What a file allows itself: "-- pawl: allow=RULE reason=…". */
#ifndef PAWL_CHECK_ALLOW_H
#define PAWL_CHECK_ALLOW_H

#include "check/base.h"

/* Adds the findings "allow-unknown" and "allow-unused", and makes a note of what a file allows with
 * a reason. All other findings are there already. linted: also those of check/lint.h, of each
 * migration alone, so that an allow of one of its rules that silences nothing is not needed. */
bool allow_apply(struct arena *arena, const struct set *set, bool linted, struct findings *findings,
                 struct err *err) MUST_CHECK;

/* Makes a note of each finding about a name that was on the base already, as it is probably
 * applied. */
bool allow_known_names(struct arena *arena, const struct set *set, const struct base *base,
                       struct findings *findings, struct err *err) MUST_CHECK;

#endif
