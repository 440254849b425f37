/* ALTER TABLE, command by command. */
#include "sql/tree_name.h"
#include "sql/undo_kind.h"
#include "sql/undo_nodes.h"

#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

struct altering {
    struct undoing *u;
    const PgQuery__AlterTableStmt *table;
    const PgQuery__AlterTableCmd *command;
};

/* What is noted of columns and constraints: "TABLE NAME". */
static bool part_made(const struct altering *a, const char *kind, const char *name)
{
    struct str key = {0};
    tree_append_range(&key, a->table->relation);
    str_putc(&key, ' ');
    tree_append_name(&key, name);
    a->u->failed = a->u->failed || key.failed;
    const bool made = undo_has_made(a->u, kind, str_text(&key));
    str_release(&key);
    return made;
}

static void note_part(const struct altering *a, const char *kind, const char *name)
{
    struct str key = {0};
    tree_append_range(&key, a->table->relation);
    str_putc(&key, ' ');
    tree_append_name(&key, name);
    a->u->failed = a->u->failed || key.failed;
    undo_note_made(a->u, kind, str_text(&key));
    str_release(&key);
}

/* "ALTER TABLE [IF EXISTS] [ONLY] name " */
static void write_alter(const struct altering *a)
{
    const struct undo_kind *const kind = undo_find_kind(a->table->objtype);
    struct str *const sql = &a->u->sql;
    str_printf(sql, "ALTER %s %s", kind != NULL ? kind->keyword : "TABLE",
               a->table->missing_ok ? "IF EXISTS " : "");
    if (undo_is_only(a->table->objtype, a->table->relation))
        str_puts(sql, "ONLY ");
    tree_append_range(sql, a->table->relation);
    str_putc(sql, ' ');
}

static void write_part(const struct altering *a, const char *verb, const char *name)
{
    write_alter(a);
    str_puts(&a->u->sql, verb);
    tree_append_name(&a->u->sql, name);
}

static void add_column(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    if (def == NULL || def->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF) {
        undo_mark_always(a->u, undo_not_known);
        return;
    }
    const char *const name = def->column_def->colname;
    write_part(a, a->table->objtype == OBJECT(TYPE) ? "DROP ATTRIBUTE " : "DROP COLUMN ", name);
    if (a->command->missing_ok) {
        undo_mark_always(a->u, undo_if_not_exists);
        return;
    }
    undo_sure(a->u);
    note_part(a, "column", name);
}

/* A foreign key, a check or an exclusion can be in the way of dropping what it refers to. */
static void add_unnamed(const struct altering *a, PgQuery__ConstrType type)
{
    if (type == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY ||
        type == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE)
        undo_mark(a->u, undo_unnamed);
    else
        undo_mark_always(a->u, undo_unnamed);
}

static void add_constraint(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    if (def == NULL || def->node_case != PG_QUERY__NODE__NODE_CONSTRAINT) {
        undo_mark_always(a->u, undo_not_known);
        return;
    }
    const PgQuery__Constraint *const constraint = def->constraint;
    if (constraint->conname[0] == '\0') {
        add_unnamed(a, constraint->contype);
        return;
    }
    write_part(a, "DROP CONSTRAINT ", constraint->conname);
    if (constraint->indexname[0] != '\0')
        undo_mark_always(a->u, "the constraint took an index over, which is dropped with it");
    else if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY && !a->u->covered)
        undo_mark_always(a->u, "its columns stay NOT NULL, whatever they were before");
    else
        undo_sure(a->u);
    note_part(a, "constraint", constraint->conname);
}

/* The default of a column that goes away may be in the way of dropping what it calls. */
static void set_default(const struct altering *a)
{
    if (a->command->def == NULL) {
        undo_mark(a->u, undo_value_before);
        return;
    }
    write_part(a, "ALTER COLUMN ", a->command->name);
    str_puts(&a->u->sql, " DROP DEFAULT");
    if (a->u->covered)
        undo_sure(a->u);
    else
        undo_mark_always(a->u, undo_value_before);
}

static void inherit(const struct altering *a)
{
    const PgQuery__Node *const parent = a->command->def;
    if (parent == NULL || parent->node_case != PG_QUERY__NODE__NODE_RANGE_VAR) {
        undo_mark_always(a->u, undo_not_known);
        return;
    }
    write_alter(a);
    str_puts(&a->u->sql, "NO INHERIT ");
    tree_append_range(&a->u->sql, parent->range_var);
    undo_sure(a->u);
}

static void attach(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    if (a->table->objtype == OBJECT(INDEX) || def == NULL ||
        def->node_case != PG_QUERY__NODE__NODE_PARTITION_CMD) {
        undo_mark_always(a->u, "an index cannot be detached again");
        return;
    }
    write_alter(a);
    str_puts(&a->u->sql, "DETACH PARTITION ");
    tree_append_range(&a->u->sql, def->partition_cmd->name);
    if (undo_is_made_relation(a->u, def->partition_cmd->name))
        undo_sure(a->u);
    else
        undo_mark_always(a->u, "indexes and constraints that came from the parent stay behind");
}

