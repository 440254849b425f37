/* What kind=data and kind=backfill ask of a file's statements. */
#include <string.h>

#include "base/fs.h"
#include "history/script_parts.h"

static bool refuse(const struct migration *migration, const struct script_statement *statement,
                   size_t offset, struct err *err)
{
    int line = 0, column = 0;
    err->code = ERR_REFUSED;
    script_locate(migration, statement, offset, &line, &column);
    err_at(err, migration->path, line, column);
    return false;
}

/* ---- kind=data ---- */

static bool is_data(enum dialect dialect, struct span statement)
{
    return sql_starts_with(dialect, statement,
                           "INSERT|UPDATE|DELETE|MERGE|WITH|SELECT|VALUES|SET|REPLACE");
}

static bool check_data(enum dialect dialect, const struct migration *migration,
                       const struct script *script, struct err *err)
{
    for (size_t i = 0; i < script->statements.count; i++) {
        const struct script_statement *const statement = &script->statements.items[i];
        if (is_data(dialect, statement->statement.text))
            continue;
        (void)err_set(err, ERR_REFUSED,
                      "a kind=data migration changes rows, and this is another statement");
        err_hint(err, "Put it into a migration of its own, with kind=schema.");
        return refuse(migration, statement, 0, err);
    }
    if (script->units.count <= 1)
        return true;
    (void)err_set(err, ERR_REFUSED, "a kind=data migration is one transaction");
    err_hint(err, "Remove no-transaction, or take kind=schema.");
    return refuse(migration, &script->statements.items[script->units.items[1].first], 0, err);
}

/* ---- kind=backfill ---- */

static const char other_form[] =
    "Say the batch in the statement itself: $1 is the lower bound, which is not in it and is NULL "
    "in the first one, $2 the upper one: WHERE ($1 IS NULL OR id > $1) AND id <= $2, with table= "
    "in the file's head.";

static bool check_key(struct arena *arena, enum dialect dialect, const struct migration *migration,
                      const struct script *script, struct err *err)
{
    struct batch_names key = {0};
    bool ok = true;
    if (migration->key == NULL)
        return true;
    if (!batch_read_key(arena, dialect, migration->key, &key, &ok, err))
        return false;
    const char *const shown = fs_printable(arena, migration->key);
    if (shown == NULL)
        return err_nomem(err);
    if (ok && batch_check_key(dialect, &script->batch, &key, err))
        return true;
    if (!ok)
        (void)err_set(err, ERR_REFUSED, "\"key\" must be columns, not \"%s\"", shown);
    return refuse(migration, &script->statements.items[0], 0, err);
}

/* One statement that reads rows. */
static bool check_verify(struct arena *arena, enum dialect dialect,
                         const struct migration *migration, const struct script *script,
                         struct err *err)
{
    struct statements statements = {0};
    CLEANUP(err_release) struct err bad = {0};
    if (migration->verify == NULL)
        return true;
    const bool split =
        sql_split(arena, dialect, migration->verify, strlen(migration->verify), &statements, &bad);
    if (!split && bad.code == ERR_NOMEM)
        return err_nomem(err);
    if (split && statements.count == 1 &&
        sql_starts_with(dialect, statements.items[0].text, "SELECT|WITH|VALUES|TABLE"))
        return true;
    (void)err_set(err, ERR_REFUSED, "\"verify\" must be one query, a SELECT");
    return refuse(migration, &script->statements.items[0], 0, err);
}

static bool check_backfill(struct arena *arena, enum dialect dialect,
                           const struct migration *migration, struct script *script,
                           struct err *err)
{
    const struct script_statement *const statement = &script->statements.items[0];
    const char *why = NULL;
    size_t at = 0;
    if (script->statements.count > 1) {
        (void)err_set(err, ERR_REFUSED, "a backfill is one statement, and this is another one");
        err_hint(err, "Give each a migration of its own.");
        return refuse(migration, &script->statements.items[1], 0, err);
    }
    if (script->units.items[0].alone) {
        (void)err_set(err, ERR_REFUSED, "a backfill runs in transactions, batch by batch");
        return refuse(migration, statement, 0, err);
    }
    if (!batch_read(arena, dialect, statement->statement.text, &script->batch, &why, &at, err))
        return false;
    if (why == NULL && migration->table == NULL && script->batch.table == NULL)
        why = "which table it goes through is not known: \"table\" is missing";
    if (why != NULL) {
        (void)err_set(err, ERR_REFUSED, "this statement cannot be run in batches: %s", why);
        err_hint(err, "%s", other_form);
        return refuse(migration, statement, at, err);
    }
    return check_key(arena, dialect, migration, script, err) &&
           check_verify(arena, dialect, migration, script, err);
}

bool script_check_kind(struct arena *arena, enum dialect dialect, const struct migration *migration,
                       struct script *script, struct err *err)
{
    if (script->statements.count == 0)
        return true;
    if (migration->kind == KIND_DATA)
        return check_data(dialect, migration, script, err);
    return migration->kind != KIND_BACKFILL ||
           check_backfill(arena, dialect, migration, script, err);
}
