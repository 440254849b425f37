/* Where background backfills run: behind what need not wait for them. */
#ifndef PAWL_DEPLOY_ORDER_H
#define PAWL_DEPLOY_ORDER_H

#include "deploy/plan.h"

/*
 * Moves each background backfill of the plan down: past later migrations, but past no contract
 * migration, no other background backfill, and none that may touch a table of its own.
 */
bool plan_order(enum dialect dialect, struct plan *plan, struct err *err) MUST_CHECK;

/* Whether the one may touch a table that the other, which runs before or after it, touches; true
 * where that is not known. */
bool plan_items_touch(struct arena *arena, enum dialect dialect, const struct plan_item *one,
                      const struct plan_item *other, bool *ret, struct err *err) MUST_CHECK;

#endif
