/* Statements tried one by one; what a dropped table takes with it. */
#include "check/lite.h"

#include <string.h>
#include <strings.h>

#include "check/lite_parts.h"

bool lite_begin(struct lite *lite, struct arena *arena, struct err *err)
{
    CLEANUP(err_release) struct err absent = {0};
    *lite = (struct lite){.arena = arena};
    return sqlite_open_scratch(&lite->sqlite, &absent) || absent.code != ERR_NOMEM ||
           err_nomem(err);
}

void lite_end(struct lite *lite)
{
    sqlite_close(&lite->sqlite);
}

void lite_migration(struct lite *lite, bool forget_acts)
{
    lite->lost.count = 0;
    if (forget_acts)
        lite->acts.count = 0;
}

/* What is wrong with a statement wherever it runs. What SQLite says besides may come from what
 * stood before the review, which is not here. */
static bool is_about_statement(struct span statement, const char *message)
{
    static const char twice[] = "duplicate column name"; /* within the statement */
    static const char *const texts[] = {
        "near \"",
        "unrecognized token",
        "incomplete input",
        "default value of column",
        "has more than one primary key",
        "AUTOINCREMENT is only allowed",
        "AUTOINCREMENT not allowed",
        "missing datatype for",
        "unknown datatype for",
        "must have at least one non-generated column",
        "number of columns in foreign key",
        "parameters prohibited",
    };
    for (size_t i = 0; message != NULL && i < COUNT_OF(texts); i++)
        if (strstr(message, texts[i]) != NULL)
            return true;
    return message != NULL && strstr(message, twice) != NULL &&
           sql_starts_with(DIALECT_SQLITE, statement, "CREATE");
}

/* Rows are not needed: only what makes or changes a table runs. */
static bool changes_schema(struct span text)
{
    return sql_starts_with(DIALECT_SQLITE, text, "CREATE|ALTER|DROP");
}

static bool try_statement(struct lite *lite, const struct statement *statement, bool *ret_ran,
                          struct err *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err refusal = {0};
    const struct span text = statement->text;
    int at = -1;
    const bool done =
        changes_schema(text)
            ? sqlite_query(lite->sqlite, &arena, text.at, text.len, NULL, 0, NULL, &at, &refusal)
            : sqlite_compile(lite->sqlite, text.at, text.len, &at, &refusal);
    *ret_ran = done;
    if (done || refusal.code != ERR_FAILED || !is_about_statement(text, refusal.message))
        return refusal.code != ERR_NOMEM || err_nomem(err);
    lite->refusal = arena_strdup(lite->arena, refusal.message);
    lite->refusal_at = at > 0 && (size_t)at < text.len ? at : 0;
    return lite->refusal != NULL || err_nomem(err);
}

/* Indexes with a text of their own, and triggers. */
static bool note_lost(struct lite *lite, const struct lite_act *drop, struct err *err)
{
    static const char sql[] =
        "SELECT type, name FROM sqlite_schema WHERE type IN ('index', 'trigger')"
        " AND sql IS NOT NULL AND lower(tbl_name) = ?1 ORDER BY type, name";
    struct rows rows;
    CLEANUP(err_release) struct err failure = {0};
    if (!sqlite_query(lite->sqlite, lite->arena, sql, strlen(sql), &drop->table, 1, &rows, NULL,
                      &failure))
        return failure.code != ERR_NOMEM || err_nomem(err);
    for (size_t i = 0; i < rows.count; i++) {
        struct lite_lost *const lost = arena_push(lite->arena, &lite->lost);
        if (lost == NULL)
            return err_nomem(err);
        *lost = (struct lite_lost){rows_get(&rows, i, 0), rows_get(&rows, i, 1), drop->table,
                                   drop->place};
    }
    return true;
}

static bool says_on(const char *value)
{
    static const char *const words[] = {"on", "1", "true", "yes"};
    for (size_t i = 0; value != NULL && i < COUNT_OF(words); i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

/* Only above everything else does the pragma say how a migration runs. */
static bool note_keys(struct lite *lite, const struct lint_spot *at, size_t number,
                      const struct statement_info *info, struct err *err)
{
    if (info->class != STATEMENT_SESSION || info->name == NULL || number > 0 ||
        strcmp(info->name, "foreign_keys") != 0 || !says_on(info->label))
        return true;
    struct lite_act *const act = arena_push(lite->arena, &lite->acts);
    if (act == NULL)
        return err_nomem(err);
    *act = (struct lite_act){.kind = LITE_KEYS_ON, .place = *at};
    return true;
}

bool lite_statement(struct lite *lite, const struct lint_spot *at, size_t number,
                    const struct statement_info *info, struct err *err)
{
    const size_t before = lite->acts.count;
    lite->refusal = NULL;
    if (!note_keys(lite, at, number, info, err) || !lite_read_acts(lite, at, number, err))
        return false;
    struct lite_act *const act =
        lite->acts.count > before ? &lite->acts.items[lite->acts.count - 1] : NULL;
    bool ran = false;
    if (lite->sqlite == NULL || info->class != STATEMENT_ORDINARY)
        return true;
    if (act != NULL && act->kind == LITE_DROP_TABLE && !note_lost(lite, act, err))
        return false;
    if (!try_statement(lite, &at->statement, &ran, err))
        return false;
    if (act != NULL)
        act->ran = ran;
    return true;
}

/* True when the question has a row for an answer. */
static bool is_so(struct lite *lite, const char *sql, const char *const *params, size_t count)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err failure = {0};
    struct rows rows = {0};
    const bool asked =
        sqlite_query(lite->sqlite, &arena, sql, strlen(sql), params, count, &rows, NULL, &failure);
    lite->failed = lite->failed || failure.code == ERR_NOMEM;
    return asked && rows.count > 0;
}

/* A rename writes the new name in quotes. */
bool lite_names(struct lite *lite, const char *table)
{
    static const char sql[] = "SELECT 1 FROM sqlite_schema WHERE lower(name) <> ?1"
                              " AND instr(lower(sql), '\"' || ?1 || '\"') > 0";
    return is_so(lite, sql, &table, 1);
}

bool lite_still_lost(struct lite *lite, const struct lite_lost *lost)
{
    static const char sql[] =
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table'"
        " AND lower(name) = ?1) AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?2"
        " AND name = ?3)";
    const char *const params[] = {lost->table, lost->type, lost->name};
    return is_so(lite, sql, params, COUNT_OF(params));
}
