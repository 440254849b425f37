/* From a plan to its statements. */
#include "deploy/probe_plan.h"

bool probe_plan(struct arena *arena, struct pg *pg, const struct plan *plan,
                const struct probe_options *options, probe_progress_fn *progress, void *context,
                struct probes *ret, struct err *err)
{
    struct probe_statement *const statements =
        arena_alloc(arena, (plan_statement_count(plan) + 1) * sizeof *statements);
    size_t count = 0;
    if (statements == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        /* What an earlier run has committed is in the catalog already. */
        for (size_t s = plan_first_statement(item);
             !item->recognised && s < item->script.statements.count; s++) {
            const struct statement *const one = &item->script.statements.items[s].statement;
            statements[count++] =
                (struct probe_statement){item->migration, one->text, one->line, one->column};
        }
    }
    return probe_read(arena, pg, options, statements, count, ret, err) &&
           probe_ask(arena, pg, options, ret, progress, context, err);
}
