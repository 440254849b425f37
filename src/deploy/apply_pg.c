/* One unit on PostgreSQL as one pipeline: BEGIN, limits, mutex and look, statements, journal row,
 * COMMIT. */
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "db/sqlstate.h"
#include "deploy/run.h"

struct progress {
    struct run *run;
    const struct plan_item *item;
    const struct unit *unit;
    size_t before, total; /* statements of ours in front, statements of the file */
    const struct pg_answers *answers;
};

/* Whether a statement may take so long that its answer should not wait for the next one's. */
static bool worth_telling(struct span statement)
{
    static const char *const catalog_only[] = {"CREATE TABLE [IF NOT EXISTS] $name () .",
                                               "CREATE [OR REPLACE] FUNCTION|PROCEDURE|VIEW",
                                               "CREATE TYPE", "COMMENT|GRANT|REVOKE"};
    for (size_t i = 0; i < COUNT_OF(catalog_only); i++)
        if (sql_starts_with(DIALECT_POSTGRES, statement, catalog_only[i]))
            return false;
    return true;
}

/* Past the limit there is nothing to wait for: what is at work is cancelled. */
static void count_rows(const struct progress *p, size_t statement)
{
    const struct wait over = {.cancel_fd = -1, .deadline_ms = 1};
    if (apply_over_limit(p->run, p->item))
        return;
    p->run->counted.rows += pg_tag_rows(p->answers->items[statement].tag);
    if (apply_over_limit(p->run, p->item))
        pg_set_wait(p->run->ledger->pg, &over);
}

static void on_progress(void *context, size_t statement)
{
    const struct progress *const p = context;
    if (statement < p->before || statement >= p->before + p->total)
        return;
    const size_t number = statement - p->before;
    if (p->item->migration->kind == KIND_DATA)
        count_rows(p, statement);
    const struct span text =
        p->item->script.statements.items[p->unit->first + number].statement.text;
    deploy_tell(&p->run->options->listener,
                &(struct deploy_event){.type = DEPLOY_STATEMENT,
                                       .id = p->item->migration->id,
                                       .number = number + 1,
                                       .total = p->total,
                                       .with_next = number + 1 < p->total && !worth_telling(text)});
}

int64_t apply_lock_timeout_ms(const struct run *run, const struct plan_item *item)
{
    const int64_t wanted_ms = item->migration->lock_timeout_ms >= 0
                                  ? item->migration->lock_timeout_ms
                                  : run->options->limits.lock_timeout_ms;
    return run->lock_timeout_ms > wanted_ms ? run->lock_timeout_ms : wanted_ms;
}

static struct limits limits_for(const struct run *run, const struct plan_item *item,
                                const struct unit *unit)
{
    struct limits limits = run->options->limits;
    limits.lock_timeout_ms = apply_lock_timeout_ms(run, item);
    limits.isolation = unit->isolation;
    return limits;
}

static bool queue(struct run *run, const struct plan_item *item, const struct unit *unit,
                  const struct limits *limits, struct err *err)
{
    struct ledger *const ledger = run->ledger;
    if (!pg_pipeline_begin(ledger->pg, err) ||
        !ledger_pg_enter(ledger, run->arena, limits, run->last_change, err) ||
        !claim_queue(run, &run->claim, err))
        return false;
    for (size_t i = 0; i < unit->count; i++) {
        const struct script_statement *const s = &item->script.statements.items[unit->first + i];
        /* Between two statements progress is told; what follows the last one is short. */
        if (!pg_pipeline_add(ledger->pg, s->sql, NULL, 0, err) ||
            (i + 1 < unit->count && worth_telling(s->statement.text) &&
             !pg_pipeline_flush(ledger->pg, err)))
            return false;
    }
    return true;
}

/* kind=data: the statements are answered before the row is written, as that counts what they have
 * changed. */
static bool run_counted(struct run *run, const struct plan_item *item, struct progress *progress,
                        struct pg_answers *answers, struct err *err)
{
    struct pg *const pg = run->ledger->pg;
    CLEANUP(err_release) struct err failed = {0};
    run->counted = (struct counted){.known = true};
    const bool ok = pg_pipeline_run(pg, run->arena, answers, on_progress, progress, &failed);
    pg_set_wait(pg, run->wait);
    if (apply_over_limit(run, item)) {
        return pg_roll_back(pg, true, err) && apply_refuse_rows(run, item, err);
    }
    if (!ok) {
        *err = failed;
        failed = (struct err){0};
        return false;
    }
    return pg_pipeline_begin(pg, err);
}

/* The rows of the journal, and the end of the transaction. */
static bool queue_end(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    struct entry *rows = NULL;
    size_t row_count = 0;
    return apply_rows(run, item, unit, -1, &rows, &row_count, err) &&
           ledger_pg_leave(run->ledger, run->arena, rows, row_count, err) &&
           (forget_count(run, item, unit) == 0 || forget_queue(run, err));
}

