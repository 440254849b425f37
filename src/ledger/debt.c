/* A fold over the rows that end a deploy. */
#include "ledger/debt.h"

#include <string.h>

#include "ledger/detail.h"

const struct debt *debt_find(const struct debts *debts, const char *what)
{
    for (size_t i = 0; i < debts->count; i++)
        if (strcmp(debts->items[i].what, what) == 0)
            return &debts->items[i];
    return NULL;
}

/* What stays in the list keeps its age. */
static bool replace(struct arena *arena, const json_t *names, int64_t at_us, struct debts *debts,
                    struct err *err)
{
    struct debts after = {0};
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *const what = json_string_value(json_array_get(names, i));
        if (what == NULL)
            continue; /* a later form */
        const struct debt *const known = debt_find(debts, what);
        struct debt *const added = arena_push(arena, &after);
        if (added == NULL)
            return err_nomem(err);
        *added = known != NULL ? *known : (struct debt){arena_strdup(arena, what), at_us};
        if (added->what == NULL)
            return err_nomem(err);
    }
    *debts = after;
    return true;
}

bool debt_read(struct arena *arena, const struct journal *journal, struct debts *ret,
               struct err *err)
{
    *ret = (struct debts){0};
    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_row *const row = &journal->items[i];
        CLEANUP(json_release) json_t *detail = NULL;
        if (row->event != EVENT_END && row->event != EVENT_STOPPED && row->event != EVENT_FAILED)
            continue;
        if (!detail_load(row->detail, &detail))
            return err_nomem(err);
        const json_t *const names = json_object_get(detail, "debt");
        if (json_is_array(names) && !replace(arena, names, row->at_us, ret, err))
            return false;
    }
    return true;
}
