/*
 * Contract migrations, and the live releases that they wait for.
 *
 * Before each plan runs, whoever lives is looked at: a contract migration that a live release does
 * not carry is held, and what may touch the same objects behind it is refused. One that is not held
 * is journalled as closing, so that hello() keeps newcomers back, and the look is repeated.
 */
#ifndef PAWL_DEPLOY_HOLD_H
#define PAWL_DEPLOY_HOLD_H

#include <stdbool.h>

#include "base/err.h"

struct run;
struct plan_item;

/* Moves what is held from the plan's items to plan.held; "held-order" findings. */
bool hold_look(struct run *run, struct err *err) MUST_CHECK;

/* The release whose set this is: the one named, or the last one where it is that set; NULL. */
bool hold_newest(const struct run *run, const char **ret, struct err *err) MUST_CHECK;

/* Something is held and no row says so yet. */
bool hold_is_new(const struct run *run);
/* Appends these rows. */
bool hold_record(struct run *run, struct err *err) MUST_CHECK;

/* Before a migration runs. *ret_reopened: a release came meanwhile, and it must not run. */
bool hold_close(struct run *run, const struct plan_item *item, bool *ret_reopened,
                struct err *err) MUST_CHECK;

#endif
