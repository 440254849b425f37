/* What takes objects away or changes them outside of ALTER TABLE, and maintenance. */
#include <string.h>

#include "sql/facts_parts.h"

#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

static const char everywhere[] = "it works on relations that it does not name";

/* ---- DROP, TRUNCATE ---- */

/* Kinds whose names are a table's and then their own have `less` 1. */
static const struct drop_kind {
    PgQuery__ObjectType type;
    enum form_id form;
    enum lock_object object;
    size_t less;
} drop_kinds[] = {
    {OBJECT(TABLE), FORM_DROP_TABLE, LOCKED_RELATION, 0},
    {OBJECT(FOREIGN_TABLE), FORM_DROP_TABLE, LOCKED_RELATION, 0},
    {OBJECT(VIEW), FORM_DROP_VIEW, LOCKED_RELATION, 0},
    {OBJECT(MATVIEW), FORM_DROP_VIEW, LOCKED_RELATION, 0},
    {OBJECT(SEQUENCE), FORM_DROP_SEQUENCE, LOCKED_RELATION, 0},
    {OBJECT(INDEX), FORM_DROP_INDEX, LOCKED_INDEX, 0},
    {OBJECT(TRIGGER), FORM_DROP_TRIGGER, LOCKED_RELATION, 1},
    {OBJECT(RULE), FORM_DROP_RULE, LOCKED_RELATION, 1},
    {OBJECT(POLICY), FORM_DROP_POLICY, LOCKED_RELATION, 1},
    {OBJECT(STATISTIC_EXT), FORM_DROP_STATISTICS, LOCKED_TABLE_OF_STATISTICS, 0},
    {OBJECT(TYPE), FORM_DROP_TYPE, LOCKED_COMPOSITE, 0},
    {OBJECT(DOMAIN), FORM_DROP_TYPE, LOCKED_COMPOSITE, 0},
    {OBJECT(SCHEMA), FORM_DROP_SCHEMA, LOCKED_RELATION, 0},
    {OBJECT(FUNCTION), FORM_DROP_FUNCTION, LOCKED_RELATION, 0},
    {OBJECT(PROCEDURE), FORM_DROP_FUNCTION, LOCKED_RELATION, 0},
    {OBJECT(ROUTINE), FORM_DROP_FUNCTION, LOCKED_RELATION, 0},
    {OBJECT(AGGREGATE), FORM_DROP_FUNCTION, LOCKED_RELATION, 0},
    {OBJECT(OPERATOR), FORM_DROP_FUNCTION, LOCKED_RELATION, 0},
    {OBJECT(CAST), FORM_DROP_FUNCTION, LOCKED_RELATION, 0},
    {OBJECT(EXTENSION), FORM_DROP_EXTENSION, LOCKED_EXTENSION_MEMBERS, 0},
};

static const struct drop_kind *find_drop_kind(PgQuery__ObjectType type)
{
    for (size_t i = 0; i < COUNT_OF(drop_kinds); i++)
        if (drop_kinds[i].type == type)
            return &drop_kinds[i];
    return NULL;
}

/* Relations, and what has its table in its name, say with CASCADE what else goes; a type, a
 * function or a schema does not. */
static bool cascade_is_known(PgQuery__ObjectType type)
{
    const struct drop_kind *const kind = find_drop_kind(type);
    return kind != NULL && kind->form != FORM_DROP_TYPE && kind->form != FORM_DROP_EXTENSION &&
           form_of(kind->form)->mode != LOCK_NONE;
}

static const char *object_name(struct reading *r, const PgQuery__Node *object, size_t less)
{
    switch (object->node_case) {
    case PG_QUERY__NODE__NODE_LIST:
        return facts_list_name(r, object->list->items, object->list->n_items, less);
    case PG_QUERY__NODE__NODE_TYPE_NAME:
        return facts_list_name(r, object->type_name->names, object->type_name->n_names, 0);
    case PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS:
        return facts_object_function_name(r, object->object_with_args);
    case PG_QUERY__NODE__NODE_STRING:
        return facts_list_name(r, (PgQuery__Node *const[]){(PgQuery__Node *)(uintptr_t)object}, 1,
                               0);
    default:
        return NULL;
    }
}

