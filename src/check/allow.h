/* What a file allows itself: "-- pawl: allow=RULE reason=…". */
#ifndef PAWL_CHECK_ALLOW_H
#define PAWL_CHECK_ALLOW_H

#include "check/base.h"

/* Adds the findings "allow-unknown" and "allow-unused", and makes a note of what a file allows with
 * a reason. The findings are there already; an allow that silences nothing is told of the rules
 * that have been looked at as a whole. */
enum allow_scope {
    ALLOW_OF_CHECK, /* by `pawl check`: not those of check/lint.h, which it asks about what is new
                     */
    ALLOW_OF_LINT,  /* by check/lint.h, each migration alone */
    ALLOW_OF_NONE,
};
bool allow_apply(struct arena *arena, const struct set *set, enum allow_scope scope,
                 struct findings *findings, struct err *err) MUST_CHECK;

/* Makes a note of each finding about a name that was on the base already, as it is probably
 * applied. */
bool allow_known_names(struct arena *arena, const struct set *set, const struct base *base,
                       struct findings *findings, struct err *err) MUST_CHECK;

#endif
