/* A fold over the set's migrations that say which recipe they are of. */
#include "ledger/recipe.h"

#include <string.h>

static struct recipe_debt *find(struct recipe_debts *debts, const struct migration *migration)
{
    for (size_t i = 0; i < debts->count; i++)
        if (strcmp(debts->items[i].id, migration->recipe.id) == 0 &&
            strcmp(debts->items[i].name, migration->recipe.name) == 0)
            return &debts->items[i];
    return NULL;
}

static void take_in(struct recipe_debt *debt, const struct match *match, bool *last_done)
{
    const struct migration *const migration = match->migration;
    if (match->applied == NULL) {
        if (debt->next == NULL)
            debt->next = migration->id;
        return;
    }
    debt->done++;
    if (debt->since_us == 0 || match->applied->at_us < debt->since_us)
        debt->since_us = match->applied->at_us;
    if (migration->recipe.step == migration->recipe.steps)
        *last_done = true;
}

/* Begun, and something is left of it. */
static bool is_debt(const struct recipe_debt *debt, bool last_done)
{
    return debt->done > 0 && (debt->next != NULL || !last_done);
}

bool recipe_debts_read(struct arena *arena, const struct comparison *comparison,
                       struct recipe_debts *ret, struct err *err)
{
    struct recipe_debts seen = {0};
    *ret = (struct recipe_debts){0};
    for (size_t i = 0; i < comparison->count; i++) {
        const struct migration *const first = comparison->items[i].migration;
        bool last_done = false;
        if (first->recipe.name == NULL || find(&seen, first) != NULL)
            continue;
        struct recipe_debt *const debt = arena_push(arena, &seen);
        if (debt == NULL)
            return err_nomem(err);
        *debt = (struct recipe_debt){
            .name = first->recipe.name, .id = first->recipe.id, .steps = first->recipe.steps};
        for (size_t k = i; k < comparison->count; k++)
            if (comparison->items[k].migration->recipe.name != NULL &&
                find(&seen, comparison->items[k].migration) == debt)
                take_in(debt, &comparison->items[k], &last_done);
        if (!is_debt(debt, last_done))
            continue;
        struct recipe_debt *const kept = arena_push(arena, ret);
        if (kept == NULL)
            return err_nomem(err);
        *kept = *debt;
    }
    return true;
}
