/* One statement, by the handler of its kind. */
#include "sql/facts.h"

#include <string.h>

#include "sql/classify.h"
#include "sql/facts_parts.h"
#include "sql/parser.h"
#include "sql/tree_name.h"

const char *lock_mode_name(enum lock_mode mode)
{
    static const char *const names[] = {
#define X(name, text) [LOCK_##name] = (text),
        LOCK_MODES(X)
#undef X
    };
    return names[mode];
}

const char *lock_object_name(enum lock_object object)
{
    static const char *const names[] = {
#define X(name, text, meaning) [LOCKED_##name] = (text),
        LOCK_OBJECTS(X)
#undef X
    };
    return names[object];
}

const char *lock_effect_name(enum lock_effect effect)
{
    static const char *const names[] = {
#define X(name, text) [EFFECT_##name] = (text),
        LOCK_EFFECTS(X)
#undef X
    };
    return names[effect];
}

const char *old_code_name(enum old_code_bit bit)
{
    static const char *const names[] = {
#define X(name, text, meaning) [OLD_BIT_##name] = (text),
        OLD_CODE(X)
#undef X
    };
    return names[bit];
}

/* ---- for the handlers ---- */

const char facts_unknown_function[] = "it calls a function that pawl does not know";

void facts_unknown(struct reading *r, const char *why)
{
    if (r->facts->unknown == NULL || r->facts->unknown == facts_unknown_function)
        r->facts->unknown = why;
}

static const char *keep(struct reading *r, struct str *text)
{
    const char *kept = NULL;
    if (text->len > 0 && !text->failed) {
        kept = arena_strndup(r->arena, text->data, text->len);
        r->failed = r->failed || kept == NULL;
    }
    r->failed = r->failed || text->failed;
    str_release(text);
    return kept;
}

const char *facts_range_name(struct reading *r, const PgQuery__RangeVar *range)
{
    struct str text = {0};
    tree_append_range(&text, range);
    return keep(r, &text);
}

const char *facts_list_name(struct reading *r, PgQuery__Node *const *parts, size_t count,
                            size_t less)
{
    struct str text = {0};
    if (count > less)
        tree_append_list(&text, parts, count - less);
    return keep(r, &text);
}

const char *facts_qualified(struct reading *r, const char *schema, const char *name)
{
    struct str text = {0};
    if (schema[0] != '\0') {
        tree_append_name(&text, schema);
        str_putc(&text, '.');
    }
    tree_append_name(&text, name);
    return keep(r, &text);
}

const char *facts_function_name(struct reading *r, const PgQuery__CreateFunctionStmt *function)
{
    struct str text = {0};
    tree_append_list(&text, function->funcname, function->n_funcname);
    if (!tree_append_arguments(&text, function))
        str_clear(&text);
    return keep(r, &text);
}

const char *facts_object_function_name(struct reading *r, const PgQuery__ObjectWithArgs *object)
{
    struct str text = {0};
    tree_append_list(&text, object->objname, object->n_objname);
    if (!tree_append_object_arguments(&text, object))
        str_clear(&text);
    return keep(r, &text);
}

const char *facts_part(struct reading *r, const char *name)
{
    struct str text = {0};
    str_puts(&text, name);
    return keep(r, &text);
}

static void note(struct reading *r, const struct form *form, struct subject subject)
{
    struct act *const act = arena_push(r->arena, &r->facts->acts);
    r->failed = r->failed || act == NULL;
    if (act != NULL)
        *act = (struct act){.form = form,
                            .object = subject.object,
                            .name = subject.name,
                            .part = subject.part,
                            .new_name = subject.new_name,
                            .cascade = subject.cascade,
                            .makes = subject.makes,
                            .at = r->at,
                            .node = r->node};
}

