/* RENAME, SET SCHEMA, and the ALTERs that are not of a table. */
#include <string.h>

#include "sql/tree_name.h"
#include "sql/undo_kind.h"
#include "sql/undo_nodes.h"

#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

static const char if_exists[] = "with IF EXISTS it may have done nothing";

/* ALTER DOMAIN by the letter that the parser gives it. */
static void alter_domain(struct undoing *u, const PgQuery__AlterDomainStmt *alter)
{
    const PgQuery__Node *const def = alter->def;
    switch (alter->subtype[0]) {
    case 'O':
        str_puts(&u->sql, " DROP NOT NULL");
        undo_sure(u);
        return;
    case 'N':
        str_puts(&u->sql, " SET NOT NULL");
        undo_sure(u);
        return;
    case 'C':
        if (def == NULL || def->node_case != PG_QUERY__NODE__NODE_CONSTRAINT ||
            def->constraint->conname[0] == '\0')
            break;
        str_puts(&u->sql, " DROP CONSTRAINT ");
        tree_append_name(&u->sql, def->constraint->conname);
        undo_sure(u);
        return;
    default:
        break;
    }
    str_clear(&u->sql);
    undo_mark_always(u, alter->subtype[0] == 'C' ? undo_unnamed : undo_value_before);
}

void undo_alter_domain(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__AlterDomainStmt *const alter = node->alter_domain_stmt;
    str_puts(&u->sql, "ALTER DOMAIN ");
    tree_append_list(&u->sql, alter->type_name, alter->n_type_name);
    alter_domain(u, alter);
}

static void append_literal(struct str *out, const char *text)
{
    str_putc(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            str_putc(out, '\'');
        str_putc(out, *text);
    }
    str_putc(out, '\'');
}

void undo_alter_enum(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__AlterEnumStmt *const alter = node->alter_enum_stmt;
    struct str name = {0};
    tree_append_list(&name, alter->type_name, alter->n_type_name);
    if (alter->old_val[0] == '\0') {
        u->covered = undo_has_made(u, "type", str_text(&name));
        undo_mark(u, "a value cannot be taken out of an enum");
    } else {
        str_printf(&u->sql, "ALTER TYPE %s RENAME VALUE ", str_text(&name));
        append_literal(&u->sql, alter->new_val);
        str_puts(&u->sql, " TO ");
        append_literal(&u->sql, alter->old_val);
        undo_sure(u);
    }
    u->failed = u->failed || name.failed;
    str_release(&name);
}

/* A sequence that a column owns is dropped with it, and then cannot be dropped again. */
void undo_alter_sequence(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__AlterSeqStmt *const alter = node->alter_seq_stmt;
    bool owned = false;
    for (size_t i = 0; i < alter->n_options; i++)
        owned = owned || (alter->options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
                          strcmp(alter->options[i]->def_elem->defname, "owned_by") == 0);
    u->covered = undo_is_made_relation(u, alter->sequence);
    if (!u->covered || !owned) {
        undo_mark(u, undo_value_before);
        return;
    }
    str_puts(&u->sql, "ALTER SEQUENCE ");
    tree_append_range(&u->sql, alter->sequence);
    str_puts(&u->sql, " OWNED BY NONE");
    undo_sure(u);
}

void undo_owner(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__AlterOwnerStmt *const alter = node->alter_owner_stmt;
    u->covered = !undo_has_made_any(u, "role") &&
                 undo_is_made_object(u, alter->object_type, alter->relation, alter->object);
    undo_mark(u, undo_value_before);
}

/* ---- names that change ---- */

/* The name of a type, a function … in its parts; none for what has another kind of name. */
struct parts {
    PgQuery__Node *const *items;
    size_t count;
    const PgQuery__ObjectWithArgs *function;
};

static struct parts parts_of(const PgQuery__Node *object)
{
    if (object != NULL && object->node_case == PG_QUERY__NODE__NODE_LIST)
        return (struct parts){object->list->items, object->list->n_items, NULL};
    if (object != NULL && object->node_case == PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS)
        return (struct parts){object->object_with_args->objname,
                              object->object_with_args->n_objname, object->object_with_args};
    return (struct parts){0};
}

static const char *part(const struct parts *parts, size_t from_end)
{
    if (parts->count < from_end ||
        parts->items[parts->count - from_end]->node_case != PG_QUERY__NODE__NODE_STRING)
        return "";
    return parts->items[parts->count - from_end]->string->sval;
}

static void append_qualified(struct str *out, const char *schema, const char *name)
{
    if (schema[0] != '\0') {
        tree_append_name(out, schema);
        str_putc(out, '.');
    }
    tree_append_name(out, name);
}

