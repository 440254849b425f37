/* PostgreSQL's statements by the node that the parser makes of them. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "sql/match.h"
#include "sql/parser.h"
#include "sql/tree_name.h"
#include "sql/undo_kind.h"
#include "sql/undo_nodes.h"
#include "sql/undo_parts.h"

static const char code[] = "what the code did is not known from this text";

/* ---- relations ---- */

static bool is_temporary(const PgQuery__RangeVar *range)
{
    return strcmp(range->relpersistence, "t") == 0 || strcmp(range->schemaname, "pg_temp") == 0;
}

/* A temporary one ends with the session that made it. */
static void relation_creation(struct undoing *u, const char *keyword,
                              const PgQuery__RangeVar *range, const char *unsure)
{
    struct str name = {0};
    if (range == NULL || is_temporary(range))
        return;
    tree_append_range(&name, range);
    u->failed = u->failed || name.failed;
    undo_creation(u, keyword, "relation", str_text(&name), NULL, unsure);
    str_release(&name);
}

static void table(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateStmt *const create = node->create_stmt;
    relation_creation(u, "TABLE", create->relation,
                      create->if_not_exists ? undo_if_not_exists : NULL);
}

static void foreign_table(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateStmt *const create = node->create_foreign_table_stmt->base_stmt;
    relation_creation(u, "FOREIGN TABLE", create->relation,
                      create->if_not_exists ? undo_if_not_exists : NULL);
}

static void table_as(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateTableAsStmt *const create = node->create_table_as_stmt;
    const bool view = create->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW;
    relation_creation(u, view ? "MATERIALIZED VIEW" : "TABLE", create->into->rel,
                      create->if_not_exists ? undo_if_not_exists : NULL);
}

static void view(struct undoing *u, const PgQuery__Node *node)
{
    relation_creation(u, "VIEW", node->view_stmt->view,
                      node->view_stmt->replace ? undo_or_replace : NULL);
}

static void sequence(struct undoing *u, const PgQuery__Node *node)
{
    relation_creation(u, "SEQUENCE", node->create_seq_stmt->sequence,
                      node->create_seq_stmt->if_not_exists ? undo_if_not_exists : NULL);
}

/* An index lives in the schema of its table, and is created without one. */
static void index_creation(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__IndexStmt *const index = node->index_stmt;
    if (index->idxname[0] == '\0') {
        u->covered = undo_is_made_relation(u, index->relation);
        undo_mark(u, "the index has no name here: PostgreSQL chose one");
        return;
    }
    PgQuery__RangeVar name = *index->relation;
    struct str text = {0};
    name.relname = index->idxname;
    tree_append_range(&text, &name);
    u->failed = u->failed || text.failed;
    undo_creation(u, index->concurrent ? "INDEX CONCURRENTLY" : "INDEX", "index", str_text(&text),
                  NULL, index->if_not_exists ? undo_if_not_exists : NULL);
    str_release(&text);
}

/* ---- what has a name of its own ---- */

static void list_creation(struct undoing *u, const char *keyword, const char *kind,
                          PgQuery__Node *const *parts, size_t count, const char *unsure)
{
    struct str name = {0};
    tree_append_list(&name, parts, count);
    u->failed = u->failed || name.failed;
    undo_creation(u, keyword, kind, str_text(&name), NULL, unsure);
    str_release(&name);
}

static void enum_type(struct undoing *u, const PgQuery__Node *node)
{
    list_creation(u, "TYPE", "type", node->create_enum_stmt->type_name,
                  node->create_enum_stmt->n_type_name, NULL);
}

static void range_type(struct undoing *u, const PgQuery__Node *node)
{
    list_creation(u, "TYPE", "type", node->create_range_stmt->type_name,
                  node->create_range_stmt->n_type_name, NULL);
}

static void composite_type(struct undoing *u, const PgQuery__Node *node)
{
    struct str name = {0};
    tree_append_range(&name, node->composite_type_stmt->typevar);
    u->failed = u->failed || name.failed;
    undo_creation(u, "TYPE", "type", str_text(&name), NULL, NULL);
    str_release(&name);
}

static void domain(struct undoing *u, const PgQuery__Node *node)
{
    list_creation(u, "DOMAIN", "type", node->create_domain_stmt->domainname,
                  node->create_domain_stmt->n_domainname, NULL);
}

static void statistics(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateStatsStmt *const create = node->create_stats_stmt;
    if (create->n_defnames == 0)
        undo_mark(u, "the statistics have no name here: PostgreSQL chose one");
    else
        list_creation(u, "STATISTICS", "statistics", create->defnames, create->n_defnames,
                      create->if_not_exists ? undo_if_not_exists : NULL);
}