/* The last word of a name that starts with its table. */
static const char *object_part(struct reading *r, const PgQuery__Node *object, size_t less)
{
    if (less == 0 || object->node_case != PG_QUERY__NODE__NODE_LIST || object->list->n_items == 0)
        return NULL;
    const PgQuery__Node *const last = object->list->items[object->list->n_items - 1];
    return last->node_case == PG_QUERY__NODE__NODE_STRING ? facts_part(r, last->string->sval)
                                                          : NULL;
}

void facts_drop(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__DropStmt *const drop = node->drop_stmt;
    const struct drop_kind *const kind = find_drop_kind(drop->remove_type);
    const bool cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    if (cascade && !cascade_is_known(drop->remove_type))
        facts_unknown(r, "CASCADE drops what depends on it");
    if (kind == NULL)
        return;
    const enum form_id id = drop->concurrent ? FORM_DROP_INDEX_CONCURRENTLY : kind->form;
    for (size_t i = 0; i < drop->n_objects; i++) {
        const struct subject subject = {.object = kind->object,
                                        .name = object_name(r, drop->objects[i], kind->less),
                                        .part = object_part(r, drop->objects[i], kind->less),
                                        .cascade = cascade};
        struct locked *const row = facts_apply(r, form_of(id), subject);
        const bool goes =
            kind->less == 0 && (kind->object == LOCKED_RELATION || kind->object == LOCKED_INDEX);
        if (row != NULL && goes)
            row->fate = FATE_DROPPED;
        if (cascade && kind->form == FORM_DROP_TABLE)
            (void)facts_apply(r, form_of(FORM_DROP_TABLE_CASCADE), subject);
    }
}

void facts_truncate(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__TruncateStmt *const truncate = node->truncate_stmt;
    const enum form_id id = truncate->restart_seqs ? FORM_TRUNCATE_RESTART : FORM_TRUNCATE;
    for (size_t i = 0; i < truncate->n_relations; i++) {
        if (truncate->relations[i]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
            continue;
        const PgQuery__RangeVar *const range = truncate->relations[i]->range_var;
        (void)facts_apply(r, form_of(id),
                          (struct subject){.object = LOCKED_RELATION,
                                           .name = facts_range_name(r, range),
                                           .only = !range->inh,
                                           .cascade = truncate->behavior ==
                                                      PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE});
    }
}

/* ---- names and owners ---- */

static bool is_relation(PgQuery__ObjectType type)
{
    return type == OBJECT(TABLE) || type == OBJECT(VIEW) || type == OBJECT(MATVIEW) ||
           type == OBJECT(SEQUENCE) || type == OBJECT(FOREIGN_TABLE);
}

/* The name of a type, given as a list. */
static const char *type_name(struct reading *r, const PgQuery__Node *object)
{
    return object != NULL ? object_name(r, object, 0) : NULL;
}

static void rename_relation(struct reading *r, const PgQuery__RenameStmt *rename)
{
    const bool is_index = rename->rename_type == OBJECT(INDEX);
    if (rename->relation == NULL)
        return;
    const char *const new_name = facts_qualified(r, rename->relation->schemaname, rename->newname);
    struct locked *const row =
        facts_apply(r, form_of(is_index ? FORM_RENAME_INDEX : FORM_RENAME_RELATION),
                    (struct subject){.object = is_index ? LOCKED_INDEX : LOCKED_RELATION,
                                     .name = facts_range_name(r, rename->relation),
                                     .new_name = new_name});
    if (row == NULL)
        return;
    row->fate = FATE_RENAMED;
    row->new_name = new_name;
}

static const char *renamed_type(struct reading *r, const PgQuery__RenameStmt *rename)
{
    const PgQuery__Node *const object = rename->object;
    const bool is_list = object != NULL && object->node_case == PG_QUERY__NODE__NODE_LIST;
    const PgQuery__Node *const schema =
        is_list && object->list->n_items == 2 ? object->list->items[0] : NULL;
    const bool qualified = schema != NULL && schema->node_case == PG_QUERY__NODE__NODE_STRING;
    return facts_qualified(r, qualified ? schema->string->sval : "", rename->newname);
}

/* True for a part of a relation. */
static bool rename_part(struct reading *r, const PgQuery__RenameStmt *rename)
{
    static const struct {
        PgQuery__ObjectType type;
        enum form_id form;
    } rows[] = {
        {OBJECT(COLUMN), FORM_RENAME_COLUMN},   {OBJECT(TABCONSTRAINT), FORM_RENAME_CONSTRAINT},
        {OBJECT(TRIGGER), FORM_RENAME_TRIGGER}, {OBJECT(RULE), FORM_RENAME_RULE},
        {OBJECT(POLICY), FORM_RENAME_POLICY},   {OBJECT(ATTRIBUTE), FORM_RENAME_ATTRIBUTE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].type != rename->rename_type)
            continue;
        if (rename->relation != NULL)
            r->at = rename->relation->location;
        (void)facts_apply(
            r, form_of(rows[i].form),
            (struct subject){.object = LOCKED_RELATION,
                             .name = facts_range_name(r, rename->relation),
                             .part = facts_part(r, rename->subname),
                             .only = rename->relation == NULL || !rename->relation->inh,
                             .new_name = facts_part(r, rename->newname)});
        return true;
    }
    return false;
}

