/* From a plan to its statements. */
#include "deploy/probe_plan.h"

static size_t statements_of(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->items.count; i++)
        count += plan->items.items[i].recognised ? 0 : plan->items.items[i].script.statements.count;
    return count;
}

bool probe_plan(struct arena *arena, struct pg *pg, const struct plan *plan,
                const struct probe_options *options, probe_progress_fn *progress, void *context,
                struct probes *ret, struct err *err)
{
    struct probe_statement *const statements =
        arena_alloc(arena, (statements_of(plan) + 1) * sizeof *statements);
    size_t count = 0;
    if (statements == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        /* What an earlier run has committed is in the catalog already. */
        const size_t first =
            item->first_unit > 0 && (size_t)item->first_unit < item->script.units.count
                ? item->script.units.items[item->first_unit].first
                : 0;
        for (size_t s = first; !item->recognised && s < item->script.statements.count; s++) {
            const struct statement *const one = &item->script.statements.items[s].statement;
            statements[count++] =
                (struct probe_statement){item->migration, one->text, one->line, one->column};
        }
    }
    return probe_read(arena, pg, options, statements, count, ret, err) &&
           probe_ask(arena, pg, options, ret, progress, context, err);
}