/* CREATE of what has a definition in parentheses: here those that DROP takes by name alone. */
static void definition(struct undoing *u, const PgQuery__Node *node)
{
    static const struct {
        PgQuery__ObjectType type;
        const char *keyword;
    } kinds[] = {
        {PG_QUERY__OBJECT_TYPE__OBJECT_COLLATION, "COLLATION"},
        {PG_QUERY__OBJECT_TYPE__OBJECT_TSCONFIGURATION, "TEXT SEARCH CONFIGURATION"},
        {PG_QUERY__OBJECT_TYPE__OBJECT_TSDICTIONARY, "TEXT SEARCH DICTIONARY"},
        {PG_QUERY__OBJECT_TYPE__OBJECT_TSPARSER, "TEXT SEARCH PARSER"},
        {PG_QUERY__OBJECT_TYPE__OBJECT_TSTEMPLATE, "TEXT SEARCH TEMPLATE"},
    };
    const PgQuery__DefineStmt *const define = node->define_stmt;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].type == define->kind) {
            list_creation(u, kinds[i].keyword, "definition", define->defnames, define->n_defnames,
                          define->if_not_exists ? undo_if_not_exists : NULL);
            return;
        }
    undo_mark_always(u, undo_not_known);
}

static void named_creation(struct undoing *u, const char *keyword, const char *kind,
                           const char *name, const char *unsure)
{
    struct str text = {0};
    tree_append_name(&text, name);
    u->failed = u->failed || text.failed;
    undo_creation(u, keyword, kind, str_text(&text), NULL, unsure);
    str_release(&text);
}

static void schema(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateSchemaStmt *const create = node->create_schema_stmt;
    if (create->schemaname[0] == '\0' || create->n_schema_elts > 0)
        undo_mark_always(u,
                         "the schema is named after a role, or made together with what is in it");
    else
        named_creation(u, "SCHEMA", "schema", create->schemaname,
                       create->if_not_exists ? undo_if_not_exists : NULL);
}

static void extension(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateExtensionStmt *const create = node->create_extension_stmt;
    const char *unsure = create->if_not_exists ? undo_if_not_exists : NULL;
    for (size_t i = 0; i < create->n_options; i++)
        if (create->options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
            strcmp(create->options[i]->def_elem->defname, "cascade") == 0)
            unsure = "with CASCADE other extensions may have come along";
    named_creation(u, "EXTENSION", "extension", create->extname, unsure);
}

static void role(struct undoing *u, const PgQuery__Node *node)
{
    named_creation(u, "ROLE", "role", node->create_role_stmt->role, NULL);
}

static void event_trigger(struct undoing *u, const PgQuery__Node *node)
{
    named_creation(u, "EVENT TRIGGER", "event trigger", node->create_event_trig_stmt->trigname,
                   NULL);
}

static void publication(struct undoing *u, const PgQuery__Node *node)
{
    named_creation(u, "PUBLICATION", "publication", node->create_publication_stmt->pubname, NULL);
}

static void wrapper(struct undoing *u, const PgQuery__Node *node)
{
    named_creation(u, "FOREIGN DATA WRAPPER", "wrapper", node->create_fdw_stmt->fdwname, NULL);
}

static void server(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateForeignServerStmt *const create = node->create_foreign_server_stmt;
    named_creation(u, "SERVER", "server", create->servername,
                   create->if_not_exists ? undo_if_not_exists : NULL);
}

static void function(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateFunctionStmt *const create = node->create_function_stmt;
    struct str name = {0};
    tree_append_list(&name, create->funcname, create->n_funcname);
    if (!tree_append_arguments(&name, create))
        undo_mark_always(u, "an argument has the type of a column, which only the database knows");
    else
        undo_creation(u, create->is_procedure ? "PROCEDURE" : "FUNCTION", "function",
                      str_text(&name), NULL, create->replace ? undo_or_replace : NULL);
    u->failed = u->failed || name.failed;
    str_release(&name);
}

/* ---- what belongs to a table ---- */

static void dependent_creation(struct undoing *u, const char *keyword, const char *name,
                               const PgQuery__RangeVar *range, bool replaces)
{
    struct str text = {0}, relation = {0};
    tree_append_name(&text, name);
    tree_append_range(&relation, range);
    u->failed = u->failed || text.failed || relation.failed;
    undo_creation(u, keyword, "dependent", str_text(&text), str_text(&relation),
                  replaces ? undo_or_replace : NULL);
    str_release(&text);
    str_release(&relation);
}

static void trigger(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreateTrigStmt *const create = node->create_trig_stmt;
    dependent_creation(u, "TRIGGER", create->trigname, create->relation, create->replace);
}

static void policy(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CreatePolicyStmt *const create = node->create_policy_stmt;
    dependent_creation(u, "POLICY", create->policy_name, create->table, false);
}

static void rule(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__RuleStmt *const create = node->rule_stmt;
    dependent_creation(u, "RULE", create->rulename, create->relation, create->replace);
}