/* What has a name and is no relation. */
static void rename_other(struct reading *r, const PgQuery__RenameStmt *rename)
{
    static const PgQuery__ObjectType types[] = {
        OBJECT(SCHEMA),  OBJECT(DOMAIN),    OBJECT(FUNCTION),  OBJECT(PROCEDURE),
        OBJECT(ROUTINE), OBJECT(AGGREGATE), OBJECT(COLLATION), OBJECT(TSCONFIGURATION),
    };
    bool is_used = false; /* by code, under its name */
    for (size_t i = 0; i < COUNT_OF(types); i++)
        is_used = is_used || types[i] == rename->rename_type;
    if (!is_used)
        return;
    const bool is_schema = rename->rename_type == OBJECT(SCHEMA);
    struct subject subject = {.new_name = facts_part(r, rename->newname)};
    if (is_schema)
        subject.name = facts_qualified(r, "", rename->subname);
    else if (rename->object != NULL)
        subject.name = object_name(r, rename->object, 0);
    facts_note(r, FORM_RENAME_OTHER, subject);
}

void facts_rename(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__RenameStmt *const rename = node->rename_stmt;
    if (is_relation(rename->rename_type) || rename->rename_type == OBJECT(INDEX))
        rename_relation(r, rename);
    else if (rename->rename_type == OBJECT(TYPE))
        (void)facts_apply(r, form_of(FORM_RENAME_TYPE),
                          (struct subject){.object = LOCKED_COMPOSITE,
                                           .name = type_name(r, rename->object),
                                           .new_name = renamed_type(r, rename)});
    else if (!rename_part(r, rename))
        rename_other(r, rename);
    r->facts->renames_all = rename->rename_type == OBJECT(SCHEMA);
}

void facts_set_schema(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterObjectSchemaStmt *const set = node->alter_object_schema_stmt;
    if (set->object_type == OBJECT(EXTENSION))
        facts_unknown(r, "the extension's relations move");
    if (!is_relation(set->object_type) || set->relation == NULL) {
        facts_note(
            r, FORM_RENAME_OTHER,
            (struct subject){.name = set->object != NULL ? object_name(r, set->object, 0) : NULL});
        return;
    }
    const char *const new_name = facts_qualified(r, set->newschema, set->relation->relname);
    struct locked *const row = facts_apply(r, form_of(FORM_SET_SCHEMA),
                                           (struct subject){
                                               .object = LOCKED_RELATION,
                                               .name = facts_range_name(r, set->relation),
                                               .new_name = new_name,
                                           });
    if (row == NULL)
        return;
    row->fate = FATE_RENAMED;
    row->new_name = new_name;
}

