/* pawl_status(). */
#include "api/handle.h"
#include "ledger/look.h"

static enum pawl_state public_state(enum look_state state)
{
    static const enum pawl_state states[] = {
        [LOOK_PENDING] = PAWL_STATE_PENDING,
        [LOOK_APPLIED] = PAWL_STATE_APPLIED,
        [LOOK_ADOPTED] = PAWL_STATE_ADOPTED,
        [LOOK_RENAMED] = PAWL_STATE_RENAMED,
        [LOOK_EDITED] = PAWL_STATE_EDITED,
        [LOOK_DOUBTFUL] = PAWL_STATE_DOUBTFUL,
        [LOOK_CHANGED] = PAWL_STATE_CHANGED,
        [LOOK_OUT_OF_ORDER] = PAWL_STATE_OUT_OF_ORDER,
        [LOOK_PARTIAL] = PAWL_STATE_PARTIAL,
        [LOOK_NOT_IN_SET] = PAWL_STATE_NOT_IN_SET,
        [LOOK_RECOGNISED] = PAWL_STATE_RECOGNISED,
        [LOOK_SPLIT] = PAWL_STATE_SPLIT,
        [LOOK_HELD] = PAWL_STATE_HELD,
    };
    return states[state];
}

static bool list(struct pawl *pawl, const struct set *set, const struct look *look,
                 struct migration_list *ret, struct err *err)
{
    const struct comparison *const c = &look->comparison;
    for (size_t i = 0; i < c->count; i++)
        if (migration_list_add(&pawl->call, ret, public_state(look_state(look, &c->items[i])),
                               c->items[i].migration, c->items[i].applied) == NULL)
            return err_nomem(err);
    for (size_t i = 0; i < set->odd.count; i++)
        if (migration_list_add(&pawl->call, ret, PAWL_STATE_BAD_NAME, &set->odd.items[i], NULL) ==
            NULL)
            return err_nomem(err);
    for (size_t i = 0; i < c->missing.count; i++)
        if (migration_list_add(&pawl->call, ret, PAWL_STATE_NOT_IN_SET, NULL,
                               c->missing.items[i]) == NULL)
            return err_nomem(err);
    return true;
}

static bool read_status(struct pawl *pawl, const struct pawl_status_result **ret, struct err *err)
{
    /* The set, and what the look points into it, live as long as the result does. */
    struct set *const set = arena_alloc(&pawl->call, sizeof *set);
    struct pawl_status_result *const result = arena_alloc(&pawl->call, sizeof *result);
    struct ledger_options target;
    struct look look;
    struct migration_list migrations = {0};
    CLEANUP(close_ledger) struct ledger ledger = {0};
    if (set == NULL || result == NULL)
        return err_nomem(err);
    if (!handle_load(pawl, set, err) || !set_demand_scheme(&pawl->findings, err) ||
        !handle_connect(pawl, false, &target, &ledger, err) ||
        !look_read(&ledger, &pawl->call, &look, err) ||
        !look_compare(&pawl->call, set, &pawl->findings, &look, err) ||
        !list(pawl, set, &look, &migrations, err))
        return false;
    *result = (struct pawl_status_result){
        .ledger = look.exists,
        .chain_whole = look.whole,
        .broken = look.broken,
        .head = look.head,
        .applied = look.state.versioned,
        .pending = look.comparison.pending - look.comparison.held + look.comparison.changed,
        .missing = look.comparison.missing.count,
        .bad_names = set->odd.count,
        .migrations = migrations.items,
        .migration_count = migrations.count,
        .held = look.comparison.held,
    };
    *ret = result;
    return true;
}

enum pawl_code pawl_status(struct pawl *pawl, const struct pawl_status_result **ret)
{
    enum pawl_code code;
    const struct pawl_status_result *result = NULL;
    if (ret != NULL)
        *ret = NULL;
    if (!call_begin(pawl, &code))
        return code;
    const bool ok = read_status(pawl, &result, &pawl->err);
    if (ret != NULL)
        *ret = result;
    return call_end(pawl, ok);
}
