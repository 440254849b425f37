/* ALTER TABLE, and its like for views, indexes, sequences and composite types. */
#include <string.h>

#include "sql/facts_parts.h"

#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

struct altering {
    struct reading *r;
    const PgQuery__AlterTableStmt *table;
    const PgQuery__AlterTableCmd *command;
    struct subject subject;
};

/* ---- ADD COLUMN ---- */

/* Types that are surely no domain: PostgreSQL's own, and those of well-known extensions. */
static bool is_base_type(const PgQuery__TypeName *type)
{
    static const char *const names[] = {
        "bit",
        "bool",
        "box",
        "bpchar",
        "bytea",
        "char",
        "cidr",
        "circle",
        "citext",
        "date",
        "datemultirange",
        "daterange",
        "float4",
        "float8",
        "geography",
        "geometry",
        "halfvec",
        "hstore",
        "inet",
        "int2",
        "int4",
        "int4multirange",
        "int4range",
        "int8",
        "int8multirange",
        "int8range",
        "interval",
        "json",
        "jsonb",
        "jsonpath",
        "line",
        "lseg",
        "ltree",
        "macaddr",
        "macaddr8",
        "money",
        "name",
        "numeric",
        "nummultirange",
        "numrange",
        "oid",
        "path",
        "pg_lsn",
        "point",
        "polygon",
        "regclass",
        "regproc",
        "regtype",
        "sparsevec",
        "text",
        "time",
        "timestamp",
        "timestamptz",
        "timetz",
        "tsmultirange",
        "tsquery",
        "tsrange",
        "tstzmultirange",
        "tstzrange",
        "tsvector",
        "uuid",
        "varbit",
        "varchar",
        "vector",
        "xml",
    };
    if (type == NULL || type->n_names == 0)
        return false;
    const PgQuery__Node *const last = type->names[type->n_names - 1];
    if (last->node_case != PG_QUERY__NODE__NODE_STRING)
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(last->string->sval, names[i]) == 0)
            return true;
    return false;
}

static bool is_serial(const PgQuery__TypeName *type)
{
    static const char *const names[] = {"serial",  "serial2",   "serial4",
                                        "serial8", "bigserial", "smallserial"};
    if (type == NULL || type->n_names != 1 ||
        type->names[0]->node_case != PG_QUERY__NODE__NODE_STRING)
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(type->names[0]->string->sval, names[i]) == 0)
            return true;
    return false;
}

static bool is_null(const PgQuery__Node *value)
{
    return value->node_case == PG_QUERY__NODE__NODE_A_CONST && value->a_const->isnull;
}

struct column {
    bool has_default, is_filled; /* filled: by a sequence or an expression */
    bool not_null;
    const PgQuery__Constraint *foreign;
};

/* What one constraint of the column costs beside the column. */
static void add_column_constraint(const struct altering *a, const PgQuery__Constraint *constraint,
                                  struct column *column)
{
    enum form_id id;
    switch (constraint->contype) {
    case CONSTR(DEFAULT):
        column->has_default = constraint->raw_expr != NULL && !is_null(constraint->raw_expr);
        if (!column->has_default || !facts_volatile(constraint->raw_expr))
            return;
        facts_query(a->r, constraint->raw_expr);
        id = FORM_ADD_COLUMN_VOLATILE;
        break;
    case CONSTR(NOTNULL):
        column->not_null = true;
        return;
    case CONSTR(IDENTITY):
        column->is_filled = true;
        id = FORM_ADD_COLUMN_SERIAL;
        break;
    case CONSTR(GENERATED):
        column->is_filled = true;
        id = FORM_ADD_COLUMN_GENERATED;
        break;
    case CONSTR(CHECK):
        id = FORM_ADD_COLUMN_CHECK;
        break;
    case CONSTR(PRIMARY):
        id = FORM_ADD_COLUMN_PRIMARY;
        break;
    case CONSTR(UNIQUE):
        id = FORM_ADD_COLUMN_UNIQUE;
        break;
    case CONSTR(FOREIGN):
        column->foreign = constraint;
        return;
    default:
        return;
    }
    (void)facts_apply(a->r, form_of(id), a->subject);
}

