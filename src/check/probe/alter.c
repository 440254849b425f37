/* ALTER TABLE, command by command, and the constraints that it adds. */
#include "check/probe/parts.h"
#include "sql/facts_form.h"

/* ---- constraints ---- */

void probe_constraint(struct probing *p, struct probed_table *table,
                      const PgQuery__Constraint *constraint, const char *column)
{
    const int at = constraint->location;
    PgQuery__String string = PG_QUERY__STRING__INIT;
    PgQuery__Node node = PG_QUERY__NODE__INIT, *own = &node;
    node.node_case = NODE(STRING);
    node.string = &string;
    string.sval = arena_strdup(p->arena, column != NULL ? column : "");
    if (string.sval == NULL) {
        p->failed = !err_nomem(p->err);
        return;
    }
    PgQuery__Node *const *const keys = column != NULL ? &own : constraint->keys;
    const size_t key_count = column != NULL ? 1 : constraint->n_keys;
    const char *const name =
        constraint->conname[0] != '\0' ? probing_text(p, "%s ", constraint->conname) : "";
    switch (constraint->contype) {
    case CONSTR(NOTNULL):
        probe_not_null(p, table, column);
        return;
    case CONSTR(CHECK):
        table->gains_rules = true;
        if (!constraint->skip_validation)
            probe_check(p, table, text_in_parens(p->text, at, "CHECK"), constraint->raw_expr,
                        constraint->is_no_inherit, name);
        return;
    case CONSTR(PRIMARY):
        for (size_t i = 0; constraint->indexname[0] == '\0' && i < key_count; i++)
            if (keys[i]->node_case == NODE(STRING))
                probe_not_null(p, table, probing_text(p, "%s", keys[i]->string->sval));
        /* fall through */
    case CONSTR(UNIQUE):
        if (constraint->indexname[0] != '\0')
            probe_using_index(p, table, constraint);
        else
            probe_unique(p, table, (struct span){0}, keys, key_count, (struct span){0},
                         constraint->nulls_not_distinct, "");
        return;
    case CONSTR(EXCLUSION):
        probe_exclude(p, table, constraint);
        return;
    case CONSTR(FOREIGN):
        table->gains_rules = true;
        if (!constraint->skip_validation)
            probe_foreign(p, table, constraint, column);
        return;
    default:
        return;
    }
}

/* A later VALIDATE reads it again. */
static void note_unproven(struct probing *p, struct probed_table *table,
                          const PgQuery__Constraint *constraint, size_t command)
{
    if (!constraint->skip_validation || constraint->conname[0] == '\0')
        return;
    struct unproven *const unproven = arena_push(p->arena, &p->unproven);
    const char *const name = probing_text(p, "%s", constraint->conname);
    if (unproven == NULL)
        p->failed = !err_nomem(p->err);
    else
        *unproven = (struct unproven){table, name, p->at->text, command};
}

/* ---- ALTER TABLE ---- */

static void add_column(struct probing *p, struct probed_table *table,
                       const PgQuery__ColumnDef *column)
{
    layer_add_column(p, table, column);
    for (size_t i = 0; i < column->n_constraints && !p->failed; i++) {
        const PgQuery__Node *const node = column->constraints[i];
        if (node->node_case != NODE(CONSTRAINT))
            continue;
        if (node->constraint->contype == CONSTR(GENERATED))
            probe_generated(p, table, probing_text(p, "%s", column->colname),
                            text_in_parens(p->text, node->constraint->location, "AS"),
                            node->constraint->raw_expr);
        else
            probe_constraint(p, table, node->constraint, column->colname);
    }
}

static void alter_column_default(struct probing *p, struct probed_table *table,
                                 const PgQuery__AlterTableCmd *cmd)
{
    struct probed_column *const column = table_column(table, cmd->name);
    if (column == NULL)
        return;
    const struct span text = text_after(p->text, p->byte, "DEFAULT", "");
    column->default_value =
        cmd->def != NULL && text.len > 0 ? probing_text(p, "%.*s", (int)text.len, text.at) : NULL;
}

static void alter_command(struct probing *p, struct probed_table *table,
                          const PgQuery__AlterTableCmd *cmd, size_t number)
{
    switch (cmd->subtype) {
    case AT(AddColumn):
        if (cmd->def != NULL && cmd->def->node_case == NODE(COLUMN_DEF))
            add_column(p, table, cmd->def->column_def);
        return;
    case AT(DropColumn):
        probe_drop_column(p, table, cmd);
        layer_drop_column(p, table, cmd->name);
        return;
    case AT(ColumnDefault):
        alter_column_default(p, table, cmd);
        return;
    case AT(SetNotNull):
        probe_not_null(p, table, cmd->name);
        return;
    case AT(DropNotNull):
        if (table_column(table, cmd->name) != NULL)
            table_column(table, cmd->name)->not_null = false;
        return;
    case AT(AddConstraint):
        if (cmd->def == NULL || cmd->def->node_case != NODE(CONSTRAINT))
            return;
        probe_constraint(p, table, cmd->def->constraint, NULL);
        note_unproven(p, table, cmd->def->constraint, number);
        return;
    case AT(ValidateConstraint):
        probe_validate(p, table, cmd->name);
        return;
    case AT(DropConstraint):
        probe_drop_constraint(p, table, cmd->name);
        return;
    case AT(AlterColumnType):
        probe_retype(p, table, cmd);
        return;
    case AT(AttachPartition):
        if (cmd->def != NULL && cmd->def->node_case == NODE(PARTITION_CMD))
            probe_attach(p, table, cmd->def->partition_cmd);
        return;
    default:
        return;
    }
}

/* The server works on the commands of one statement by passes: what goes first, then types, then
 * columns, then constraints. */
static int pass_of(const PgQuery__AlterTableCmd *cmd)
{
    switch (cmd->subtype) {
    case AT(DropColumn):
    case AT(DropConstraint):
    case AT(DropNotNull):
        return 0;
    case AT(AlterColumnType):
        return 1;
    case AT(AddColumn):
        return 2;
    default:
        return 3;
    }
}

static int byte_of(const struct probing *p, const PgQuery__Node *node)
{
    for (size_t i = 0; i < p->facts->acts.count; i++)
        if (p->facts->acts.items[i].node == node)
            return p->facts->acts.items[i].at > 0 ? p->facts->acts.items[i].at : 0;
    return 0;
}

void probe_alter_table(struct probing *p, const PgQuery__AlterTableStmt *alter)
{
    enum { PASSES = 4 };
    if (alter->objtype != OBJECT(TABLE))
        return;
    struct probed_table *const table = probing_table(p, alter->relation);
    for (int pass = 0; pass < PASSES; pass++)
        for (size_t i = 0; table != NULL && !p->failed && i < alter->n_cmds; i++) {
            if (alter->cmds[i]->node_case != NODE(ALTER_TABLE_CMD) ||
                pass_of(alter->cmds[i]->alter_table_cmd) != pass)
                continue;
            p->byte = byte_of(p, alter->cmds[i]);
            alter_command(p, table, alter->cmds[i]->alter_table_cmd, i);
        }
}
