/* The review as a whole. */
#include "check/check.h"

#include <string.h>

#include "check/allow.h"
#include "history/sum.h"
#include "sql/split.h"

/* ---- statements ---- */

/* The splitter counts from the forward part's first byte, people from the file's. */
static void to_file_position(const struct migration *migration, int *line, int *column)
{
    int start_line = 1, start_column = 1;
    sql_position(migration->text, migration->forward_offset, &start_line, &start_column);
    if (*line == 1)
        *column += start_column - 1;
    *line += start_line - 1;
}

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
        to_file_position(migration, &finding.line, &finding.column);
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

/* ---- order ---- */

struct placed {
    struct finding finding;
    size_t index;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *const x = a, *const y = b;
    const char *const file_x = x->finding.file != NULL ? x->finding.file : "";
    const char *const file_y = y->finding.file != NULL ? y->finding.file : "";
    const int order = strcmp(file_x, file_y);
    if (order != 0)
        return order;
    if (x->finding.line != y->finding.line)
        return x->finding.line < y->finding.line ? -1 : 1;
    if (x->finding.column != y->finding.column)
        return x->finding.column < y->finding.column ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool sort_findings(struct arena *arena, struct findings *findings, struct err *err)
{
    const size_t count = findings->count;
    struct placed *const placed = arena_alloc(arena, (count + 1) * sizeof *placed);
    if (placed == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        placed[i] = (struct placed){findings->items[i], i};
    if (count > 1)
        qsort(placed, count, sizeof *placed, compare_placed);
    for (size_t i = 0; i < count; i++)
        findings->items[i] = placed[i].finding;
    return true;
}

bool check_run(struct arena *arena, const struct set *set, const struct check_options *options,
               struct base *ret_base, struct findings *findings, struct err *err)
{
    if (!set_check_future(arena, set, options->now_epoch_s, findings, err) ||
        !sum_check(arena, set, options->sum_path, findings, err) ||
        !check_all_statements(arena, set, findings, err) ||
        !check_base(arena, set, options, ret_base, findings, err) ||
        !allow_apply(arena, set, findings, err))
        return false;
    if (findings->failed)
        return err_nomem(err);
    return sort_findings(arena, findings, err);
}
