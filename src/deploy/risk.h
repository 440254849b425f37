/* Which migrations may cost data that nothing but a backup brings back. */
#ifndef PAWL_DEPLOY_RISK_H
#define PAWL_DEPLOY_RISK_H

#include "deploy/plan.h"

/* One that contracts, or works on rows, or may fail on rows that were not asked. What is only
 * recorded never is. */
bool risk_of(const struct plan_item *item);

/* The first of the plan; NULL when there is none. */
const struct plan_item *risk_first(const struct plan *plan);

#endif