/* ---- rights ---- */

/* The statement's own words: GRANT becomes REVOKE, TO becomes FROM, and WITH GRANT OPTION goes. */
static bool write_revoke(struct undoing *u)
{
    const struct span text = u->undo->statement.text;
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    const struct token grant = lexer_next_solid(&lexer);
    size_t to = 0, end = 0;
    for (struct token token = lexer_next_solid(&lexer); token.type != TOKEN_END;
         token = lexer_next_solid(&lexer)) {
        const bool word = token.type == TOKEN_WORD;
        if (word && span_is_nocase(token.span, "granted"))
            return false;
        if (to > 0 && word && span_is_nocase(token.span, "with"))
            break;
        if (word && span_is_nocase(token.span, "to"))
            to = token.start;
        end = token.start + token.span.len;
    }
    if (grant.type != TOKEN_WORD || to == 0)
        return false;
    str_puts(&u->sql, "REVOKE");
    str_append(&u->sql, text.at + grant.span.len, to - grant.span.len);
    str_puts(&u->sql, "FROM");
    str_append(&u->sql, text.at + to + 2, end - to - 2);
    return true;
}

/* Rights on what the text made itself were not there before. */
static bool all_made(struct undoing *u, const PgQuery__GrantStmt *grant)
{
    for (size_t i = 0; i < grant->n_objects; i++)
        if (!undo_is_made_object(u, grant->objtype, NULL, grant->objects[i]))
            return false;
    return grant->n_objects > 0 &&
           grant->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_OBJECT;
}

static void grant(struct undoing *u, const PgQuery__Node *node)
{
    const bool grants = node->grant_stmt->is_grant;
    if (grants && write_revoke(u) && all_made(u, node->grant_stmt))
        undo_sure(u);
    else
        undo_mark_always(u, grants ? "the right may have been there before" : undo_value_before);
}

static void role_grant(struct undoing *u, const PgQuery__Node *node)
{
    const bool grants = node->grant_role_stmt->is_grant;
    if (grants)
        (void)write_revoke(u); /* without it the mark has no statement */
    undo_mark_always(u, grants ? "the role may have been a member before" : undo_value_before);
}

/* ---- rows, values, code ---- */

/* Rows of a table that the text made, unless the statement reaches further. */
static void insertion(struct undoing *u, const PgQuery__Node *node)
{
    u->covered = undo_is_made_relation(u, node->insert_stmt->relation) &&
                 node->insert_stmt->with_clause == NULL && !tree_calls_function(node);
    undo_mark(u, undo_rows);
}

static void deletion(struct undoing *u, const PgQuery__Node *node)
{
    u->covered = undo_is_made_relation(u, node->delete_stmt->relation) &&
                 node->delete_stmt->with_clause == NULL && !tree_calls_function(node);
    undo_mark(u, undo_rows);
}

static void change(struct undoing *u, const PgQuery__Node *node)
{
    u->covered = undo_is_made_relation(u, node->update_stmt->relation) &&
                 node->update_stmt->with_clause == NULL && !tree_calls_function(node);
    undo_mark(u, undo_rows);
}

/* SELECT INTO makes a table. */
static void query(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__SelectStmt *const select = node->select_stmt;
    if (select->with_clause != NULL || (select->into_clause == NULL && tree_calls_function(node)))
        undo_mark_always(u, "what it calls may have changed something");
    else if (select->into_clause != NULL)
        relation_creation(u, "TABLE", select->into_clause->rel, NULL);
}

static void comment(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__CommentStmt *const on = node->comment_stmt;
    u->covered = undo_is_made_object(u, on->objtype, NULL, on->object);
    undo_mark(u, undo_value_before);
}

static void transaction(struct undoing *u, const PgQuery__Node *node)
{
    const PgQuery__TransactionStmtKind kind = node->transaction_stmt->kind;
    if (kind != PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT &&
        kind != PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE)
        undo_mark_always(u, undo_took_back);
}

static void drop(struct undoing *u, const PgQuery__Node *node)
{
    (void)node;
    undo_forget_made(u);
    undo_mark_always(u, undo_dropped);
}

