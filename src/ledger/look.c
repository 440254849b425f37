/* Journal, chain, state and comparison, in this order. */
#include "ledger/look.h"

#include <inttypes.h>

static bool check_chain(struct arena *arena, struct look *look, struct err *err)
{
    struct journal_break broken;
    CLEANUP(err_release) struct err chain = {0};
    look->whole = true;
    if (!look->exists)
        return true;
    look->head =
        arena_printf(arena, "%" PRId64 ":%s", look->journal.head.seq, look->journal.head.hash);
    if (look->head == NULL)
        return err_nomem(err);
    if (journal_verify(&look->journal, &broken, &chain))
        return true;
    if (chain.code == ERR_NOMEM)
        return err_nomem(err);
    look->whole = false;
    look->broken = arena_strdup(arena, chain.message != NULL ? chain.message : "");
    return look->broken != NULL || err_nomem(err);
}

bool look_read(struct ledger *ledger, struct arena *arena, struct look *ret, struct err *err)
{
    *ret = (struct look){0};
    if (!ledger_read(ledger, arena, &ret->journal, err))
        return false;
    ret->exists = ledger->exists;
    return check_chain(arena, ret, err) && state_build(arena, &ret->journal, &ret->state, err);
}

bool look_compare(struct arena *arena, struct set *set, struct findings *findings,
                  struct look *look, struct err *err)
{
    return state_admit_odd(arena, &look->state, set, findings, err) &&
           match_set(arena, set, &look->state, &look->comparison, err);
}

enum look_state look_state(const struct look *look, const struct match *match)
{
    static const enum look_state states[] = {
        [MATCH_PENDING] = LOOK_PENDING,       [MATCH_APPLIED] = LOOK_APPLIED,
        [MATCH_RENAMED] = LOOK_RENAMED,       [MATCH_EDITED] = LOOK_EDITED,
        [MATCH_DOUBTFUL] = LOOK_DOUBTFUL,     [MATCH_CHANGED] = LOOK_CHANGED,
        [MATCH_RECOGNISED] = LOOK_RECOGNISED, [MATCH_SPLIT] = LOOK_SPLIT,
    };
    if (match->out_of_order)
        return LOOK_OUT_OF_ORDER;
    if (match->kind == MATCH_PENDING && state_partial(&look->state, match->migration->id) != NULL)
        return LOOK_PARTIAL;
    if (match->held)
        return LOOK_HELD;
    if (match->kind == MATCH_APPLIED && match->applied->adopted)
        return LOOK_ADOPTED;
    return states[match->kind];
}
