/* Splitting, classifying and grouping. */
#include "history/script_parts.h"

#include <string.h>
#include <strings.h>

struct builder {
    struct arena *arena;
    enum dialect dialect;
    const struct migration *migration;
    const struct statements *statements;
    struct script *script;
    bool in_group;                /* between the file's own BEGIN and COMMIT */
    bool unit_open;               /* the last unit takes more statements */
    const char *isolation;        /* asked for before the unit's first statement */
    struct statement at;          /* the statement at hand, for errors */
    int start_line, start_column; /* where the forward part starts in the file */
};

static bool refuse(const struct builder *b, struct err *err, const char *what, const char *hint)
{
    (void)err_set(err, ERR_REFUSED, "%s", what);
    err_at(err, b->migration->path, b->at.line, b->at.column);
    if (hint != NULL)
        err_hint(err, "%s", hint);
    return false;
}

/* The splitter counts from the forward part's first byte, people from the file's. Counting each
 * one anew from the file's start would take minutes for a long file. */
static void to_file_position(const struct builder *b, struct statement *statement)
{
    statement->offset += b->migration->forward_offset;
    if (statement->line == 1)
        statement->column += b->start_column - 1;
    statement->line += b->start_line - 1;
}

static bool add_statement(struct builder *b, const struct statement_info *info, bool alone,
                          struct err *err)
{
    struct script *const script = b->script;
    struct script_statement *item = arena_push(b->arena, &script->statements);
    if (item == NULL)
        return err_nomem(err);
    *item = (struct script_statement){.statement = b->at, .info = *info};
    item->sql = arena_strndup(b->arena, b->at.text.at, b->at.text.len);
    if (item->sql == NULL)
        return err_nomem(err);
    if (alone || !b->unit_open) {
        struct unit *unit = arena_push(b->arena, &script->units);
        if (unit == NULL)
            return err_nomem(err);
        *unit = (struct unit){.first = script->statements.count - 1, .alone = alone};
        if (!alone)
            unit->isolation = b->isolation;
        b->isolation = NULL;
        b->unit_open = !alone;
    }
    script->units.items[script->units.count - 1].count++;
    return true;
}

/* The whole unit runs at the strictest level that a part of it asks for. */
static void isolate(struct builder *b, const char *isolation)
{
    struct script *const script = b->script;
    const char **const of_unit =
        b->unit_open ? &script->units.items[script->units.count - 1].isolation : &b->isolation;
    if (isolation != NULL && (*of_unit == NULL || strcmp(isolation, "SERIALIZABLE") == 0))
        *of_unit = isolation;
}

static bool begin_group(struct builder *b, const struct statement_info *info, struct err *err)
{
    if (b->in_group)
        return refuse(b, err, "BEGIN inside of a transaction that the file began already", NULL);
    b->in_group = true;
    if (b->migration->no_transaction)
        b->unit_open = false;
    isolate(b, info->isolation);
    return true;
}

static bool end_group(struct builder *b, struct err *err)
{
    if (!b->in_group)
        return refuse(b, err, "COMMIT without a BEGIN: it would end pawl's own transaction",
                      "Remove it; pawl commits each migration together with its journal row.");
    b->in_group = false;
    if (b->migration->no_transaction) {
        b->unit_open = false;
        b->isolation = NULL;
    }
    return true;
}

static bool add_alone(struct builder *b, const struct statement_info *info, struct err *err)
{
    if (b->in_group)
        return refuse(
            b, err, "a statement that cannot run in a transaction stands between BEGIN and COMMIT",
            NULL);
    return add_statement(b, info, true, err);
}

static bool add_ordinary(struct builder *b, const struct statement_info *info, size_t index,
                         struct err *err)
{
    /* A procedure may commit by itself: where the file asks for no transaction, it can. */
    if (info->alone == ALONE_BLOCK && b->migration->no_transaction && !b->in_group)
        return add_statement(b, info, true, err);
    if (!add_statement(b, info, false, err))
        return false;
    if (b->migration->no_transaction && !b->in_group)
        b->unit_open = false;
    /* A new enum value can be used only after its transaction (55P04). */
    if (info->alone == ALONE_ADD_ENUM_VALUE && info->label != NULL && !b->in_group &&
        sql_label_used(b->dialect, b->statements, index, info->label))
        b->unit_open = false;
    if (b->dialect == DIALECT_SQLITE && sql_starts_with(b->dialect, b->at.text, "DROP TABLE"))
        b->script->drops_table = true;
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

/* SQLite pragmas that mean nothing, or are an error, inside a transaction. */
static bool add_session(struct builder *b, const struct statement_info *info, struct err *err)
{
    if (info->name == NULL || strcmp(info->name, "foreign_keys") != 0)
        return add_alone(b, info, err);
    /* pawl runs a migration with foreign keys off and looks for orphans before it commits; the
     * file's own switch has no effect in a transaction anyway. */
    if (says_on(info->label) && b->script->statements.count == 0)
        b->script->enforce_foreign = true;
    return true;
}

static bool add(struct builder *b, size_t index, struct err *err)
{
    struct statement_info info;
    b->at = b->statements->items[index];
    if (!sql_classify(b->arena, b->dialect, &b->at, &info, err))
        return false;
    to_file_position(b, &b->at);
    switch (info.class) {
    case STATEMENT_ORDINARY:
        return add_ordinary(b, &info, index, err);
    case STATEMENT_ALONE:
        return add_alone(b, &info, err);
    case STATEMENT_SESSION:
        return add_session(b, &info, err);
    case STATEMENT_BEGIN:
        return begin_group(b, &info, err);
    case STATEMENT_COMMIT:
        return end_group(b, err);
    case STATEMENT_MODES:
        isolate(b, info.isolation);
        return true;
    case STATEMENT_REFUSED:
        break;
    }
    return refuse(b, err, info.verb != NULL ? info.verb : "this statement", info.why);
}

bool script_build(struct arena *arena, enum dialect dialect, const struct migration *migration,
                  struct script *ret, struct err *err)
{
    struct statements statements = {0};
    struct script script = {0};
    struct builder b = {.arena = arena,
                        .dialect = dialect,
                        .migration = migration,
                        .statements = &statements,
                        .script = &script};
    sql_position(migration->text, migration->forward_offset, &b.start_line, &b.start_column);
    if (!sql_split(arena, dialect, migration->text + migration->forward_offset,
                   migration->forward_len, &statements, err)) {
        const int line = err->line > 0 ? err->line + b.start_line - 1 : 0;
        err_at(err, migration->path, line, err->column);
        return false;
    }
    for (size_t i = 0; i < statements.count; i++)
        if (!add(&b, i, err))
            return false;
    if (b.in_group)
        return refuse(&b, err, "BEGIN without a COMMIT", "Add the COMMIT, or remove the BEGIN.");
    if (script.enforce_foreign && script.drops_table) {
        b.at = script.statements.items[0].statement;
        return refuse(&b, err,
                      "a table is dropped with foreign keys switched on: SQLite would delete the "
                      "rows that refer to it",
                      "Remove PRAGMA foreign_keys=ON; pawl checks all foreign keys before it "
                      "commits.");
    }
    if (!script_check_kind(arena, dialect, migration, &script, err))
        return false;
    *ret = script;
    return true;
}

void script_locate(const struct migration *migration, const struct script_statement *statement,
                   size_t byte_offset, int *ret_line, int *ret_column)
{
    sql_position(migration->text, statement->statement.offset + byte_offset, ret_line, ret_column);
}
