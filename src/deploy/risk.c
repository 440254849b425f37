/* Risk as the files say it, what contracts and what changes rows, and what was not asked. */
#include "deploy/risk.h"

bool risk_of(const struct plan_item *item)
{
    const struct migration *const m = item->migration;
    if (item->recognised || m->empty)
        return false;
    return m->phase == PHASE_CONTRACT || m->kind == KIND_DATA || m->kind == KIND_BACKFILL ||
           item->unprobed;
}

const struct plan_item *risk_first(const struct plan *plan)
{
    for (size_t i = 0; i < plan->items.count; i++)
        if (risk_of(&plan->items.items[i]))
            return &plan->items.items[i];
    return NULL;
}