/* Relations change their owner by ALTER TABLE. */
void facts_owner(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterOwnerStmt *const owner = node->alter_owner_stmt;
    if (owner->object_type == OBJECT(TYPE))
        (void)facts_apply(
            r, form_of(FORM_TYPE_OWNER),
            (struct subject){.object = LOCKED_COMPOSITE, .name = type_name(r, owner->object)});
}

static void comment(struct reading *r, PgQuery__ObjectType type, const PgQuery__Node *object)
{
    static const struct {
        PgQuery__ObjectType type;
        enum form_id form;
        size_t less;
    } rows[] = {
        {OBJECT(TABLE), FORM_COMMENT_RELATION, 0},
        {OBJECT(VIEW), FORM_COMMENT_RELATION, 0},
        {OBJECT(MATVIEW), FORM_COMMENT_RELATION, 0},
        {OBJECT(SEQUENCE), FORM_COMMENT_RELATION, 0},
        {OBJECT(FOREIGN_TABLE), FORM_COMMENT_RELATION, 0},
        {OBJECT(COLUMN), FORM_COMMENT_RELATION, 1},
        {OBJECT(INDEX), FORM_COMMENT_INDEX, 0},
        {OBJECT(TABCONSTRAINT), FORM_COMMENT_PART, 1},
        {OBJECT(TRIGGER), FORM_COMMENT_PART, 1},
        {OBJECT(POLICY), FORM_COMMENT_PART, 1},
        {OBJECT(RULE), FORM_COMMENT_PART, 1},
    };
    for (size_t i = 0; object != NULL && i < COUNT_OF(rows); i++)
        if (rows[i].type == type)
            (void)facts_apply(
                r, form_of(rows[i].form),
                (struct subject){.object = type == OBJECT(INDEX) ? LOCKED_INDEX : LOCKED_RELATION,
                                 .name = object_name(r, object, rows[i].less)});
}

void facts_comment(struct reading *r, const PgQuery__Node *node)
{
    comment(r, node->comment_stmt->objtype, node->comment_stmt->object);
}

void facts_security_label(struct reading *r, const PgQuery__Node *node)
{
    comment(r, node->sec_label_stmt->objtype, node->sec_label_stmt->object);
}

/* Of a role, a schema or a function to all code that has it. */
static void revoke_other(struct reading *r)
{
    facts_note(r, FORM_REVOKE_OTHER, (struct subject){0});
}

