/* Foreign keys read off the statements of migrations. */
#include "check/added_keys.h"

#include "base/str.h"
#include "check/made.h"
#include "history/script.h"
#include "sql/identifier.h"
#include "sql/parser.h"

static bool read_migration(struct arena *arena, const struct migration *migration,
                           struct made *made, struct err *err)
{
    struct script script = {0};
    if (!script_build(arena, DIALECT_POSTGRES, migration, &script, err))
        return false;
    for (size_t i = 0; i < script.statements.count; i++) {
        CLEANUP(tree_release) struct tree tree = {0};
        const struct statement *const statement = &script.statements.items[i].statement;
        if (!parser_read(statement->text, &tree, err))
            return false;
        made_by(made, tree.statement, migration, statement);
    }
    return !made->failed || err_nomem(err);
}

static const char *array_of(struct arena *arena, const struct made_names *names)
{
    CLEANUP(str_release) struct str text = {0};
    identifier_append_array(&text, names->items, names->count);
    return text.failed ? NULL : arena_strdup(arena, str_text(&text));
}

bool added_keys(struct arena *arena, const struct migration *const *migrations, size_t count,
                struct shadow_rows *rows, struct err *err)
{
    struct made made = {.arena = arena};
    for (size_t i = 0; i < count; i++)
        if (!read_migration(arena, migrations[i], &made, err))
            return false;
    for (size_t t = 0; t < made.tables.count; t++) {
        const struct made_table *const table = &made.tables.items[t];
        for (size_t i = 0; table->name != NULL && i < table->foreign.count; i++) {
            const struct made_foreign *const foreign = &table->foreign.items[i];
            struct shadow_key *const key = arena_push(arena, &rows->keys);
            if (key == NULL)
                return err_nomem(err);
            *key = (struct shadow_key){.table = table->name,
                                       .parent = foreign->parent,
                                       .columns = array_of(arena, &foreign->columns)};
            if (foreign->parent_columns.count > 0)
                key->parent_columns = array_of(arena, &foreign->parent_columns);
            if (key->columns == NULL ||
                (key->parent_columns != NULL) != (foreign->parent_columns.count > 0))
                return err_nomem(err);
        }
    }
    return true;
}
