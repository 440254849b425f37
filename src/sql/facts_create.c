/* What is made: tables, indexes, views, sequences, and what belongs to a table. */
#include <string.h>

#include "sql/facts_parts.h"

#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

static struct locked *create(struct reading *r, const struct form *form,
                             const PgQuery__RangeVar *range, bool maybe)
{
    struct locked *const row = facts_apply(r, form,
                                           (struct subject){.object = LOCKED_RELATION,
                                                            .name = facts_range_name(r, range),
                                                            .makes = true,
                                                            .maybe = maybe});
    if (row != NULL)
        row->fate = FATE_CREATED;
    return row;
}

static void constraint_element(struct reading *r, const PgQuery__Node *element)
{
    if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
        element->constraint->contype == CONSTR(FOREIGN))
        facts_referenced(r, element->constraint);
}

static void table_element(struct reading *r, const PgQuery__Node *element)
{
    constraint_element(r, element);
    if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
        for (size_t i = 0; i < element->column_def->n_constraints; i++)
            constraint_element(r, element->column_def->constraints[i]);
    if (element->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
        (void)facts_apply_range(r, form_of(FORM_LIKE_SOURCE), element->table_like_clause->relation);
}

/* The parent is locked where it stands, whatever is below it. */
static void parent(struct reading *r, const PgQuery__CreateStmt *table,
                   const PgQuery__Node *relation)
{
    if (relation->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
        return;
    const enum form_id id = table->partbound != NULL ? FORM_PARTITION_OF : FORM_INHERITED_TABLE;
    (void)facts_apply_range(r, form_of(id), relation->range_var);
}

static void create_table(struct reading *r, const PgQuery__CreateStmt *table)
{
    (void)create(r, form_of(FORM_CREATE_TABLE), table->relation, table->if_not_exists);
    for (size_t i = 0; i < table->n_table_elts; i++)
        table_element(r, table->table_elts[i]);
    for (size_t i = 0; i < table->n_constraints; i++)
        constraint_element(r, table->constraints[i]);
    for (size_t i = 0; i < table->n_inh_relations; i++)
        parent(r, table, table->inh_relations[i]);
    if (table->of_typename != NULL)
        facts_table_type(r, table->of_typename);
    for (size_t i = 0; table->if_not_exists && i < r->facts->locks.count; i++)
        r->facts->locks.items[i].maybe = true;
}

void facts_create_table(struct reading *r, const PgQuery__Node *node)
{
    create_table(r, node->create_stmt);
}

void facts_create_foreign_table(struct reading *r, const PgQuery__Node *node)
{
    if (node->create_foreign_table_stmt->base_stmt != NULL)
        create_table(r, node->create_foreign_table_stmt->base_stmt);
}

/* The materialized view too. WITH NO DATA still reads the definition. */
void facts_create_table_as(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreateTableAsStmt *const as = node->create_table_as_stmt;
    const bool empty = as->into == NULL || as->into->skip_data;
    if (as->into != NULL)
        (void)create(r, form_of(empty ? FORM_CREATE_TABLE : FORM_CREATE_TABLE_AS), as->into->rel,
                     as->if_not_exists);
    if (as->query == NULL)
        return;
    r->defines = empty;
    facts_query(r, as->query);
    r->defines = false;
    for (size_t i = 0; empty && i < r->facts->locks.count; i++)
        r->facts->locks.items[i].effect = EFFECT_CATALOG;
}

/* A definition is looked at, not run. */
static void definition(struct reading *r, const PgQuery__Node *query)
{
    const size_t before = r->facts->locks.count;
    const char *const unknown = r->facts->unknown;
    r->defines = true;
    if (query != NULL)
        facts_query(r, query);
    r->defines = false;
    r->facts->unknown = unknown;
    for (size_t i = before; i < r->facts->locks.count; i++) {
        struct locked *const row = &r->facts->locks.items[i];
        row->effect = EFFECT_CATALOG;
        row->descent = DESCENT_NONE;
        row->children = LOCK_NONE;
    }
}

void facts_create_view(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__ViewStmt *const view = node->view_stmt;
    if (view->replace)
        (void)facts_apply(r, form_of(FORM_CREATE_OR_REPLACE_VIEW),
                          (struct subject){.object = LOCKED_RELATION,
                                           .name = facts_range_name(r, view->view),
                                           .makes = true});
    else
        (void)create(r, form_of(FORM_CREATE_VIEW), view->view, false);
    definition(r, view->query);
}

void facts_create_index(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__IndexStmt *const index = node->index_stmt;
    if (index->relation == NULL)
        return;
    const struct form *const form = form_of(index->concurrent       ? FORM_CREATE_INDEX_CONCURRENTLY
                                            : !index->relation->inh ? FORM_CREATE_INDEX_ONLY
                                                                    : FORM_CREATE_INDEX);
    (void)facts_apply_range(r, form, index->relation);
    facts_calls(r, node);
    if (index->idxname[0] == '\0')
        return;
    struct locked *const row =
        facts_apply(r, form,
                    (struct subject){
                        .object = LOCKED_INDEX,
                        .name = facts_qualified(r, index->relation->schemaname, index->idxname),
                        .only = true,
                        .maybe = index->if_not_exists,
                    });
    if (row == NULL)
        return;
    row->mode = LOCK_ACCESS_EXCLUSIVE;
    row->effect = EFFECT_CATALOG; /* the work is the table's */
    row->fate = FATE_CREATED;
    row->part = facts_range_name(r, index->relation);
}

/* ---- sequences ---- */

static void sequence_owner(struct reading *r, PgQuery__Node *const *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *const option =
            options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM ? options[i]->def_elem : NULL;
        if (option == NULL || strcmp(option->defname, "owned_by") != 0 || option->arg == NULL ||
            option->arg->node_case != PG_QUERY__NODE__NODE_LIST)
            continue;
        const PgQuery__List *const column = option->arg->list;
        (void)facts_apply(
            r, form_of(FORM_SEQUENCE_OWNER),
            (struct subject){.object = LOCKED_RELATION,
                             .name = facts_list_name(r, column->items, column->n_items, 1)});
    }
}

void facts_create_sequence(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreateSeqStmt *const sequence = node->create_seq_stmt;
    (void)create(r, form_of(FORM_CREATE_SEQUENCE), sequence->sequence, sequence->if_not_exists);
    sequence_owner(r, sequence->options, sequence->n_options);
}

void facts_alter_sequence(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterSeqStmt *const sequence = node->alter_seq_stmt;
    (void)facts_apply_range(r, form_of(FORM_ALTER_SEQUENCE), sequence->sequence);
    sequence_owner(r, sequence->options, sequence->n_options);
}

/* ---- what belongs to a table ---- */

static void apply_part(struct reading *r, enum form_id form, const PgQuery__RangeVar *table,
                       const char *part, bool makes)
{
    (void)facts_apply(r, form_of(form),
                      (struct subject){.object = LOCKED_RELATION,
                                       .name = facts_range_name(r, table),
                                       .part = facts_part(r, part),
                                       .makes = makes});
}

void facts_create_trigger(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreateTrigStmt *const trigger = node->create_trig_stmt;
    (void)facts_apply(r, form_of(FORM_CREATE_TRIGGER),
                      (struct subject){.object = LOCKED_RELATION,
                                       .name = facts_range_name(r, trigger->relation),
                                       .part = facts_part(r, trigger->trigname),
                                       .makes = true,
                                       .only = !trigger->row});
    if (trigger->constrrel != NULL)
        (void)facts_apply_range(r, form_of(FORM_CONSTRAINT_TRIGGER_FROM), trigger->constrrel);
}

void facts_create_rule(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__RuleStmt *const rule = node->rule_stmt;
    apply_part(r, FORM_CREATE_RULE, rule->relation, rule->rulename, true);
    definition(r, rule->where_clause);
    for (size_t i = 0; i < rule->n_actions; i++)
        definition(r, rule->actions[i]);
}

void facts_create_policy(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreatePolicyStmt *const policy = node->create_policy_stmt;
    apply_part(r, FORM_CREATE_POLICY, policy->table, policy->policy_name, true);
    definition(r, policy->qual);
    definition(r, policy->with_check);
}

void facts_alter_policy(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__AlterPolicyStmt *const policy = node->alter_policy_stmt;
    apply_part(r, FORM_ALTER_POLICY, policy->table, policy->policy_name, false);
    definition(r, policy->qual);
    definition(r, policy->with_check);
}

void facts_create_statistics(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreateStatsStmt *const statistics = node->create_stats_stmt;
    for (size_t i = 0; i < statistics->n_relations; i++)
        if (statistics->relations[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
            (void)facts_apply_range(r, form_of(FORM_CREATE_STATISTICS),
                                    statistics->relations[i]->range_var);
}

/* Of all tables too: then it has no name. */
static void published(struct reading *r, PgQuery__Node *const *objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (objects[i]->node_case != PG_QUERY__NODE__NODE_PUBLICATION_OBJ_SPEC)
            continue;
        const PgQuery__PublicationObjSpec *const object = objects[i]->publication_obj_spec;
        if (object->pubtable != NULL)
            (void)facts_apply_range(r, form_of(FORM_PUBLISHED_TABLE), object->pubtable->relation);
    }
}

void facts_create_publication(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreatePublicationStmt *const publication = node->create_publication_stmt;
    published(r, publication->pubobjects, publication->n_pubobjects);
    if (publication->for_all_tables)
        facts_note(r, FORM_PUBLISHED_TABLE, (struct subject){.object = LOCKED_RELATION});
}

void facts_alter_publication(struct reading *r, const PgQuery__Node *node)
{
    published(r, node->alter_publication_stmt->pubobjects,
              node->alter_publication_stmt->n_pubobjects);
}

void facts_create_schema(struct reading *r, const PgQuery__Node *node)
{
    if (node->create_schema_stmt->n_schema_elts > 0)
        facts_unknown(r, "it makes what stands in a new schema");
}

/* Of a body in the standard's form, the names are looked up. */
void facts_create_function(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CreateFunctionStmt *const function = node->create_function_stmt;
    facts_note(r, function->replace ? FORM_REPLACE_FUNCTION : FORM_CREATE_FUNCTION,
               (struct subject){.name = facts_function_name(r, function), .makes = true});
    definition(r, function->sql_body);
}

void facts_create_type(struct reading *r, const PgQuery__Node *node)
{
    struct subject subject = {.makes = true};
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT:
        subject.name = facts_range_name(r, node->composite_type_stmt->typevar);
        break;
    case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
        subject.name = facts_list_name(r, node->create_enum_stmt->type_name,
                                       node->create_enum_stmt->n_type_name, 0);
        break;
    case PG_QUERY__NODE__NODE_CREATE_RANGE_STMT:
        subject.name = facts_list_name(r, node->create_range_stmt->type_name,
                                       node->create_range_stmt->n_type_name, 0);
        break;
    default:
        subject.name = facts_list_name(r, node->create_domain_stmt->domainname,
                                       node->create_domain_stmt->n_domainname, 0);
    }
    facts_note(r, FORM_CREATE_TYPE, subject);
}