void facts_grant(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__GrantStmt *const grant = node->grant_stmt;
    for (size_t i = 0; i < grant->n_objects; i++)
        if (grant->objects[i]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR && !grant->is_grant)
            revoke_other(r);
        else if (grant->objects[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
            (void)facts_apply(
                r, form_of(grant->is_grant ? FORM_GRANT : FORM_REVOKE),
                (struct subject){.object = LOCKED_RELATION,
                                 .name = facts_range_name(r, grant->objects[i]->range_var),
                                 .maybe = true});
}

void facts_grant_role(struct reading *r, const PgQuery__Node *node)
{
    if (!node->grant_role_stmt->is_grant)
        revoke_other(r);
}

void facts_alter_function(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__ObjectWithArgs *const function = node->alter_function_stmt->func;
    facts_note(r, FORM_ALTER_FUNCTION,
               (struct subject){.name = function != NULL ? facts_object_function_name(r, function)
                                                         : NULL});
}

void facts_alter_enum(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterEnumStmt *const type = node->alter_enum_stmt;
    const bool renames = type->old_val[0] != '\0';
    facts_note(r, renames ? FORM_RENAME_ENUM_VALUE : FORM_ADD_ENUM_VALUE,
               (struct subject){.name = facts_list_name(r, type->type_name, type->n_type_name, 0),
                                .part = facts_part(r, renames ? type->old_val : type->new_val),
                                .makes = !renames,
                                .new_name = renames ? facts_part(r, type->new_val) : NULL});
}

/* By the letters of the grammar: O is SET NOT NULL, C ADD CONSTRAINT, V VALIDATE CONSTRAINT. */
void facts_alter_domain(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterDomainStmt *const domain = node->alter_domain_stmt;
    const bool adds = strcmp(domain->subtype, "C") == 0;
    const bool unchecked = adds && domain->def != NULL &&
                           domain->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
                           domain->def->constraint->skip_validation;
    const bool checks = (adds && !unchecked) || strcmp(domain->subtype, "O") == 0 ||
                        strcmp(domain->subtype, "V") == 0;
    (void)facts_apply(
        r, form_of(checks ? FORM_ALTER_DOMAIN_CHECKED : FORM_ALTER_DOMAIN),
        (struct subject){.object = LOCKED_TABLES_OF_TYPE,
                         .name = facts_list_name(r, domain->type_name, domain->n_type_name, 0)});
    if (checks)
        facts_calls(r, domain->def);
}

/* ---- maintenance ---- */

void facts_reindex(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__ReindexStmt *const reindex = node->reindex_stmt;
    const bool concurrent = facts_option(reindex->params, reindex->n_params, "concurrently");
    if (reindex->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_INDEX)
        (void)facts_apply(
            r, form_of(concurrent ? FORM_REINDEX_INDEX_CONCURRENTLY : FORM_REINDEX_INDEX),
            (struct subject){.object = LOCKED_INDEX,
                             .name = facts_range_name(r, reindex->relation)});
    else if (reindex->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE)
        (void)facts_apply_range(
            r, form_of(concurrent ? FORM_REINDEX_TABLE_CONCURRENTLY : FORM_REINDEX_TABLE),
            reindex->relation);
    else
        facts_unknown(r, everywhere);
}

void facts_refresh(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__RefreshMatViewStmt *const refresh = node->refresh_mat_view_stmt;
    const enum form_id id = refresh->concurrent  ? FORM_REFRESH_CONCURRENTLY
                            : refresh->skip_data ? FORM_REFRESH_NO_DATA
                                                 : FORM_REFRESH;
    (void)facts_apply_range(r, form_of(id), refresh->relation);
}

void facts_cluster(struct reading *r, const PgQuery__Node *node)
{
    if (node->cluster_stmt->relation == NULL)
        facts_unknown(r, everywhere);
    (void)facts_apply_range(r, form_of(FORM_CLUSTER), node->cluster_stmt->relation);
}

void facts_vacuum(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__VacuumStmt *const vacuum = node->vacuum_stmt;
    const enum form_id id = !vacuum->is_vacuumcmd ? FORM_ANALYZE
                            : facts_option(vacuum->options, vacuum->n_options, "full")
                                ? FORM_VACUUM_FULL
                                : FORM_VACUUM;
    if (vacuum->n_rels == 0)
        facts_unknown(r, everywhere);
    for (size_t i = 0; i < vacuum->n_rels; i++)
        if (vacuum->rels[i]->node_case == PG_QUERY__NODE__NODE_VACUUM_RELATION)
            (void)facts_apply_range(r, form_of(id), vacuum->rels[i]->vacuum_relation->relation);
}

/* The number of its mode is PostgreSQL's, as ours are. */
void facts_lock(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__LockStmt *const lock = node->lock_stmt;
    if (lock->mode <= LOCK_NONE || lock->mode > LOCK_ACCESS_EXCLUSIVE) {
        facts_unknown(r, "its lock mode is not understood");
        return;
    }
    for (size_t i = 0; i < lock->n_relations; i++) {
        if (lock->relations[i]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
            continue;
        struct locked *const row =
            facts_apply_range(r, form_of(FORM_LOCK), lock->relations[i]->range_var);
        if (row == NULL)
            return;
        row->mode = (enum lock_mode)lock->mode;
        if (row->descent != DESCENT_NONE)
            row->children = row->mode;
    }
}

void facts_set(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__VariableSetStmt *const set = node->variable_set_stmt;
    r->facts->renames_all = strcmp(set->name, "search_path") == 0 ||
                            set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
}
