/* Findings about time, weighed with the target's own sizes. */
#include <inttypes.h>
#include <string.h>

#include "check/cost.h"
#include "check/rules.h"

/* Nobody calls it an outage when others wait that long, at most. */
enum { MOMENT_MS = 100 };

static bool is_before(int line, int column, const struct finding *finding)
{
    return line < finding->line || (line == finding->line && column <= finding->column);
}

/* The statement that the finding's place lies in; NULL when it is about none. */
static const struct cost_statement *statement_of(const struct cost_statement *statements,
                                                 size_t count, const struct finding *finding)
{
    const struct cost_statement *found = NULL;
    for (size_t i = 0; finding->file != NULL && i < count; i++)
        if (strcmp(statements[i].migration->path, finding->file) == 0 &&
            is_before(statements[i].line, statements[i].column, finding))
            found = &statements[i];
    return found;
}

/* How large what it works on is, where all of that is known and takes a moment; -1 where not. */
static int64_t rows_of_a_moment(const struct cost_statement *one)
{
    int64_t rows = 0;
    for (size_t i = 0; i < one->costs.count; i++) {
        const struct cost *const cost = &one->costs.items[i];
        if (cost->relation.rows < 0 || cost->high_ms < 0 || cost->high_ms >= MOMENT_MS)
            return -1;
        if (cost->lock->effect != EFFECT_CATALOG)
            rows += cost->relation.rows;
    }
    return one->facts.unknown == NULL && one->costs.count > 0 ? rows : -1;
}

void cost_weigh(struct arena *arena, const struct cost_statement *statements, size_t count,
                struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *const finding = &findings->items[i];
        const struct rule *const rule = rule_find(finding->rule);
        if (rule == NULL || !rule->grows || finding->severity == SEVERITY_NOTE)
            continue;
        const struct cost_statement *const one = statement_of(statements, count, finding);
        const int64_t rows = one != NULL ? rows_of_a_moment(one) : -1;
        if (rows < 0)
            continue;
        finding->what = arena_printf(arena, "%s (a moment: it works on %" PRId64 " %s)",
                                     finding->what, rows, rows == 1 ? "row" : "rows");
        finding->severity = SEVERITY_NOTE;
        findings->failed = findings->failed || finding->what == NULL;
        finding->what = finding->what != NULL ? finding->what : "";
    }
}