static void add_column(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    const bool is_type = a->table->objtype == OBJECT(TYPE);
    (void)facts_apply(a->r, is_type ? form_of(FORM_ADD_ATTRIBUTE) : form_of_alter(AT(AddColumn)),
                      a->subject);
    if (def == NULL || def->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF) {
        facts_unknown(a->r, "its column is not understood");
        return;
    }
    if (is_type)
        return;
    const PgQuery__ColumnDef *const definition = def->column_def;
    struct column column = {.is_filled = is_serial(definition->type_name)};
    if (column.is_filled)
        (void)facts_apply(a->r, form_of(FORM_ADD_COLUMN_SERIAL), a->subject);
    else if (!is_base_type(definition->type_name))
        (void)facts_apply(a->r, form_of(FORM_ADD_COLUMN_DOMAIN), a->subject);
    for (size_t i = 0; i < definition->n_constraints; i++)
        if (definition->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
            add_column_constraint(a, definition->constraints[i]->constraint, &column);
    const bool has_value = column.has_default || column.is_filled;
    if (has_value || column.not_null)
        (void)facts_apply(a->r,
                          form_of(!column.not_null ? FORM_ADD_COLUMN_DEFAULT
                                  : has_value      ? FORM_ADD_COLUMN_NOT_NULL_DEFAULT
                                                   : FORM_ADD_COLUMN_NOT_NULL),
                          a->subject);
    if (column.foreign == NULL)
        return;
    (void)facts_apply(
        a->r,
        form_of(column.has_default ? FORM_ADD_COLUMN_REFERENCES_SCAN : FORM_ADD_COLUMN_REFERENCES),
        a->subject);
    facts_referenced(a->r, column.foreign);
}

/* ---- constraints ---- */

void facts_referenced(struct reading *r, const PgQuery__Constraint *constraint)
{
    (void)facts_apply_range(r, form_of(FORM_REFERENCED_TABLE), constraint->pktable);
}

static enum form_id constraint_form(const PgQuery__Constraint *constraint)
{
    const bool unchecked = constraint->skip_validation;
    switch (constraint->contype) {
    case CONSTR(CHECK):
        return unchecked ? FORM_ADD_CHECK_NOT_VALID : FORM_ADD_CHECK;
    case CONSTR(FOREIGN):
        return unchecked ? FORM_ADD_FOREIGN_KEY_NOT_VALID : FORM_ADD_FOREIGN_KEY;
    case CONSTR(PRIMARY):
        return constraint->indexname[0] != '\0' ? FORM_ADD_PRIMARY_USING_INDEX : FORM_ADD_PRIMARY;
    case CONSTR(UNIQUE):
        return constraint->indexname[0] != '\0' ? FORM_ADD_UNIQUE_USING_INDEX : FORM_ADD_UNIQUE;
    case CONSTR(EXCLUSION):
        return FORM_ADD_EXCLUDE;
    default:
        return FORM_COUNT;
    }
}

static void add_constraint(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    const enum form_id id = def != NULL && def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT
                                ? constraint_form(def->constraint)
                                : FORM_COUNT;
    if (id == FORM_COUNT) {
        (void)facts_apply(a->r, form_of(FORM_ADD_CHECK), a->subject);
        facts_unknown(a->r, "its constraint is not understood");
        return;
    }
    (void)facts_apply(a->r, form_of(id), a->subject);
    if (def->constraint->contype == CONSTR(FOREIGN))
        facts_referenced(a->r, def->constraint);
}

/* ---- the rest ---- */

/* Storage parameters that a weaker lock is enough for; the others are like a definition. */
static bool is_weak_option(const char *name)
{
    static const char *const names[] = {
        "fillfactor",           "toast_tuple_target", "parallel_workers",
        "vacuum_index_cleanup", "vacuum_truncate",    "log_autovacuum_min_duration",
        "deduplicate_items",
    };
    if (strncmp(name, "autovacuum_", strlen("autovacuum_")) == 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void set_options(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    bool weak = def != NULL && def->node_case == PG_QUERY__NODE__NODE_LIST;
    for (size_t i = 0; weak && i < def->list->n_items; i++)
        weak = def->list->items[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
               is_weak_option(def->list->items[i]->def_elem->defname);
    (void)facts_apply(a->r,
                      weak ? form_of_alter(a->command->subtype) : form_of(FORM_SET_STRONG_OPTION),
                      a->subject);
}

static const PgQuery__PartitionCmd *partition_of(const PgQuery__AlterTableCmd *command)
{
    const bool is_partition =
        command->def != NULL && command->def->node_case == PG_QUERY__NODE__NODE_PARTITION_CMD;
    return is_partition ? command->def->partition_cmd : NULL;
}

static struct subject index_subject(struct reading *r, const PgQuery__RangeVar *range)
{
    return (struct subject){.object = LOCKED_INDEX, .name = facts_range_name(r, range)};
}

static void attach(const struct altering *a)
{
    const PgQuery__PartitionCmd *const partition = partition_of(a->command);
    if (partition == NULL) {
        facts_unknown(a->r, "its partition is not understood");
    } else if (a->table->objtype == OBJECT(INDEX)) {
        (void)facts_apply(a->r, form_of(FORM_ATTACH_INDEX), a->subject);
        (void)facts_apply(a->r, form_of(FORM_ATTACHED_INDEX), index_subject(a->r, partition->name));
    } else {
        (void)facts_apply(a->r, form_of_alter(a->command->subtype), a->subject);
        (void)facts_apply_range(a->r, form_of(FORM_ATTACHED_TABLE), partition->name);
    }
}

static void detach(const struct altering *a)
{
    const PgQuery__PartitionCmd *const partition = partition_of(a->command);
    if (partition == NULL) {
        facts_unknown(a->r, "its partition is not understood");
        return;
    }
    (void)facts_apply(a->r,
                      partition->concurrent ? form_of(FORM_DETACH_CONCURRENTLY)
                                            : form_of_alter(a->command->subtype),
                      a->subject);
    (void)facts_apply_range(a->r, form_of(FORM_DETACHED_TABLE), partition->name);
}

static void inherit(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    (void)facts_apply(a->r, form_of_alter(a->command->subtype), a->subject);
    if (def == NULL || def->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
        return;
    const bool adds = a->command->subtype == AT(AddInherit);
    (void)facts_apply_range(a->r, form_of(adds ? FORM_INHERIT_PARENT : FORM_NO_INHERIT_PARENT),
                            def->range_var);
}

void facts_table_type(struct reading *r, const PgQuery__TypeName *type)
{
    (void)facts_apply(r, form_of(FORM_TABLE_TYPE),
                      (struct subject){.object = LOCKED_COMPOSITE,
                                       .name = facts_list_name(r, type->names, type->n_names, 0)});
}

static void set_type(const struct altering *a)
{
    const PgQuery__Node *const def = a->command->def;
    (void)facts_apply(a->r, form_of_alter(a->command->subtype), a->subject);
    if (def != NULL && def->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
        facts_table_type(a->r, def->type_name);
}

/* A default of NULL is none. */
static void set_default(const struct altering *a)
{
    const PgQuery__Node *const value = a->command->def;
    const bool drops = value == NULL || is_null(value);
    (void)facts_apply(a->r, drops ? form_of(FORM_DROP_DEFAULT) : form_of_alter(AT(ColumnDefault)),
                      a->subject);
}

static void run_command(const struct altering *a)
{
    const struct form *const form = form_of_alter(a->command->subtype);
    switch (a->command->subtype) {
    case AT(AddColumn):
        add_column(a);
        return;
    case AT(ColumnDefault):
        set_default(a);
        return;
    case AT(AddConstraint):
        add_constraint(a);
        return;
    case AT(SetRelOptions):
    case AT(ResetRelOptions):
        set_options(a);
        return;
    case AT(AttachPartition):
        attach(a);
        return;
    case AT(DetachPartition):
    case AT(DetachPartitionFinalize):
        detach(a);
        return;
    case AT(AddInherit):
    case AT(DropInherit):
        inherit(a);
        return;
    case AT(AddOf):
        set_type(a);
        return;
    default:
        if (form != NULL)
            (void)facts_apply(a->r, form, a->subject);
        else
            facts_unknown(a->r, "pawl does not know this sub-command of ALTER TABLE");
    }
}

/* One ALTER TABLE takes its strongest lock from the start, on those below too. */
static void raise_children(struct reading *r, const struct subject *subject)
{
    for (size_t i = 0; i < r->facts->locks.count; i++) {
        struct locked *const row = &r->facts->locks.items[i];
        if (row->object == subject->object && strcmp(row->name, subject->name) == 0 &&
            row->descent != DESCENT_NONE)
            row->children = row->mode;
    }
}

/* Over the table's name, to the first command. */
static struct lexer after_name(const struct reading *r, const PgQuery__RangeVar *relation)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, r->statement.at, r->statement.len);
    lexer.pos = (size_t)relation->location;
    (void)lexer_next_solid(&lexer);
    for (struct lexer ahead = lexer;; lexer = ahead) {
        const struct token token = lexer_next_solid(&ahead);
        if (token.type != TOKEN_SYMBOL || !(span_is(token.span, ".") || span_is(token.span, "*")))
            return lexer;
        if (span_is(token.span, "."))
            (void)lexer_next_solid(&ahead);
    }
}

/* The tree does not say where a command stands. Moves from one to the next, behind its comma, and
 * returns where that starts. */
static int next_command(struct lexer *lexer, bool first)
{
    int depth = 0;
    for (struct lexer ahead = *lexer;;) {
        const struct token token = lexer_next_solid(&ahead);
        if (first || token.type == TOKEN_END)
            return (int)token.start;
        *lexer = ahead;
        if (token.type == TOKEN_SYMBOL && (span_is(token.span, "(") || span_is(token.span, "[")))
            depth++;
        if (token.type == TOKEN_SYMBOL && (span_is(token.span, ")") || span_is(token.span, "]")))
            depth--;
        first = depth == 0 && token.type == TOKEN_SYMBOL && span_is(token.span, ",");
    }
}

/* The column or constraint that the command makes; NULL: it makes none that has a name. */
static const char *made_part(struct reading *r, const PgQuery__AlterTableCmd *command)
{
    const PgQuery__Node *const def = command->def;
    if (def == NULL)
        return NULL;
    if (command->subtype == AT(AddColumn) && def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
        return facts_part(r, def->column_def->colname);
    if (command->subtype == AT(AddConstraint) && def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
        return facts_part(r, def->constraint->conname);
    return NULL;
}

/* Its expressions are run for the rows that are there. */
static bool evaluates(const PgQuery__AlterTableCmd *command)
{
    const PgQuery__Node *const def = command->def;
    const bool unchecked = def != NULL && def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
                           def->constraint->skip_validation;
    return command->subtype == AT(AddColumn) || command->subtype == AT(AlterColumnType) ||
           (command->subtype == AT(AddConstraint) && !unchecked);
}

void facts_alter_table(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterTableStmt *const table = node->alter_table_stmt;
    const bool is_index = table->objtype == OBJECT(INDEX);
    struct altering a = {.r = r, .table = table};
    a.subject = (struct subject){
        .object = is_index ? LOCKED_INDEX : LOCKED_RELATION,
        .name = facts_range_name(r, table->relation),
        .only = table->relation == NULL || !table->relation->inh,
    };
    if (a.subject.name == NULL)
        return;
    struct lexer lexer = after_name(r, table->relation);
    for (size_t i = 0; i < table->n_cmds; i++) {
        r->at = next_command(&lexer, i == 0);
        if (table->cmds[i]->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
            continue;
        r->node = table->cmds[i];
        a.command = table->cmds[i]->alter_table_cmd;
        a.subject.part = made_part(r, a.command);
        a.subject.makes = a.subject.part != NULL;
        if (!a.subject.makes)
            a.subject.part = facts_part(r, a.command->name);
        a.subject.cascade = a.command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
        run_command(&a);
        if (evaluates(a.command))
            facts_calls(r, a.command->def);
    }
    raise_children(r, &a.subject);
}
