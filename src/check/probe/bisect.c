/* The rows that an expression fails on: found by halving the table, as an error names none. */
#include <stdlib.h>
#include <string.h>

#include "check/probe/asking.h"

enum { BISECT_QUERIES = 400, TID_RANGE_VERSION = 140000 };

struct bisecting {
    const struct asking *asking;
    struct probe *probe;
    int queries;
    bool failed; /* other than by a value */
};

/* Time limits, and what a standby has to cancel. */
static bool says_nothing_of_rows(const char *sqlstate)
{
    return strncmp(sqlstate, "57", 2) == 0 || strncmp(sqlstate, "40", 2) == 0;
}

/* Whether the expression fails within these; savepoints keep the transaction. */
static bool fails_within(struct bisecting *b, const char *where)
{
    const struct asking *const a = b->asking;
    CLEANUP(err_release) struct err here = {0};
    const char *const sql = arena_printf(a->arena, "SELECT pg_catalog.count(%s) FROM %s WHERE %s",
                                         b->probe->expression, b->probe->rows, where);
    if (b->failed || b->queries++ >= BISECT_QUERIES || sql == NULL ||
        !pg_exec(a->pg, "SAVEPOINT pawl_probe", &here)) {
        b->failed = true;
        return false;
    }
    if (pg_query(a->pg, a->arena, sql, NULL, 0, NULL, &here)) {
        b->failed = !pg_exec(a->pg, "RELEASE SAVEPOINT pawl_probe", &here);
        return false;
    }
    b->failed = here.code != ERR_FAILED || says_nothing_of_rows(here.sqlstate) ||
                !pg_exec(a->pg, "ROLLBACK TO SAVEPOINT pawl_probe", &here);
    return !b->failed;
}

static void look_at_page(struct bisecting *b, int64_t page)
{
    const struct asking *const a = b->asking;
    CLEANUP(err_release) struct err here = {0};
    struct rows rows = {0};
    const char *const sql = arena_printf(
        a->arena, "SELECT ctid, %s FROM %s WHERE ctid >= '(%lld,0)' AND ctid < '(%lld,0)'",
        b->probe->sample, b->probe->rows, (long long)page, (long long)page + 1);
    if (sql == NULL || !pg_query(a->pg, a->arena, sql, NULL, 0, &rows, &here)) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < rows.count && b->probe->samples.count < a->options->sample_max; i++) {
        const char *const where = arena_printf(a->arena, "ctid = '%s'", rows_get(&rows, i, 0));
        if (where == NULL || !fails_within(b, where))
            continue;
        const char **const sample = arena_push(a->arena, &b->probe->samples);
        if (sample == NULL)
            b->failed = true;
        else
            *sample = rows_get(&rows, i, 1);
    }
}

static void bisect(struct bisecting *b, int64_t first, int64_t end)
{
    const char *const where =
        arena_printf(b->asking->arena, "ctid >= '(%lld,0)' AND ctid < '(%lld,0)'", (long long)first,
                     (long long)end);
    if (b->failed || where == NULL || b->probe->samples.count >= b->asking->options->sample_max ||
        !fails_within(b, where))
        return;
    if (end - first <= 1) {
        look_at_page(b, first);
        return;
    }
    bisect(b, first, first + (end - first) / 2);
    bisect(b, first + (end - first) / 2, end);
}

/* What stands so far is worth having, whatever becomes of the rest. */
void asking_find_rows(const struct asking *a, struct probe *probe)
{
    CLEANUP(err_release) struct err here = {0};
    struct bisecting b = {a, probe, 0, false};
    struct rows rows;
    probe->count = 1;
    if (probe->rows == NULL || pg_server_version(a->pg) < TID_RANGE_VERSION)
        return;
    const char *const table = probe->relation;
    const struct asking quiet = {a->arena, a->pg, a->options, &here, a->standby};
    if (!asking_begin(&quiet) ||
        !pg_query(a->pg, a->arena,
                  "SELECT pg_catalog.pg_relation_size($1::pg_catalog.regclass)"
                  " / pg_catalog.current_setting('block_size')::pg_catalog.int8",
                  &table, 1, &rows, &here))
        return;
    const int64_t pages = strtoll(rows_get(&rows, 0, 0), NULL, 10);
    if (pages > 0)
        bisect(&b, 0, pages);
    if (probe->samples.count > 0)
        probe->count = (int64_t)probe->samples.count;
    probe->exact =
        !b.failed && probe->samples.count > 0 && probe->samples.count < a->options->sample_max;
}