void facts_note(struct reading *r, enum form_id form, struct subject subject)
{
    note(r, form_of(form), subject);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same(const struct locked *a, const struct locked *b)
{
    return a->object == b->object && same_text(a->name, b->name) && same_text(a->part, b->part) &&
           a->ours == b->ours;
}

/* Two locks on one thing: the stronger of everything. */
static void merge(struct locked *into, const struct locked *row)
{
    if (row->mode == into->mode)
        into->maybe = into->maybe && row->maybe;
    else if (row->mode > into->mode)
        into->maybe = row->maybe;
    if (row->mode > into->mode)
        into->mode = row->mode;
    if (row->descent > into->descent)
        into->descent = row->descent;
    if (row->children > into->children)
        into->children = row->children;
    if (row->effect > into->effect || (row->effect == into->effect && row->unless == NULL))
        into->unless = row->unless;
    if (row->effect > into->effect)
        into->effect = row->effect;
}

struct locked *locked_add(struct arena *arena, struct locked_list *list, const struct locked *row)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!is_same(&list->items[i], row))
            continue;
        merge(&list->items[i], row);
        return &list->items[i];
    }
    struct locked *const item = arena_push(arena, list);
    if (item != NULL)
        *item = *row;
    return item;
}

static struct locked *add(struct reading *r, const struct locked *row)
{
    struct locked *const item = locked_add(r->arena, &r->facts->locks, row);
    r->failed = r->failed || item == NULL;
    return item;
}

static void add_other(struct reading *r, const struct form_other *other, struct subject subject)
{
    if (other->mode == LOCK_NONE || (other->cascade && !subject.cascade))
        return;
    const bool descends = other->descent != DESCENT_NONE;
    (void)add(r, &(struct locked){.object = other->object,
                                  .name = subject.name,
                                  .part = subject.part,
                                  .mode = other->mode,
                                  .descent = other->descent,
                                  .children = descends ? other->mode : LOCK_NONE,
                                  .effect = other->effect,
                                  .maybe = other->maybe || subject.maybe});
}

struct locked *facts_apply(struct reading *r, const struct form *form, struct subject subject)
{
    note(r, form, subject);
    if (subject.name == NULL || form->mode == LOCK_NONE)
        return NULL;
    const bool descends = form->descent != DESCENT_NONE && !subject.only;
    for (size_t i = 0; i < FORM_OTHERS; i++)
        add_other(r, &form->others[i], subject);
    const bool itself = subject.object == LOCKED_RELATION || subject.object == LOCKED_INDEX;
    return add(r, &(struct locked){
                      .object = subject.object,
                      .name = subject.name,
                      .part = itself ? NULL : subject.part,
                      .mode = form->mode,
                      .descent = descends ? form->descent : DESCENT_NONE,
                      .children = descends ? form->mode : LOCK_NONE,
                      .effect = form->effect,
                      .unless = form->unless,
                      .maybe = subject.maybe,
                  });
}

struct locked *facts_apply_range(struct reading *r, const struct form *form,
                                 const PgQuery__RangeVar *range)
{
    if (range != NULL)
        r->at = range->location;
    return facts_apply(r, form,
                       (struct subject){.object = LOCKED_RELATION,
                                        .name = facts_range_name(r, range),
                                        .only = range != NULL && !range->inh});
}

/* An option without a value is on. */
static bool is_off(const PgQuery__Node *value)
{
    static const char *const words[] = {"false", "off"};
    if (value == NULL)
        return false;
    if (value->node_case == PG_QUERY__NODE__NODE_INTEGER)
        return value->integer->ival == 0;
    if (value->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
        return !value->boolean->boolval;
    if (value->node_case != PG_QUERY__NODE__NODE_STRING)
        return false;
    const struct span text = {value->string->sval, strlen(value->string->sval)};
    return span_is_nocase(text, words[0]) || span_is_nocase(text, words[1]);
}

bool facts_option(PgQuery__Node *const *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
            strcmp(options[i]->def_elem->defname, name) == 0)
            return !is_off(options[i]->def_elem->arg);
    return false;
}

/* ---- kinds of statements ---- */

static const char script[] = "an extension's script runs";
static const char many[] = "it works on relations that it does not name";

