/* One short function a kind of statement that a deploy can find half done. */
#include "sql/classify_tree.h"

#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "sql/identifier.h"
#include "sql/tree_name.h"

/* Appends one part of a qualified name; absent parts are "". */
static void append_part(struct str *out, const char *part)
{
    if (part[0] == '\0')
        return;
    if (out->len > 0)
        str_putc(out, '.');
    identifier_append(out, (struct span){part, strlen(part)});
}

/* An index lives in the schema of its table, and is created without one. */
static void index_names(const PgQuery__IndexStmt *index, struct tree_names *ret)
{
    tree_append_range(&ret->relation, index->relation);
    if (index->idxname[0] != '\0' && index->relation != NULL)
        append_part(&ret->name, index->relation->schemaname);
    append_part(&ret->name, index->idxname);
    ret->if_exists = index->if_not_exists;
}

static void drop_names(const PgQuery__DropStmt *drop, struct tree_names *ret)
{
    if (drop->n_objects == 1 && drop->objects[0]->node_case == PG_QUERY__NODE__NODE_LIST)
        tree_append_list(&ret->name, drop->objects[0]->list->items,
                         drop->objects[0]->list->n_items);
    ret->if_exists = drop->missing_ok;
}

static void reindex_names(const PgQuery__ReindexStmt *reindex, struct tree_names *ret)
{
    const bool table = reindex->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE;
    tree_append_range(table ? &ret->relation : &ret->name, reindex->relation);
    append_part(&ret->name, reindex->name);
}

static void detach_names(const PgQuery__AlterTableStmt *alter, struct tree_names *ret)
{
    tree_append_range(&ret->relation, alter->relation);
    ret->if_exists = alter->missing_ok;
    if (alter->n_cmds == 0 || alter->cmds[0]->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
        return;
    const PgQuery__Node *partition = alter->cmds[0]->alter_table_cmd->def;
    if (partition != NULL && partition->node_case == PG_QUERY__NODE__NODE_PARTITION_CMD)
        tree_append_range(&ret->name, partition->partition_cmd->name);
}

static void enum_names(const PgQuery__AlterEnumStmt *alter, struct tree_names *ret)
{
    tree_append_list(&ret->name, alter->type_name, alter->n_type_name);
    str_puts(&ret->label, alter->new_val);
    ret->if_exists = alter->skip_if_new_val_exists;
}

bool tree_names(const struct tree *tree, struct tree_names *ret)
{
    const PgQuery__Node *node = tree->statement;
    if (node == NULL)
        return false;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        index_names(node->index_stmt, ret);
        return true;
    case PG_QUERY__NODE__NODE_DROP_STMT:
        drop_names(node->drop_stmt, ret);
        return true;
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
        reindex_names(node->reindex_stmt, ret);
        return true;
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        detach_names(node->alter_table_stmt, ret);
        return true;
    case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
        enum_names(node->alter_enum_stmt, ret);
        return true;
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
        append_part(&ret->name, node->createdb_stmt->dbname);
        return true;
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
        append_part(&ret->name, node->dropdb_stmt->dbname);
        ret->if_exists = node->dropdb_stmt->missing_ok;
        return true;
    case PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT:
        append_part(&ret->name, node->create_table_space_stmt->tablespacename);
        return true;
    case PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT:
        append_part(&ret->name, node->drop_table_space_stmt->tablespacename);
        ret->if_exists = node->drop_table_space_stmt->missing_ok;
        return true;
    case PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT:
        append_part(&ret->name, node->create_subscription_stmt->subname);
        return true;
    case PG_QUERY__NODE__NODE_DROP_SUBSCRIPTION_STMT:
        append_part(&ret->name, node->drop_subscription_stmt->subname);
        ret->if_exists = node->drop_subscription_stmt->missing_ok;
        return true;
    default:
        return false;
    }
}
