/* One migration, unit by unit, whatever the engine. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/str.h"
#include "db/sqlstate.h"
#include "deploy/run.h"
#include "deploy/squash.h"
#include "ledger/detail.h"
#include "ledger/squash.h"

void apply_locate(const struct plan_item *item, const struct script_statement *statement,
                  int character, int byte_offset, struct err *err)
{
    size_t offset = 0;
    int line = 0, column = 0;
    if (byte_offset > 0)
        offset = (size_t)byte_offset;
    else if (character > 0)
        offset = sql_character_offset(statement->sql, strlen(statement->sql), character);
    script_locate(item->migration, statement, offset, &line, &column);
    err_at(err, item->migration->path, line, column);
}

static bool last_unit(const struct plan_item *item, size_t unit)
{
    return unit + 1 >= item->script.units.count;
}

/* What was done to rows, where that was counted. */
static bool describe_rows(const struct counted *counted, json_t *detail)
{
    if (!counted->known)
        return true;
    if (json_object_set_new(detail, "rows", json_integer(counted->rows)) != 0)
        return false;
    return !counted->backfill ||
           (json_object_set_new(detail, "walked", json_integer(counted->walked)) == 0 &&
            json_object_set_new(detail, "batches", json_integer(counted->batches)) == 0 &&
            json_object_set_new(detail, "work_ms", json_integer(counted->work_ms)) == 0);
}

static json_t *applied_detail(const struct run *run, const struct plan_item *item, int64_t ms)
{
    const struct migration *const m = item->migration;
    json_t *detail = attempt_detail(run);
    bool ok = detail != NULL &&
              json_object_set_new(detail, "version", json_string(m->version)) == 0 &&
              json_object_set_new(detail, "statements",
                                  json_integer((json_int_t)item->script.statements.count)) == 0;
    if (run->options->release != NULL)
        ok = ok && json_object_set_new(detail, "release", json_string(run->options->release)) == 0;
    if (m->empty)
        ok = ok && json_object_set_new(detail, "empty", json_true()) == 0;
    if (m->background)
        ok = ok && json_object_set_new(detail, "background", json_true()) == 0;
    if (item->out_of_order)
        ok = ok && json_object_set_new(detail, "out_of_order", json_true()) == 0;
    if (item->script.units.count > 1)
        ok = ok && json_object_set_new(detail, "steps",
                                       json_integer((json_int_t)item->script.units.count)) == 0;
    if (item->recognised)
        ok = ok && json_object_set_new(detail, "recognised", json_true()) == 0;
    ok = ok && describe_rows(&run->counted, detail);
    ok = ok && squash_describe(run->options->set, m, detail) &&
         tally_describe(&run->black_box.migration, detail);
    if (ms >= 0)
        ok = ok && json_object_set_new(detail, "ms", json_integer((json_int_t)ms)) == 0;
    if (!ok) {
        json_decref(detail);
        return NULL;
    }
    return detail;
}

static const char *digest_after(const struct run *run, const struct migration *migration)
{
    struct digest_set with = run->state.digests;
    struct hash_hex digest = {""};
    if (migration_in_digest(migration)) {
        /* Added for the hash and taken out again: the row may yet be rolled back. */
        if (!digest_set_add(run->arena, &with, migration->checksum.text))
            return NULL;
        digest = digest_set_hash(&with);
        digest_set_remove(&with, migration->checksum.text);
        return arena_strdup(run->arena, digest.text);
    }
    digest = digest_set_hash(&with);
    return arena_strdup(run->arena, digest.text);
}

bool apply_entry(const struct run *run, const struct plan_item *item, size_t unit, int64_t ms,
                 struct entry *ret, struct err *err)
{
    const struct migration *const m = item->migration;
    const bool last = last_unit(item, unit);
    CLEANUP(json_release)
    json_t *detail = last ? applied_detail(run, item, ms)
                          : json_pack("{s:s, s:I, s:I}", "attempt", run->attempt, "step",
                                      (json_int_t)unit, "of", (json_int_t)item->script.units.count);
    *ret = (struct entry){
        .event = last ? EVENT_APPLIED : EVENT_STEP,
        .migration = m->id,
        .checksum = m->checksum.text,
        .kind = kind_name(m->kind),
        .phase = phase_name(m->phase),
        .detail = detail_text(run->arena, detail),
        .digest = last ? digest_after(run, m)
                       : arena_strdup(run->arena, digest_set_hash(&run->state.digests).text),
        .text = last ? migration_kept_text(run->arena, run->options->set->dialect, m) : NULL,
    };
    if (ret->detail == NULL || ret->digest == NULL || (last && ret->text == NULL))
        return err_nomem(err);
    return true;
}

