/* Tables from trees: CREATE TABLE, CREATE INDEX, ALTER TABLE ADD, and what takes them away. */
#include "check/made.h"

#include <string.h>

#include "sql/tree_name.h"

#define NODE(name)   PG_QUERY__NODE__NODE_##name
#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name
#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

/* A statement that is read. */
struct making {
    struct made *made;
    const struct migration *migration;
    const struct statement *statement;
};

static struct lint_spot place(const struct making *m, int at)
{
    return (struct lint_spot){m->migration, *m->statement, at > 0 ? at : 0};
}

static const char *keep(const struct making *m, struct str *text)
{
    const char *const kept =
        text->failed ? NULL : arena_strndup(m->made->arena, str_text(text), text->len);
    m->made->failed = m->made->failed || kept == NULL;
    str_release(text);
    return kept;
}

static const char *range_name(const struct making *m, const PgQuery__RangeVar *range)
{
    struct str text = {0};
    tree_append_range(&text, range);
    return keep(m, &text);
}

static const char *list_name(const struct making *m, const PgQuery__List *list)
{
    struct str text = {0};
    tree_append_list(&text, list->items, list->n_items);
    return keep(m, &text);
}

static void add_name(const struct making *m, struct made_names *names, const char *name)
{
    const char **const item = arena_push(m->made->arena, names);
    if (item != NULL)
        *item = arena_strdup(m->made->arena, name);
    m->made->failed = m->made->failed || item == NULL || *item == NULL;
}

static struct made_names string_names(const struct making *m, PgQuery__Node *const *nodes,
                                      size_t count)
{
    struct made_names names = {0};
    for (size_t i = 0; i < count; i++)
        if (nodes[i]->node_case == NODE(STRING))
            add_name(m, &names, nodes[i]->string->sval);
    return names;
}

static struct made_table *find_table(const struct made *made, const char *name)
{
    for (size_t i = made->tables.count; name != NULL && i-- > 0;)
        if (made->tables.items[i].name != NULL && strcmp(made->tables.items[i].name, name) == 0)
            return &made->tables.items[i];
    return NULL;
}

static struct made_table *add_table(const struct making *m, const char *name)
{
    struct made_table *const table = arena_push(m->made->arena, &m->made->tables);
    m->made->failed = m->made->failed || table == NULL;
    if (table != NULL)
        table->name = name;
    return table;
}

/* One that stood before the review is noted when something is added to it. */
static struct made_table *table_of(const struct making *m, const PgQuery__RangeVar *range)
{
    const char *const name = range != NULL ? range_name(m, range) : NULL;
    struct made_table *const known = find_table(m->made, name);
    return known != NULL || name == NULL ? known : add_table(m, name);
}

/* ---- columns and constraints ---- */

