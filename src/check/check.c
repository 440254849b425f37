/* The review as a whole. */
#include "check/check.h"

#include <string.h>

#include "check/allow.h"
#include "check/lint.h"
#include "check/place.h"
#include "history/sum.h"
#include "sql/split.h"

/* ---- statements ---- */

static bool report_statement(struct arena *arena, const struct migration *migration,
                             const struct err *refusal, struct findings *findings, struct err *err)
{
    struct finding finding = {.rule = "statement",
                              .severity = SEVERITY_ERROR,
                              .file = migration->path,
                              .line = refusal->line,
                              .column = refusal->column,
                              .what = refusal->message,
                              .fix = refusal->hint};
    if (finding.what == NULL)
        return err_nomem(err);
    if (finding.line > 0)
        place_in_file(migration, &finding.line, &finding.column);
    finding_add(arena, findings, &finding);
    return true;
}

static bool check_statements(struct arena *arena, enum dialect dialect,
                             const struct migration *migration, struct findings *findings,
                             struct err *err)
{
    CLEANUP(err_release) struct err refusal = {0};
    CLEANUP(arena_release) struct arena scratch = {0};
    struct statements statements = {0};
    if (sql_split(&scratch, dialect, migration->text + migration->forward_offset,
                  migration->forward_len, &statements, &refusal))
        return true;
    if (refusal.code != ERR_REFUSED)
        return err_nomem(err);
    return report_statement(arena, migration, &refusal, findings, err);
}

static bool check_all_statements(struct arena *arena, const struct set *set,
                                 struct findings *findings, struct err *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (!check_statements(arena, set->dialect, &set->items[i], findings, err))
            return false;
    for (size_t i = 0; i < set->odd.count; i++)
        if (!check_statements(arena, set->dialect, &set->odd.items[i], findings, err))
            return false;
    return true;
}

/* ---- the base ---- */

static bool has_rule(const struct findings *findings, const char *rule)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].rule, rule) == 0)
            return true;
    return false;
}

static bool check_base(struct arena *arena, const struct set *set,
                       const struct check_options *options, struct base *base,
                       struct findings *findings, struct err *err)
{
    if (options->base == NULL)
        return true;
    if (!base_load(arena, options->files, options->base, base, err))
        return false;
    /* Names that are read by the wrong scheme compare with nothing. */
    if (has_rule(findings, "naming-scheme"))
        return true;
    return allow_known_names(arena, set, base, findings, err) &&
           base_compare(arena, base, set, options->out_of_order_applies, findings, err);
}

/* ---- what statements do ---- */

/* What the base has is past mending; without a base nobody knows what is new, and the set is what
 * an empty database would get. */
static bool check_acts(struct arena *arena, const struct set *set, const struct base *base,
                       struct findings *findings, struct err *err)
{
    const struct lint_options options = {.dialect = set->dialect};
    const struct migration **const new = arena_alloc(arena, (set->count + 1) * sizeof *new);
    size_t count = 0;
    if (new == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < set->count; i++)
        if (base->ref == NULL || !base_has(base, set->items[i].id))
            new[count++] = &set->items[i];
    return lint_run(arena, &options, new, count, findings, err);
}

bool check_run(struct arena *arena, const struct set *set, const struct check_options *options,
               struct base *ret_base, struct findings *findings, struct err *err)
{
    if (!set_check_future(arena, set, options->now_epoch_s, findings, err) ||
        !sum_check(arena, set, options->sum_path, findings, err) ||
        !check_all_statements(arena, set, findings, err) ||
        !check_base(arena, set, options, ret_base, findings, err) ||
        !check_acts(arena, set, ret_base, findings, err) ||
        !allow_apply(arena, set, ALLOW_OF_CHECK, findings, err))
        return false;
    return findings_sort(arena, findings) || err_nomem(err);
}
