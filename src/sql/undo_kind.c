/* The kinds of objects that ALTER and COMMENT ON name. */
#include "sql/undo_kind.h"

#include "sql/tree_name.h"

#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

static const struct undo_kind kinds[] = {
    {OBJECT(TABLE), "TABLE", "relation"},
    {OBJECT(VIEW), "VIEW", "relation"},
    {OBJECT(MATVIEW), "MATERIALIZED VIEW", "relation"},
    {OBJECT(SEQUENCE), "SEQUENCE", "relation"},
    {OBJECT(FOREIGN_TABLE), "FOREIGN TABLE", "relation"},
    {OBJECT(INDEX), "INDEX", "index"},
    {OBJECT(TYPE), "TYPE", "type"},
    {OBJECT(DOMAIN), "DOMAIN", "type"},
    {OBJECT(SCHEMA), "SCHEMA", "schema"},
    {OBJECT(ROLE), "ROLE", "role"},
    {OBJECT(EXTENSION), "EXTENSION", "extension"},
    {OBJECT(FUNCTION), "FUNCTION", "function"},
    {OBJECT(PROCEDURE), "PROCEDURE", "function"},
    {OBJECT(ROUTINE), "ROUTINE", "function"},
    {OBJECT(STATISTIC_EXT), "STATISTICS", "statistics"},
    {OBJECT(COLLATION), "COLLATION", "definition"},
    {OBJECT(TSCONFIGURATION), "TEXT SEARCH CONFIGURATION", "definition"},
    {OBJECT(TSDICTIONARY), "TEXT SEARCH DICTIONARY", "definition"},
    {OBJECT(EVENT_TRIGGER), "EVENT TRIGGER", "event trigger"},
    {OBJECT(PUBLICATION), "PUBLICATION", "publication"},
    {OBJECT(FDW), "FOREIGN DATA WRAPPER", "wrapper"},
    {OBJECT(FOREIGN_SERVER), "SERVER", "server"},
    {OBJECT(TRIGGER), "TRIGGER", "dependent"},
    {OBJECT(POLICY), "POLICY", "dependent"},
    {OBJECT(RULE), "RULE", "dependent"},
};

const struct undo_kind *undo_find_kind(PgQuery__ObjectType type)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

bool undo_is_only(PgQuery__ObjectType type, const PgQuery__RangeVar *range)
{
    return range != NULL && !range->inh && (type == OBJECT(TABLE) || type == OBJECT(FOREIGN_TABLE));
}

static bool ask_made(struct undoing *u, const char *kind, struct str *name)
{
    u->failed = u->failed || name->failed;
    const bool made = undo_has_made(u, kind, str_text(name));
    str_release(name);
    return made;
}

bool undo_is_made_relation(struct undoing *u, const PgQuery__RangeVar *range)
{
    struct str name = {0};
    tree_append_range(&name, range);
    return ask_made(u, "relation", &name);
}

/* Names of these are a table's and then their own. */
static bool belongs_to_table(PgQuery__ObjectType type)
{
    return type == OBJECT(COLUMN) || type == OBJECT(TABCONSTRAINT) || type == OBJECT(TRIGGER) ||
           type == OBJECT(POLICY) || type == OBJECT(RULE);
}

bool undo_is_made_object(struct undoing *u, PgQuery__ObjectType type,
                         const PgQuery__RangeVar *relation, const PgQuery__Node *object)
{
    struct str name = {0};
    if (belongs_to_table(type)) {
        if (object == NULL || object->node_case != PG_QUERY__NODE__NODE_LIST ||
            object->list->n_items == 0)
            return false;
        tree_append_list(&name, object->list->items, object->list->n_items - 1);
        return ask_made(u, "relation", &name);
    }
    const struct undo_kind *const kind = undo_find_kind(type);
    if (kind == NULL || !tree_append_object(&name, relation, object)) {
        str_release(&name);
        return false;
    }
    return ask_made(u, kind->made, &name);
}