/* A statement is marked with `why`, or left to `undo`; with neither there is nothing to undo. */
/* clang-format off */
static const struct handler {
    PgQuery__Node__NodeCase node;
    void (*undo)(struct undoing *u, const PgQuery__Node *node);
    const char *why;
} handlers[] = {
    {PG_QUERY__NODE__NODE_CREATE_STMT, table, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT, foreign_table, NULL},
    {PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, table_as, NULL},
    {PG_QUERY__NODE__NODE_VIEW_STMT, view, NULL},
    {PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, sequence, NULL},
    {PG_QUERY__NODE__NODE_INDEX_STMT, index_creation, NULL},
    {PG_QUERY__NODE__NODE_CREATE_ENUM_STMT, enum_type, NULL},
    {PG_QUERY__NODE__NODE_CREATE_RANGE_STMT, range_type, NULL},
    {PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT, composite_type, NULL},
    {PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT, domain, NULL},
    {PG_QUERY__NODE__NODE_CREATE_STATS_STMT, statistics, NULL},
    {PG_QUERY__NODE__NODE_DEFINE_STMT, definition, NULL},
    {PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, schema, NULL},
    {PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT, extension, NULL},
    {PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, role, NULL},
    {PG_QUERY__NODE__NODE_CREATE_EVENT_TRIG_STMT, event_trigger, NULL},
    {PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT, publication, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FDW_STMT, wrapper, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FOREIGN_SERVER_STMT, server, NULL},
    {PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, function, NULL},
    {PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, trigger, NULL},
    {PG_QUERY__NODE__NODE_CREATE_POLICY_STMT, policy, NULL},
    {PG_QUERY__NODE__NODE_RULE_STMT, rule, NULL},

    {PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, undo_alter_table, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT, undo_alter_domain, NULL},
    {PG_QUERY__NODE__NODE_ALTER_ENUM_STMT, undo_alter_enum, NULL},
    {PG_QUERY__NODE__NODE_ALTER_SEQ_STMT, undo_alter_sequence, NULL},
    {PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, undo_set_schema, NULL},
    {PG_QUERY__NODE__NODE_ALTER_OWNER_STMT, undo_owner, NULL},
    {PG_QUERY__NODE__NODE_RENAME_STMT, undo_rename, NULL},

    {PG_QUERY__NODE__NODE_GRANT_STMT, grant, NULL},
    {PG_QUERY__NODE__NODE_GRANT_ROLE_STMT, role_grant, NULL},
    {PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT, NULL, undo_value_before},

    {PG_QUERY__NODE__NODE_INSERT_STMT, insertion, NULL},
    {PG_QUERY__NODE__NODE_UPDATE_STMT, change, NULL},
    {PG_QUERY__NODE__NODE_DELETE_STMT, deletion, NULL},
    {PG_QUERY__NODE__NODE_MERGE_STMT, NULL, undo_rows},
    {PG_QUERY__NODE__NODE_TRUNCATE_STMT, NULL, undo_rows},
    {PG_QUERY__NODE__NODE_COPY_STMT, NULL, undo_rows},
    {PG_QUERY__NODE__NODE_SELECT_STMT, query, NULL},
    {PG_QUERY__NODE__NODE_COMMENT_STMT, comment, NULL},
    {PG_QUERY__NODE__NODE_SEC_LABEL_STMT, NULL, undo_value_before},
    {PG_QUERY__NODE__NODE_DO_STMT, NULL, code},
    {PG_QUERY__NODE__NODE_CALL_STMT, NULL, code},
    {PG_QUERY__NODE__NODE_EXECUTE_STMT, NULL, code},

    {PG_QUERY__NODE__NODE_DROP_STMT, drop, NULL},
    {PG_QUERY__NODE__NODE_DROP_ROLE_STMT, drop, NULL},
    {PG_QUERY__NODE__NODE_DROP_OWNED_STMT, drop, NULL},
    {PG_QUERY__NODE__NODE_DROP_SUBSCRIPTION_STMT, drop, NULL},
    {PG_QUERY__NODE__NODE_DROP_USER_MAPPING_STMT, drop, NULL},
    {PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT, drop, NULL},
    {PG_QUERY__NODE__NODE_DROPDB_STMT, drop, NULL},

    {PG_QUERY__NODE__NODE_TRANSACTION_STMT, transaction, NULL},
    {PG_QUERY__NODE__NODE_LOCK_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_VACUUM_STMT, NULL, NULL}, /* ANALYZE too */
    {PG_QUERY__NODE__NODE_REINDEX_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CHECK_POINT_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_NOTIFY_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT, NULL, NULL},
    {PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT, NULL, NULL},
};
/* clang-format on */

static void handle(struct undoing *u, const PgQuery__Node *node)
{
    for (size_t i = 0; i < COUNT_OF(handlers); i++) {
        if (handlers[i].node != node->node_case)
            continue;
        if (handlers[i].undo != NULL)
            handlers[i].undo(u, node);
        else if (handlers[i].why != NULL)
            undo_mark_always(u, handlers[i].why);
        return;
    }
    undo_mark_always(u, undo_not_known);
}

bool undo_postgres(struct undoing *u, struct err *err)
{
    struct tree tree;
    const bool read = parser_read(u->undo->statement.text, &tree, err);
    if (read && tree.statement != NULL)
        handle(u, tree.statement);
    else if (read)
        undo_mark_always(u, "pawl cannot read this statement");
    tree_release(&tree);
    return read;
}