/* Above so many migrations it pays to have our own statements parsed once. */
enum { MANY_MIGRATIONS = 8 };

/* A file that may prepare or deallocate statements gets ours as plain text. */
static bool keep_statements(const struct run *run, const struct plan_item *item,
                            const struct limits *limits, struct err *err)
{
    struct ledger *const ledger = run->ledger;
    if (!ledger->direct || forget_needed(&item->script)) {
        pg_keep_nothing(ledger->pg);
        return true;
    }
    return run->result->plan.items.count < MANY_MIGRATIONS ||
           ledger_pg_keep(ledger, run->arena, limits, err);
}

/* What only a deploy's own way of running a statement brings about. */
static void hint_at_form(struct err *err)
{
    static const struct {
        const char *sqlstate, *hint;
    } forms[] = {
        {"2D000", "A procedure that commits cannot run in a transaction: write \"-- pawl: "
                  "no-transaction\" into the file's head."},
        {"08P01", "A migration's statement has no parameters: nothing gives $1 a value. Write the "
                  "value itself; then deploy again."},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (strcmp(err->sqlstate, forms[i].sqlstate) == 0)
            err_hint(err, "%s", forms[i].hint);
}

/* What a failed pipeline means, with the place of the statement that failed. */
static bool explain(const struct plan_item *item, const struct unit *unit, size_t before,
                    const struct pg_answers *answers, struct err *err)
{
    const enum sqlstate_reaction reaction = sqlstate_reaction(err->sqlstate);
    if (reaction == REACTION_WAIT || reaction == REACTION_REPLAN) {
        err->code = ERR_BUSY;
        return false;
    }
    if (answers->count >= before && answers->count < before + unit->count)
        apply_locate(item, &item->script.statements.items[unit->first + answers->count - before],
                     answers->position, 0, err);
    else
        err_at(err, item->migration->path, 0, 0);
    hint_at_form(err);
    return false;
}

/* The unit's transaction was committed, or its row is in the journal all the same. */
static bool committed(struct run *run, const struct plan_item *item, size_t unit,
                      const struct receipt *receipt, int64_t start_ms, struct err *err)
{
    fault_point("committed");
    return apply_committed(run, item, unit, receipt, clock_monotonic_ms() - start_ms, err);
}

/* After a lost connection: only the journal knows. */
static bool ask_journal(struct run *run, const struct plan_item *item, size_t unit, int old_backend,
                        int64_t start_ms, struct err *err)
{
    bool applied = false;
    CLEANUP(err_release) struct err lost = *err;
    *err = (struct err){0};
    if (!settle(run, item, unit, old_backend, &applied, err))
        return false;
    if (applied)
        return committed(run, item, unit, &(struct receipt){run->result->head}, start_ms, err);
    *err = lost;
    lost = (struct err){0};
    err->code = ERR_FAILED;
    err_state(err,
              "The connection was lost in \"%s\"; it was not applied, as the journal shows "
              "over a new connection.",
              item->migration->id);
    return false;
}

bool apply_pg_unit(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    static const struct unit nothing = {0};
    const struct unit *u =
        unit < item->script.units.count ? &item->script.units.items[unit] : &nothing;
    const struct limits limits = limits_for(run, item, u);
    const size_t before = ledger_pg_enter_count(&limits) + claim_queue_count(&run->claim);
    const size_t forgotten = forget_count(run, item, unit);
    const bool counted = item->migration->kind == KIND_DATA;
    struct pg_answers answers = {0};
    struct progress progress = {run, item, u, before, u->count, &answers};
    const int64_t start_ms = clock_monotonic_ms();
    const int backend = pg_backend_pid(run->ledger->pg);

    fault_point("unit");
    bool ok = keep_statements(run, item, &limits, err) && queue(run, item, u, &limits, err) &&
              (!counted || run_counted(run, item, &progress, &answers, err));
    if (ok && counted) {
        fault_point("statements");
        answers = (struct pg_answers){0};
        u = &nothing; /* what may fail now is no statement of the file */
        progress.total = 0;
    }
    ok = ok && queue_end(run, item, unit, err) &&
         pg_pipeline_run(run->ledger->pg, run->arena, &answers, on_progress, &progress, err);
    if (!ok) {
        if (pg_lost(run->ledger->pg) && err->code == ERR_UNREACHABLE)
            return ask_journal(run, item, unit, backend, start_ms, err);
        return explain(item, u, before, &answers, err);
    }
    const size_t behind = 1 + forgotten; /* RESET ALL comes first */
    if (!pg_committed(&answers.items[answers.count - behind - 1], err))
        return false;
    return committed(run, item, unit,
                     &(struct receipt){answers.items[answers.count - behind - 2].value}, start_ms,
                     err);
}