/* Without a handler: locks no relation where `why` is NULL, else it is not known. */
/* clang-format off */
static const struct handler {
    PgQuery__Node__NodeCase node;
    void (*read)(struct reading *r, const PgQuery__Node *node);
    const char *why;
} handlers[] = {
    {PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, facts_alter_table, NULL},
    {PG_QUERY__NODE__NODE_CREATE_STMT, facts_create_table, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT, facts_create_foreign_table, NULL},
    {PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, facts_create_table_as, NULL},
    {PG_QUERY__NODE__NODE_VIEW_STMT, facts_create_view, NULL},
    {PG_QUERY__NODE__NODE_INDEX_STMT, facts_create_index, NULL},
    {PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, facts_create_sequence, NULL},
    {PG_QUERY__NODE__NODE_ALTER_SEQ_STMT, facts_alter_sequence, NULL},
    {PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, facts_create_trigger, NULL},
    {PG_QUERY__NODE__NODE_RULE_STMT, facts_create_rule, NULL},
    {PG_QUERY__NODE__NODE_CREATE_POLICY_STMT, facts_create_policy, NULL},
    {PG_QUERY__NODE__NODE_ALTER_POLICY_STMT, facts_alter_policy, NULL},
    {PG_QUERY__NODE__NODE_CREATE_STATS_STMT, facts_create_statistics, NULL},
    {PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT, facts_create_publication, NULL},
    {PG_QUERY__NODE__NODE_ALTER_PUBLICATION_STMT, facts_alter_publication, NULL},
    {PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, facts_create_schema, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, facts_create_function, NULL},
    {PG_QUERY__NODE__NODE_DROP_STMT, facts_drop, NULL},
    {PG_QUERY__NODE__NODE_TRUNCATE_STMT, facts_truncate, NULL},
    {PG_QUERY__NODE__NODE_RENAME_STMT, facts_rename, NULL},
    {PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, facts_set_schema, NULL},
    {PG_QUERY__NODE__NODE_ALTER_OWNER_STMT, facts_owner, NULL},
    {PG_QUERY__NODE__NODE_COMMENT_STMT, facts_comment, NULL},
    {PG_QUERY__NODE__NODE_SEC_LABEL_STMT, facts_security_label, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT, facts_alter_domain, NULL},
    {PG_QUERY__NODE__NODE_REINDEX_STMT, facts_reindex, NULL},
    {PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, facts_refresh, NULL},
    {PG_QUERY__NODE__NODE_CLUSTER_STMT, facts_cluster, NULL},
    {PG_QUERY__NODE__NODE_VACUUM_STMT, facts_vacuum, NULL}, /* ANALYZE too */
    {PG_QUERY__NODE__NODE_LOCK_STMT, facts_lock, NULL},
    {PG_QUERY__NODE__NODE_VARIABLE_SET_STMT, facts_set, NULL},

    {PG_QUERY__NODE__NODE_SELECT_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_INSERT_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_UPDATE_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_DELETE_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_MERGE_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_PREPARE_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_EXPLAIN_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT, facts_query, NULL},
    {PG_QUERY__NODE__NODE_RETURN_STMT, facts_query, NULL}, /* in a function's body */
    {PG_QUERY__NODE__NODE_COPY_STMT, facts_copy, NULL},

    {PG_QUERY__NODE__NODE_DO_STMT, facts_do, NULL},
    {PG_QUERY__NODE__NODE_CALL_STMT, facts_call_statement, NULL},
    {PG_QUERY__NODE__NODE_EXECUTE_STMT, NULL, "it runs a statement that was prepared elsewhere"},
    {PG_QUERY__NODE__NODE_FETCH_STMT, NULL, "it runs a cursor's query"},
    {PG_QUERY__NODE__NODE_ALTER_EXTENSION_STMT, NULL, script},
    {PG_QUERY__NODE__NODE_DROP_OWNED_STMT, NULL, many},
    {PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT, NULL, many},
    {PG_QUERY__NODE__NODE_ALTER_TABLE_MOVE_ALL_STMT, NULL, many},
    {PG_QUERY__NODE__NODE_IMPORT_FOREIGN_SCHEMA_STMT, NULL, many},

    {PG_QUERY__NODE__NODE_GRANT_STMT, facts_grant, NULL},
    {PG_QUERY__NODE__NODE_GRANT_ROLE_STMT, facts_grant_role, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_ENUM_STMT, facts_create_type, NULL},
    {PG_QUERY__NODE__NODE_ALTER_ENUM_STMT, facts_alter_enum, NULL},
    {PG_QUERY__NODE__NODE_CREATE_RANGE_STMT, facts_create_type, NULL},
    {PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT, facts_create_type, NULL},
    {PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT, facts_create_type, NULL},
    {PG_QUERY__NODE__NODE_ALTER_TYPE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DEFINE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT, NULL, NULL}, /* what it makes is its own */
    {PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT, facts_alter_function, NULL},
    {PG_QUERY__NODE__NODE_ALTER_STATS_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_CAST_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_CONVERSION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_OP_CLASS_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_OP_FAMILY_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_OP_FAMILY_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_OPERATOR_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_TRANSFORM_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_PLANG_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_AM_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_EVENT_TRIG_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_EVENT_TRIG_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_COLLATION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_TSDICTIONARY_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_TSCONFIGURATION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FDW_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_FDW_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FOREIGN_SERVER_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_FOREIGN_SERVER_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_USER_MAPPING_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_USER_MAPPING_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DROP_USER_MAPPING_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_ROLE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DROP_ROLE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATEDB_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DROPDB_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DATABASE_REFRESH_COLL_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_TABLE_SPACE_OPTIONS_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_ALTER_SUBSCRIPTION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DROP_SUBSCRIPTION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_TRANSACTION_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DISCARD_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_DEALLOCATE_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CHECK_POINT_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_NOTIFY_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_LISTEN_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_UNLISTEN_STMT, NULL, NULL},
};
/* clang-format on */