static void change_owner(const struct altering *a)
{
    if (undo_has_made_any(a->u, "role"))
        undo_mark_always(a->u, undo_value_before);
    else
        undo_mark(a->u, undo_value_before);
}

/* ALTER TABLE x BEFORE name AFTER undoes the command; without BEFORE it is marked with `why`, or
 * left to `undo`. */
/* clang-format off */
static const struct alteration {
    PgQuery__AlterTableType type;
    const char *before, *after; /* after NULL: no name between */
    void (*undo)(const struct altering *a);
    const char *why;
} alterations[] = {
    {AT(AddColumn), NULL, NULL, add_column, NULL},
    {AT(AddConstraint), NULL, NULL, add_constraint, NULL},
    {AT(ColumnDefault), NULL, NULL, set_default, NULL},
    {AT(AddInherit), NULL, NULL, inherit, NULL},
    {AT(AttachPartition), NULL, NULL, attach, NULL},
    {AT(ChangeOwner), NULL, NULL, change_owner, NULL},
    {AT(SetNotNull), "ALTER COLUMN ", " DROP NOT NULL", NULL, NULL},
    {AT(DropNotNull), "ALTER COLUMN ", " SET NOT NULL", NULL, NULL},
    {AT(AddIdentity), "ALTER COLUMN ", " DROP IDENTITY", NULL, NULL},
    {AT(EnableTrig), "DISABLE TRIGGER ", "", NULL, NULL},
    {AT(DisableTrig), "ENABLE TRIGGER ", "", NULL, NULL},
    {AT(EnableRule), "DISABLE RULE ", "", NULL, NULL},
    {AT(DisableRule), "ENABLE RULE ", "", NULL, NULL},
    {AT(EnableRowSecurity), "DISABLE ROW LEVEL SECURITY", NULL, NULL, NULL},
    {AT(DisableRowSecurity), "ENABLE ROW LEVEL SECURITY", NULL, NULL, NULL},
    {AT(ForceRowSecurity), "NO FORCE ROW LEVEL SECURITY", NULL, NULL, NULL},
    {AT(NoForceRowSecurity), "FORCE ROW LEVEL SECURITY", NULL, NULL, NULL},
    {AT(SetLogged), "SET UNLOGGED", NULL, NULL, NULL},
    {AT(SetUnLogged), "SET LOGGED", NULL, NULL, NULL},
    {AT(DropColumn), NULL, NULL, NULL, undo_dropped},
    {AT(DropConstraint), NULL, NULL, NULL, undo_dropped},
    {AT(AlterColumnType), NULL, NULL, NULL,
     "the type before is not known from this text, nor whether the values go back into it"},
    {AT(ValidateConstraint), NULL, NULL, NULL,
     "a constraint cannot be made NOT VALID again: it can stay, or be dropped and added"},
    {AT(DetachPartition), NULL, NULL, NULL, "the partition's bounds are not known from this text"},
};
/* clang-format on */

static void alter(const struct altering *a, const struct alteration *row)
{
    if (row->undo != NULL) {
        row->undo(a);
        return;
    }
    if (row->before == NULL) {
        undo_mark(a->u, row->why);
        return;
    }
    if (row->after == NULL) {
        write_alter(a);
        str_puts(&a->u->sql, row->before);
    } else {
        write_part(a, row->before, a->command->name);
        str_puts(&a->u->sql, row->after);
    }
    undo_sure(a->u);
}

static const struct alteration *find_alteration(PgQuery__AlterTableType type)
{
    for (size_t i = 0; i < COUNT_OF(alterations); i++)
        if (alterations[i].type == type)
            return &alterations[i];
    return NULL;
}

/* A type that a column was changed to can be in the way of dropping that type. */
static bool is_covered(const struct altering *a)
{
    if (a->command->subtype == AT(AlterColumnType) && undo_has_made_any(a->u, "type"))
        return false;
    return undo_is_made_relation(a->u, a->table->relation) ||
           part_made(a, "column", a->command->name) || part_made(a, "constraint", a->command->name);
}

void undo_alter_table(struct undoing *u, const PgQuery__Node *node)
{
    struct altering a = {u, node->alter_table_stmt, NULL};
    for (size_t i = 0; i < a.table->n_cmds; i++) {
        if (a.table->cmds[i]->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD) {
            undo_mark_always(u, undo_not_known);
            continue;
        }
        a.command = a.table->cmds[i]->alter_table_cmd;
        u->covered = is_covered(&a);
        const struct alteration *const row = find_alteration(a.command->subtype);
        if (row != NULL)
            alter(&a, row);
        else
            undo_mark(u, undo_value_before);
    }
}
