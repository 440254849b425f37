/* Findings about time and rows, weighed with the target's own sizes. */
#include <inttypes.h>
#include <string.h>

#include "check/cost.h"
#include "check/rules.h"

/* Nobody calls it an outage when others wait that long, at most; and a table of that size is gone
 * over in less. */
enum { MOMENT_MS = 100, FEW_ROWS_BYTES = 1 << 20 };

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

/* Rows that are changed are gone over at once where they are few, unless others are read for it. */
static bool is_of_few_rows(const struct cost_statement *one, const struct relation *relation)
{
    for (size_t i = 0; i < one->facts.locks.count; i++)
        if (one->facts.locks.items[i].mode < LOCK_ROW_EXCLUSIVE)
            return false;
    return relation->bytes >= 0 && relation->bytes <= FEW_ROWS_BYTES;
}

static bool takes_a_moment(const struct cost_statement *one, const struct cost *cost)
{
    if (cost->lock->effect == EFFECT_ROWS)
        return is_of_few_rows(one, &cost->relation);
    return cost->high_ms >= 0 && cost->high_ms < MOMENT_MS;
}

/* Where all that it works on is known and takes a moment: how large that is. rows: -1 where it was
 * never counted. */
static bool is_a_moment(const struct cost_statement *one, int64_t *ret_rows, int64_t *ret_bytes)
{
    *ret_rows = *ret_bytes = 0;
    for (size_t i = 0; i < one->costs.count; i++) {
        const struct cost *const cost = &one->costs.items[i];
        if (!takes_a_moment(one, cost))
            return false;
        if (cost->lock->effect == EFFECT_CATALOG)
            continue;
        *ret_bytes += cost->relation.bytes;
        *ret_rows = *ret_rows < 0 || cost->relation.rows < 0 ? -1 : *ret_rows + cost->relation.rows;
    }
    return one->certain && one->costs.count > 0;
}

/* Why it is no more than a note here; NULL: it is more, or memory is out. */
static const char *comfort(struct arena *arena, const struct rule *rule,
                           const struct cost_statement *one, bool *ret_failed)
{
    const char *text = NULL;
    int64_t rows, bytes;
    if (one->hurts_nobody && rule_can_hurt(rule))
        return "nobody is hurt: there are no rows, and nobody has used it";
    if (!rule->grows || !is_a_moment(one, &rows, &bytes))
        return NULL;
    text = rows >= 0
               ? arena_printf(arena, "a moment: it works on %" PRId64 " %s", rows,
                              rows == 1 ? "row" : "rows")
               : arena_printf(arena, "a moment: it works on %" PRId64 " kB", (bytes + 1023) / 1024);
    *ret_failed = *ret_failed || text == NULL;
    return text;
}

void cost_weigh(struct arena *arena, const struct cost_statement *statements, size_t count,
                struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *const finding = &findings->items[i];
        const struct rule *const rule = rule_find(finding->rule);
        if (rule == NULL || finding->severity == SEVERITY_NOTE)
            continue;
        const struct cost_statement *const one = statement_of(statements, count, finding);
        const char *const why = one != NULL ? comfort(arena, rule, one, &findings->failed) : NULL;
        if (why == NULL)
            continue;
        finding->what = arena_printf(arena, "%s (%s)", finding->what, why);
        finding->severity = SEVERITY_NOTE;
        findings->failed = findings->failed || finding->what == NULL;
        finding->what = finding->what != NULL ? finding->what : "";
    }
}