/* Moves back "ALTER KEYWORD new.name(arguments) SET SCHEMA old". */
void undo_set_schema(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__AlterObjectSchemaStmt *const set = node->alter_object_schema_stmt;
    const struct undo_kind *const kind = undo_find_kind(set->object_type);
    const struct parts parts = parts_of(set->object);
    const PgQuery__RangeVar *const range = set->relation;
    const char *const schema = range != NULL ? range->schemaname : part(&parts, 2);
    const char *const name = range != NULL ? range->relname : part(&parts, 1);
    bool known = kind != NULL && name[0] != '\0';
    undo_forget_made(u);
    if (known && schema[0] != '\0') {
        str_printf(&u->sql, "ALTER %s ", kind->keyword);
        append_qualified(&u->sql, set->newschema, name);
        if (parts.function != NULL)
            known = tree_append_object_arguments(&u->sql, parts.function);
        str_puts(&u->sql, " SET SCHEMA ");
        tree_append_name(&u->sql, schema);
    }
    if (!known)
        str_clear(&u->sql);
    if (!known || schema[0] == '\0')
        undo_mark_always(u, "the schema that it came from is not named here");
    else if (set->missing_ok)
        undo_mark_always(u, if_exists);
    else
        undo_sure(u);
}

/* A column, an attribute, a constraint: "ALTER TABLE x RENAME COLUMN new TO old". */
static bool write_part_rename(struct undoing *u, const PgQuery__RenameStmt *rename)
{
    static const struct {
        PgQuery__ObjectType type;
        const char *keyword, *part; /* keyword NULL: that of the relation */
    } rows[] = {
        {OBJECT(COLUMN), NULL, "COLUMN"},
        {OBJECT(ATTRIBUTE), "TYPE", "ATTRIBUTE"},
        {OBJECT(TABCONSTRAINT), "TABLE", "CONSTRAINT"},
        {OBJECT(DOMCONSTRAINT), "DOMAIN", "CONSTRAINT"},
    };
    const struct undo_kind *const relation = undo_find_kind(rename->relation_type);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].type != rename->rename_type)
            continue;
        const char *const keyword = rows[i].keyword != NULL ? rows[i].keyword
                                    : relation != NULL      ? relation->keyword
                                                            : "TABLE";
        str_printf(&u->sql, "ALTER %s ", keyword);
        if (undo_is_only(rename->relation_type, rename->relation))
            str_puts(&u->sql, "ONLY ");
        if (!tree_append_object(&u->sql, rename->relation, rename->object))
            return false;
        str_printf(&u->sql, " RENAME %s ", rows[i].part);
        tree_append_name(&u->sql, rename->newname);
        str_puts(&u->sql, " TO ");
        tree_append_name(&u->sql, rename->subname);
        return true;
    }
    return false;
}

/* What has its old name in subname: a schema, a role, a trigger of a table. */
static void write_sub_rename(struct undoing *u, const PgQuery__RenameStmt *rename)
{
    tree_append_name(&u->sql, rename->newname);
    if (rename->relation != NULL) {
        str_puts(&u->sql, " ON ");
        tree_append_range(&u->sql, rename->relation);
    }
    str_puts(&u->sql, " RENAME TO ");
    tree_append_name(&u->sql, rename->subname);
}

static bool write_object_rename(struct undoing *u, const PgQuery__RenameStmt *rename)
{
    const struct parts parts = parts_of(rename->object);
    const bool single =
        rename->object != NULL && rename->object->node_case == PG_QUERY__NODE__NODE_STRING;
    const PgQuery__RangeVar *const range = rename->relation;
    const char *const name = range != NULL ? range->relname
                             : single      ? rename->object->string->sval
                                           : part(&parts, 1);
    append_qualified(&u->sql, range != NULL ? range->schemaname : part(&parts, 2), rename->newname);
    if (parts.function != NULL && !tree_append_object_arguments(&u->sql, parts.function))
        return false;
    str_puts(&u->sql, " RENAME TO ");
    tree_append_name(&u->sql, name);
    return name[0] != '\0';
}

static bool write_rename(struct undoing *u, const PgQuery__RenameStmt *rename)
{
    const struct undo_kind *const kind = undo_find_kind(rename->rename_type);
    if (kind == NULL)
        return write_part_rename(u, rename);
    str_printf(&u->sql, "ALTER %s ", kind->keyword);
    if (rename->subname[0] == '\0')
        return write_object_rename(u, rename);
    write_sub_rename(u, rename);
    return true;
}

void undo_rename(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__RenameStmt *const rename = node->rename_stmt;
    undo_forget_made(u);
    if (!write_rename(u, rename)) {
        str_clear(&u->sql);
        undo_mark_always(u, undo_not_known);
    } else if (rename->missing_ok) {
        undo_mark_always(u, if_exists);
    } else {
        undo_sure(u);
    }
}