static void read_kind(struct reading *r, const PgQuery__Node *node)
{
    for (size_t i = 0; i < COUNT_OF(handlers); i++) {
        if (handlers[i].node != node->node_case)
            continue;
        if (handlers[i].read != NULL)
            handlers[i].read(r, node);
        else if (handlers[i].why != NULL)
            facts_unknown(r, handlers[i].why);
        return;
    }
    facts_unknown(r, "pawl does not know this kind of statement");
}

void facts_of_node(struct reading *r, const PgQuery__Node *node)
{
    r->node = node;
    if (node == NULL) {
        facts_unknown(r, "pawl cannot read it");
        return;
    }
    read_kind(r, node);
    facts_settle(r);
    if (r->functions != NULL)
        r->failed = !functions_note(r->functions, r->statement, node, r->depth > 0) || r->failed;
}

bool facts_of_tree(struct arena *arena, struct functions *functions, struct span statement,
                   const struct PgQuery__Node *tree, struct facts *ret, struct err *err)
{
    *ret = (struct facts){0};
    const struct statement whole = {.text = statement};
    if (!sql_classify(arena, DIALECT_POSTGRES, &whole, &ret->info, err))
        return false;
    ret->in_transaction = ret->info.class != STATEMENT_ALONE;
    if (functions != NULL)
        functions->number++;
    struct reading r = {
        .arena = arena, .functions = functions, .statement = statement, .facts = ret};
    facts_of_node(&r, tree);
    return !r.failed || err_nomem(err);
}

struct one {
    struct arena *arena;
    struct functions *functions;
    struct span statement;
    struct facts *ret;
    struct err *err;
    bool done;
};

static void forget_nodes(struct facts *facts)
{
    for (size_t i = 0; i < facts->acts.count; i++)
        facts->acts.items[i].node = NULL;
    for (size_t i = 0; i < facts->own.acts.count; i++)
        facts->own.acts.items[i].node = NULL;
    facts->node = NULL;
    for (size_t i = 0; i < facts->inner.count; i++)
        forget_nodes(&facts->inner.items[i]);
}

static void read_one(void *context)
{
    struct one *const one = context;
    struct tree tree;
    one->done = parser_read_here(one->statement, &tree, one->err) &&
                facts_of_tree(one->arena, one->functions, one->statement, tree.statement, one->ret,
                              one->err);
    tree_release(&tree);
    forget_nodes(one->ret);
}

bool facts_read(struct arena *arena, struct functions *functions, struct span statement,
                struct facts *ret, struct err *err)
{
    *ret = (struct facts){0};
    struct one one = {arena, functions, statement, ret, err, false};
    return parser_run(read_one, &one, err) && one.done;
}

bool facts_is_short(const struct facts *facts)
{
    bool is_short = facts->unknown == NULL;
    for (size_t i = 0; i < facts->locks.count; i++)
        is_short = is_short && facts->locks.items[i].effect == EFFECT_CATALOG;
    return is_short;
}