/* Spellings of one type. Text of any length is one too: it compares without a cast. */
static const char *plain_type(const char *name)
{
    static const char *const pairs[][2] = {
        {"serial", "int4"},  {"serial4", "int4"}, {"bigserial", "int8"}, {"serial8", "int8"},
        {"serial2", "int2"}, {"bpchar", "text"},  {"varchar", "text"},   {"smallserial", "int2"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (strcmp(name, pairs[i][0]) == 0)
            return pairs[i][1];
    return name;
}

static const char *column_type(const struct making *m, const PgQuery__TypeName *type)
{
    if (type == NULL || type->n_names == 0 || type->n_array_bounds > 0 ||
        type->names[type->n_names - 1]->node_case != NODE(STRING))
        return NULL;
    const char *const name = plain_type(type->names[type->n_names - 1]->string->sval);
    const char *const kept = arena_strdup(m->made->arena, name);
    m->made->failed = m->made->failed || kept == NULL;
    return kept;
}

static void add_key(const struct making *m, struct made_table *table, enum made_kind kind,
                    struct made_names columns, int at)
{
    struct made_key *const key = arena_push(m->made->arena, &table->keys);
    m->made->failed = m->made->failed || key == NULL;
    if (key != NULL)
        *key = (struct made_key){
            .kind = kind, .columns = columns, .plain = true, .place = place(m, at)};
}

static void add_foreign(const struct making *m, struct made_table *table,
                        const PgQuery__Constraint *constraint, struct made_names columns)
{
    struct made_foreign *const foreign = arena_push(m->made->arena, &table->foreign);
    m->made->failed = m->made->failed || foreign == NULL;
    if (foreign == NULL || constraint->pktable == NULL)
        return;
    *foreign = (struct made_foreign){
        .columns = columns,
        .parent = range_name(m, constraint->pktable),
        .parent_columns = string_names(m, constraint->pk_attrs, constraint->n_pk_attrs),
        .place = place(m, constraint->location),
    };
}

/* column: the one that the constraint stands behind; NULL for one of the table. */
static void add_constraint(const struct making *m, struct made_table *table, const char *column,
                           const PgQuery__Node *node)
{
    if (node->node_case != NODE(CONSTRAINT))
        return;
    const PgQuery__Constraint *const constraint = node->constraint;
    const bool is_foreign = constraint->contype == CONSTR(FOREIGN);
    struct made_names columns = {0};
    if (column != NULL)
        add_name(m, &columns, column);
    else if (is_foreign)
        columns = string_names(m, constraint->fk_attrs, constraint->n_fk_attrs);
    else
        columns = string_names(m, constraint->keys, constraint->n_keys);
    if (is_foreign)
        add_foreign(m, table, constraint, columns);
    else if (constraint->contype == CONSTR(PRIMARY))
        add_key(m, table, MADE_PRIMARY, columns, constraint->location);
    else if (constraint->contype == CONSTR(UNIQUE))
        add_key(m, table, MADE_UNIQUE, columns, constraint->location);
}

static void add_column(const struct making *m, struct made_table *table,
                       const PgQuery__ColumnDef *definition)
{
    struct made_column *const column = arena_push(m->made->arena, &table->columns);
    m->made->failed = m->made->failed || column == NULL;
    if (column == NULL)
        return;
    *column = (struct made_column){.name = arena_strdup(m->made->arena, definition->colname),
                                   .type = column_type(m, definition->type_name),
                                   .place = place(m, definition->location)};
    m->made->failed = m->made->failed || column->name == NULL;
    for (size_t i = 0; i < definition->n_constraints; i++)
        add_constraint(m, table, definition->colname, definition->constraints[i]);
}

/* ---- statements ---- */

static void create_table(const struct making *m, const PgQuery__CreateStmt *create)
{
    if (create->relation == NULL)
        return;
    const char *const name = range_name(m, create->relation);
    if (name == NULL || (create->if_not_exists && find_table(m->made, name) != NULL))
        return;
    struct made_table *const table = add_table(m, name);
    if (table == NULL)
        return;
    table->is_new = true;
    table->opaque =
        create->n_inh_relations > 0 || create->partbound != NULL || create->of_typename != NULL;
    table->passing = create->partspec != NULL || strcmp(create->relation->relpersistence, "t") == 0;
    table->place = place(m, create->relation->location);
    for (size_t i = 0; i < create->n_table_elts; i++) {
        const PgQuery__Node *const element = create->table_elts[i];
        if (element->node_case == NODE(COLUMN_DEF))
            add_column(m, table, element->column_def);
        else if (element->node_case == NODE(TABLE_LIKE_CLAUSE))
            table->opaque = true;
        else
            add_constraint(m, table, NULL, element);
    }
}

static bool is_usual(const PgQuery__IndexElem *element)
{
    return element->name[0] != '\0' && element->n_collation == 0 && element->n_opclass == 0 &&
           element->ordering <= PG_QUERY__SORT_BY_DIR__SORTBY_ASC &&
           element->nulls_ordering <= PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT;
}

static void create_index(const struct making *m, const PgQuery__IndexStmt *index)
{
    struct made_table *const table = table_of(m, index->relation);
    struct made_names columns = {0};
    bool plain = strcmp(index->access_method, "btree") == 0 && index->where_clause == NULL &&
                 index->n_index_including_params == 0;
    for (size_t i = 0; i < index->n_index_params; i++) {
        if (index->index_params[i]->node_case != NODE(INDEX_ELEM))
            continue;
        const PgQuery__IndexElem *const element = index->index_params[i]->index_elem;
        plain = plain && is_usual(element);
        add_name(m, &columns, element->name);
    }
    if (table == NULL)
        return;
    const size_t before = table->keys.count;
    add_key(m, table, index->unique ? MADE_UNIQUE : MADE_INDEX, columns, index->relation->location);
    if (table->keys.count == before)
        return;
    struct made_key *const key = &table->keys.items[before];
    key->plain = plain;
    if (index->idxname[0] == '\0')
        return;
    struct str name = {0};
    tree_append_name(&name, index->idxname);
    key->name = keep(m, &name);
}

static void alter_table(const struct making *m, const PgQuery__AlterTableStmt *alter)
{
    struct made_table *const table =
        alter->objtype == OBJECT(TABLE) ? table_of(m, alter->relation) : NULL;
    for (size_t i = 0; table != NULL && i < alter->n_cmds; i++) {
        const PgQuery__AlterTableCmd *const command =
            alter->cmds[i]->node_case == NODE(ALTER_TABLE_CMD) ? alter->cmds[i]->alter_table_cmd
                                                               : NULL;
        if (command == NULL || command->def == NULL)
            continue;
        if (command->subtype == AT(AddColumn) && command->def->node_case == NODE(COLUMN_DEF))
            add_column(m, table, command->def->column_def);
        if (command->subtype == AT(AddConstraint))
            add_constraint(m, table, NULL, command->def);
    }
}

static void drop_index(struct made *made, const char *name)
{
    for (size_t i = 0; i < made->tables.count; i++) {
        struct made_table *const table = &made->tables.items[i];
        for (size_t k = 0; k < table->keys.count; k++)
            if (table->keys.items[k].name != NULL && strcmp(table->keys.items[k].name, name) == 0)
                table->keys.items[k].columns.count = 0;
    }
}

static void drop(const struct making *m, const PgQuery__DropStmt *statement)
{
    for (size_t i = 0; i < statement->n_objects; i++) {
        if (statement->objects[i]->node_case != NODE(LIST))
            continue;
        const char *const name = list_name(m, statement->objects[i]->list);
        struct made_table *const table = find_table(m->made, name);
        if (statement->remove_type == OBJECT(TABLE) && table != NULL)
            table->name = NULL;
        if (statement->remove_type == OBJECT(INDEX) && name != NULL)
            drop_index(m->made, name);
    }
}

static void rename_table(const struct making *m, const PgQuery__RenameStmt *statement)
{
    if (statement->rename_type != OBJECT(TABLE) || statement->relation == NULL)
        return;
    struct made_table *const table = find_table(m->made, range_name(m, statement->relation));
    PgQuery__RangeVar to = *statement->relation;
    to.relname = statement->newname;
    if (table != NULL)
        table->name = range_name(m, &to);
}

void made_by(struct made *made, const struct PgQuery__Node *tree, const struct migration *migration,
             const struct statement *statement)
{
    const struct making m = {made, migration, statement};
    if (tree == NULL)
        return;
    switch (tree->node_case) {
    case NODE(CREATE_STMT):
        create_table(&m, tree->create_stmt);
        return;
    case NODE(INDEX_STMT):
        create_index(&m, tree->index_stmt);
        return;
    case NODE(ALTER_TABLE_STMT):
        alter_table(&m, tree->alter_table_stmt);
        return;
    case NODE(DROP_STMT):
        drop(&m, tree->drop_stmt);
        return;
    case NODE(RENAME_STMT):
        rename_table(&m, tree->rename_stmt);
        return;
    default:
        return;
    }
}

/* ---- questions ---- */

const struct made_table *made_table(const struct made *made, const char *name)
{
    return find_table(made, name);
}

const struct made_column *made_column(const struct made_table *table, const char *name)
{
    for (size_t i = table->columns.count; i-- > 0;)
        if (strcmp(table->columns.items[i].name, name) == 0)
            return &table->columns.items[i];
    return NULL;
}

const struct made_key *made_primary(const struct made_table *table)
{
    for (size_t i = 0; i < table->keys.count; i++)
        if (table->keys.items[i].kind == MADE_PRIMARY)
            return &table->keys.items[i];
    return NULL;
}