bool apply_rows(const struct run *run, const struct plan_item *item, size_t unit, int64_t ms,
                struct entry **ret, size_t *ret_count, struct err *err)
{
    const size_t replaced = last_unit(item, unit) ? squash_row_count(item) : 0;
    struct entry *const rows = arena_alloc(run->arena, (replaced + 1) * sizeof *rows);
    if (rows == NULL)
        return err_nomem(err);
    if ((replaced > 0 && !squash_rows(run, item, rows, err)) ||
        !apply_entry(run, item, unit, ms, &rows[replaced], err))
        return false;
    /* The squash itself adds nothing to what they make. */
    if (replaced > 0)
        rows[replaced].digest = rows[replaced - 1].digest;
    *ret = rows;
    *ret_count = replaced + 1;
    return true;
}

bool apply_committed(struct run *run, const struct plan_item *item, size_t unit,
                     const struct receipt *receipt, int64_t ms, struct err *err)
{
    const struct migration *const m = item->migration;
    run->last_change = strtoll(receipt->text, NULL, 10);
    run->result->head = receipt->text;
    run->committed_any = true;
    if (!last_unit(item, unit))
        return true;
    /* A state that was read anew after a lost connection has the row already. */
    if (state_find(&run->state, m->id) == NULL &&
        ((migration_in_digest(m) &&
          !digest_set_add(run->arena, &run->state.digests, m->checksum.text)) ||
         !squash_add_digests(run->arena, item, &run->state.digests)))
        return err_nomem(err);
    struct deploy_done *done = arena_push(run->arena, &run->result->done);
    if (done == NULL)
        return err_nomem(err);
    *done = (struct deploy_done){m, ms, receipt->text, item->recognised,
                                 run->counted.known ? run->counted.rows : -1};
    return true;
}

bool apply_over_limit(const struct run *run, const struct plan_item *item)
{
    return item->migration->kind == KIND_DATA && run->options->data_rows > 0 &&
           run->counted.rows > run->options->data_rows &&
           !migration_allows(item->migration, "data-rows");
}

bool apply_refuse_rows(const struct run *run, const struct plan_item *item, struct err *err)
{
    (void)err_set(err, ERR_FAILED,
                  "\"%s\" has changed %" PRId64 " rows so far, more than data_rows allows (%" PRId64
                  ")",
                  item->migration->id, run->counted.rows, run->options->data_rows);
    err_at(err, item->migration->path, 0, 0);
    err_hint(err, "Write it as a backfill, which goes in batches: kind=backfill. Or, where one "
                  "transaction is meant: -- pawl: allow=data-rows reason=\"...\".");
    return false;
}

bool apply_unit(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    if (run->ledger->sqlite != NULL)
        return apply_sqlite_unit(run, item, unit, err);
    const bool alone = unit < item->script.units.count && item->script.units.items[unit].alone;
    return alone ? apply_pg_step(run, item, unit, err) : apply_pg_unit(run, item, unit, err);
}

static bool run_units(struct run *run, const struct plan_item *item, struct err *err)
{
    /* An empty migration has no unit, and still a row. */
    const size_t units = item->script.units.count > 0 ? item->script.units.count : 1;
    for (size_t unit = (size_t)item->first_unit; unit < units; unit++)
        if (!retry_unit(run, item, unit, err))
            return false;
    return true;
}

static const char *rows_text(const struct run *run)
{
    if (!run->counted.known)
        return NULL;
    return arena_printf(run->arena, "%" PRId64 " row%s", run->counted.rows,
                        run->counted.rows == 1 ? "" : "s");
}

bool apply_migration(struct run *run, const struct plan_item *item, struct err *err)
{
    const int64_t start_ms = clock_monotonic_ms();
    const bool batches =
        item->migration->kind == KIND_BACKFILL && item->script.statements.count > 0;
    run->committed_any = item->first_unit > 0;
    run->counted = (struct counted){0};
    fault_point("migration");
    if (!(batches ? backfill_run(run, item, err) : run_units(run, item, err)))
        return false;
    deploy_tell(
        &run->options->listener,
        &(struct deploy_event){.type = item->recognised ? DEPLOY_RECOGNISED : DEPLOY_APPLIED,
                               .id = item->migration->id,
                               .text = rows_text(run),
                               .elapsed_ms = clock_monotonic_ms() - start_ms});
    fault_point("migrated");
    return true;
}
