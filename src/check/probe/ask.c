/* Running the queries, each read-only, bounded, and in a transaction of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check/probe/asking.h"
#include "db/sqlstate.h"

/* ---- one transaction ---- */

/* cursor_tuple_fraction: the plan is for all rows, as there will mostly be none. Memory as the
 * statement itself would have; keys are mostly unique, which a sort takes better than a hash table
 * that does not fit. No workers: the query is a guest. The server notices within a second that
 * nobody waits for it any more.
 * row_security: rows that a policy hides are an error, not an answer. */
bool asking_begin(const struct asking *a)
{
    const char *const path = a->options->search_path;
    const char *const limits[] = {
        arena_printf(a->arena, "%lld", (long long)a->options->timeout_ms),
        arena_printf(a->arena, "%lld", (long long)a->options->lock_timeout_ms),
    };
    if (limits[0] == NULL || limits[1] == NULL)
        return err_nomem(a->err);
    return pg_exec(a->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", a->err) &&
           pg_query(a->pg, a->arena,
                    "SELECT pg_catalog.set_config('statement_timeout', $1, true),"
                    " pg_catalog.set_config('lock_timeout', $2, true),"
                    " pg_catalog.set_config('cursor_tuple_fraction', '1', true),"
                    " pg_catalog.set_config('work_mem',"
                    "  pg_catalog.current_setting('maintenance_work_mem'), true),"
                    " pg_catalog.set_config('enable_hashagg', 'off', true),"
                    " pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),"
                    " pg_catalog.set_config('row_security', 'off', true),"
                    " CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4"
                    "  >= 140000 THEN pg_catalog.set_config('client_connection_check_interval',"
                    "  '1000', true) END",
                    limits, COUNT_OF(limits), NULL, a->err) &&
           (path == NULL ||
            pg_query(a->pg, a->arena, "SELECT pg_catalog.set_config('search_path', $1, true)",
                     &path, 1, NULL, a->err));
}

/* Moves on as far as counting goes, and says how far that was. */
static bool count_on(const struct asking *a, int64_t *ret)
{
    struct pg_answers answers = {0};
    const char *const move =
        arena_printf(a->arena, "MOVE FORWARD %lld IN pawl_probe", (long long)a->options->count_max);
    if (move == NULL)
        return err_nomem(a->err);
    if (!pg_pipeline_begin(a->pg, a->err) || !pg_pipeline_add(a->pg, move, NULL, 0, a->err) ||
        !pg_pipeline_run(a->pg, a->arena, &answers, NULL, NULL, a->err))
        return false;
    *ret = strtoll(answers.items[0].tag + strcspn(answers.items[0].tag, " "), NULL, 10);
    return true;
}

static bool read_rows(const struct asking *a, struct probe *probe)
{
    struct rows rows = {0};
    const char *const declare =
        arena_printf(a->arena, "DECLARE pawl_probe NO SCROLL CURSOR FOR %s", probe->sql);
    const char *const fetch =
        arena_printf(a->arena, "FETCH FORWARD %zu FROM pawl_probe", a->options->sample_max);
    int64_t more = 0;
    if (declare == NULL || fetch == NULL)
        return err_nomem(a->err);
    if (!pg_exec(a->pg, declare, a->err) ||
        !pg_query(a->pg, a->arena, fetch, NULL, 0, &rows, a->err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const char **const sample = arena_push(a->arena, &probe->samples);
        if (sample == NULL)
            return err_nomem(a->err);
        *sample = rows_get(&rows, i, 0) != NULL ? rows_get(&rows, i, 0) : "{}";
    }
    if (rows.count == a->options->sample_max && !count_on(a, &more))
        return false;
    probe->count = (int64_t)rows.count + more;
    probe->exact = more < a->options->count_max;
    return true;
}

static bool run(const struct asking *a, struct probe *probe)
{
    if (probe->evaluates)
        return pg_query(a->pg, a->arena, probe->sql, NULL, 0, NULL, a->err);
    return read_rows(a, probe);
}

/* ---- answers ---- */

/* Errors by the first characters of their SQLSTATE: whether they are about a value, and what is
 * said of those that are not. */
static const struct reaction {
    const char *sqlstate;
    bool of_value;
    const char *why;
} reactions[] = {
    {SQLSTATE_QUERY_CANCELED, false, "it took longer than the time limit for a probe"},
    {SQLSTATE_LOCK_NOT_AVAILABLE, false, "the table is locked by another session"},
    {"42501", false, "this role may not read all its rows"},
    {"40001", false, "the standby had to cancel it: ask again"},
    {"22", true, NULL},
    {"0A", true, NULL},
    {"23", true, NULL},
    {"P0", true, NULL},
    {"21000", true, NULL},
};

static const struct reaction *reaction_to(const char *sqlstate)
{
    for (size_t i = 0; i < COUNT_OF(reactions); i++)
        if (strncmp(sqlstate, reactions[i].sqlstate, strlen(reactions[i].sqlstate)) == 0)
            return &reactions[i];
    return NULL;
}

/* Also what recovery lacks: the rows of unlogged tables. */
static const char NOT_SUPPORTED[] = "0A";

/* The query uses what the statement uses: what fits together in neither is refused by both. */
static bool is_answer(const struct asking *a, const struct probe *probe,
                      const struct reaction *reaction)
{
    static const char *const misfits[] = {"42846", "42804", "42883", "42725"};
    const char *const sqlstate = a->err->sqlstate;
    bool misfit = probe->columns_settled && strcmp(sqlstate, "42703") == 0;
    for (size_t i = 0; probe->settled && i < COUNT_OF(misfits); i++)
        misfit = misfit || strcmp(sqlstate, misfits[i]) == 0;
    if (a->standby && strncmp(sqlstate, NOT_SUPPORTED, strlen(NOT_SUPPORTED)) == 0)
        return false;
    return probe->kind != PROBE_LOSSY && (misfit || (reaction != NULL && reaction->of_value));
}

static bool not_answered(const struct asking *a, struct probe *probe)
{
    const struct reaction *const reaction = reaction_to(a->err->sqlstate);
    const char *const message = arena_strdup(a->arena, a->err->message);
    if (message == NULL)
        return err_nomem(a->err);
    probe->verdict = PROBE_NOT_ASKED;
    probe->why = reaction != NULL && reaction->why != NULL ? reaction->why : message;
    if (is_answer(a, probe, reaction)) {
        probe->verdict = PROBE_VIOLATED;
        probe->why = message;
        probe->samples.count = 0;
    } else if (strncmp(a->err->sqlstate, "42", 2) == 0 && reaction == NULL) {
        probe->verdict = PROBE_DEFERRED;
    }
    err_release(a->err);
    return true;
}

static bool end(const struct asking *a)
{
    return pg_roll_back(a->pg, true, a->err);
}

/* Whether what earlier statements compute fails by itself: the planner may compute it for rows for
 * which they do not. */
static bool layers_fail(const struct asking *a, const struct probe *probe, bool *ret)
{
    const char *const sql = probe->layered == NULL
                                ? NULL
                                : arena_printf(a->arena,
                                               "SELECT pg_catalog.count(pawl_rows) FROM %s"
                                               " AS pawl_rows",
                                               probe->layered);
    *ret = false;
    if (sql == NULL)
        return probe->layered == NULL || err_nomem(a->err);
    if (!asking_begin(a))
        return false;
    if (!pg_query(a->pg, a->arena, sql, NULL, 0, NULL, a->err)) {
        *ret = a->err->code == ERR_FAILED;
        if (!*ret)
            return false;
        err_release(a->err);
    }
    return end(a);
}

/* The rows behind an error, unless it is not the statement's own. */
static bool find_reason(const struct asking *a, struct probe *probe)
{
    bool of_layers;
    if (probe->verdict != PROBE_VIOLATED || probe->why == NULL)
        return true;
    if (!layers_fail(a, probe, &of_layers))
        return false;
    if (of_layers) {
        probe->verdict = PROBE_DEFERRED;
        probe->why =
            arena_printf(a->arena, "what an earlier statement computes fails: %s", probe->why);
        return probe->why != NULL || err_nomem(a->err);
    }
    asking_find_rows(a, probe);
    return true;
}

static bool ask_one(const struct asking *a, struct probe *probe)
{
    const int64_t start_ms = clock_monotonic_ms();
    const bool answered = asking_begin(a) && run(a, probe);
    if (!answered && (a->err->code != ERR_FAILED || !not_answered(a, probe)))
        return false;
    if (answered)
        probe->verdict = probe->count == 0            ? PROBE_HOLDS
                         : probe->kind == PROBE_LOSSY ? PROBE_LOSES
                                                      : PROBE_VIOLATED;
    if (!end(a))
        return false;
    if (!find_reason(a, probe))
        return false;
    probe->ms = clock_monotonic_ms() - start_ms;
    return !pg_lost(a->pg) ? end(a) : err_set(a->err, ERR_UNREACHABLE, "the connection was lost");
}

/* Whether values come back the same is only known where they go and come back. */
static bool is_moot(const struct probe *probe)
{
    return probe->kind == PROBE_LOSSY && probe->verdict != PROBE_LOSES &&
           probe->verdict != PROBE_HOLDS;
}

bool probe_ask(struct arena *arena, struct pg *pg, const struct probe_options *options,
               struct probes *probes, probe_progress_fn *progress, void *context, struct err *err)
{
    struct asking asking = {arena, pg, options, err, false};
    struct rows rows;
    size_t kept = 0;
    if (!pg_query(pg, arena, "SELECT pg_catalog.pg_is_in_recovery()", NULL, 0, &rows, err))
        return false;
    asking.standby = strcmp(rows_get(&rows, 0, 0), "t") == 0;
    for (size_t i = 0; i < probes->count; i++) {
        struct probe *const probe = &probes->items[i];
        if (probe->sql == NULL)
            continue;
        if (progress != NULL)
            progress(context, probe, i, probes->count);
        if (!ask_one(&asking, probe))
            return false;
    }
    for (size_t i = 0; i < probes->count; i++)
        if (!is_moot(&probes->items[i]))
            probes->items[kept++] = probes->items[i];
    probes->count = kept;
    return true;
}
