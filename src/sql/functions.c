/* What becomes of functions, statement by statement. */
#include "sql/functions.h"

#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "sql/tree_name.h"

#define NODE(name)   PG_QUERY__NODE__NODE_##name
#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

struct noting {
    struct functions *functions;
    bool inner;
    bool failed; /* memory was out */
};

static const char *part(PgQuery__Node *const *parts, size_t count, size_t from_end)
{
    const bool there = from_end < count && parts[count - 1 - from_end]->node_case == NODE(STRING);
    return there ? parts[count - 1 - from_end]->string->sval : "";
}

static const char *keep(struct noting *n, const char *text)
{
    const char *const kept = arena_strdup(n->functions->arena, text);
    n->failed = n->failed || kept == NULL;
    return kept;
}

static bool is_function(PgQuery__ObjectType type)
{
    return type == OBJECT(FUNCTION) || type == OBJECT(PROCEDURE) || type == OBJECT(ROUTINE);
}

static bool is_same_name(const struct function *a, const struct function *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->schema, b->schema) == 0;
}

/* A body that makes it may be read more than once. */
static bool is_there(const struct noting *n, const struct function *made)
{
    for (size_t i = 0; i < n->functions->count; i++) {
        const struct function *const item = &n->functions->items[i];
        if (!item->is_gone && is_same_name(item, made) && item->text.len == made->text.len &&
            memcmp(item->text.at, made->text.at, made->text.len) == 0)
            return true;
    }
    return false;
}

static void add(struct noting *n, struct function function)
{
    if (n->failed || (n->inner && is_there(n, &function)))
        return;
    struct function *const item = arena_push(n->functions->arena, n->functions);
    n->failed = item == NULL;
    if (item != NULL)
        *item = function;
}

/* ---- CREATE ---- */

static void replace(struct noting *n, const struct function *made)
{
    for (size_t i = 0; made->arguments != NULL && i < n->functions->count; i++) {
        struct function *const item = &n->functions->items[i];
        if (is_same_name(item, made) && item->arguments != NULL &&
            strcmp(item->arguments, made->arguments) == 0)
            item->is_gone = true;
    }
}

static void create(struct noting *n, struct span statement,
                   const PgQuery__CreateFunctionStmt *function)
{
    CLEANUP(str_release) struct str shown = {0};
    CLEANUP(str_release) struct str arguments = {0};
    const bool known = tree_append_arguments(&arguments, function);
    struct function made = {
        .schema = part(function->funcname, function->n_funcname, 1),
        .name = part(function->funcname, function->n_funcname, 0),
        .arguments = known ? str_text(&arguments) : NULL,
        .text = statement,
        .source = n->inner ? NULL : n->functions->source,
        .offset = n->functions->offset,
    };
    tree_append_list(&shown, function->funcname, function->n_funcname);
    n->failed = n->failed || shown.failed || arguments.failed;
    if (n->failed || (n->inner && is_there(n, &made)))
        return;
    if (!n->inner)
        replace(n, &made);
    made.schema = keep(n, made.schema);
    made.name = keep(n, made.name);
    made.shown = keep(n, str_text(&shown));
    made.arguments = known ? keep(n, made.arguments) : NULL;
    made.text.at = arena_strndup(n->functions->arena, statement.at, statement.len);
    n->failed = n->failed || made.text.at == NULL;
    add(n, made);
}

/* ---- what becomes of one ---- */

static bool is_meant(const struct function *item, const PgQuery__ObjectWithArgs *object,
                     const char *arguments)
{
    return !item->is_gone && strcmp(item->name, part(object->objname, object->n_objname, 0)) == 0 &&
           strcmp(item->schema, part(object->objname, object->n_objname, 1)) == 0 &&
           (object->args_unspecified ||
            (item->arguments != NULL && strcmp(item->arguments, arguments) == 0));
}

/* A new schema or a new name, each "" for the old one; both: it goes. */
static void change(struct noting *n, const PgQuery__Node *node, const char *schema,
                   const char *name)
{
    if (node == NULL || node->node_case != NODE(OBJECT_WITH_ARGS))
        return;
    CLEANUP(str_release) struct str arguments = {0};
    const PgQuery__ObjectWithArgs *const object = node->object_with_args;
    (void)tree_append_object_arguments(&arguments, object); /* else it is none that is known */
    n->failed = n->failed || arguments.failed;
    const size_t count = n->functions->count;
    for (size_t i = 0; i < count && !n->failed; i++) {
        if (!is_meant(&n->functions->items[i], object, str_text(&arguments)))
            continue;
        struct function renamed = n->functions->items[i];
        n->functions->items[i].is_gone = !n->inner;
        renamed.schema = schema[0] != '\0' ? keep(n, schema) : renamed.schema;
        renamed.name = name[0] != '\0' ? keep(n, name) : renamed.name;
        if (schema[0] != '\0' || name[0] != '\0')
            add(n, renamed);
    }
}

bool functions_note(struct functions *functions, struct span statement, const PgQuery__Node *tree,
                    bool inner)
{
    struct noting n = {functions, inner, false};
    switch (tree->node_case) {
    case NODE(CREATE_FUNCTION_STMT):
        create(&n, statement, tree->create_function_stmt);
        break;
    case NODE(DROP_STMT):
        for (size_t i = 0; i < tree->drop_stmt->n_objects; i++)
            if (is_function(tree->drop_stmt->remove_type))
                change(&n, tree->drop_stmt->objects[i], "", "");
        break;
    case NODE(RENAME_STMT):
        if (is_function(tree->rename_stmt->rename_type))
            change(&n, tree->rename_stmt->object, "", tree->rename_stmt->newname);
        break;
    case NODE(ALTER_OBJECT_SCHEMA_STMT):
        if (is_function(tree->alter_object_schema_stmt->object_type))
            change(&n, tree->alter_object_schema_stmt->object,
                   tree->alter_object_schema_stmt->newschema, "");
        break;
    default:
        break;
    }
    return !n.failed;
}

/* ---- calls ---- */

/* Without a schema on either side the search path decides, which is not known here; the server's
 * own functions are never made by a set. */
static bool may_mean(const struct function *function, const char *schema, const char *name)
{
    return !function->is_gone && strcmp(function->name, name) == 0 &&
           (schema[0] == '\0' || strcmp(function->schema, schema) == 0 ||
            (function->schema[0] == '\0' && strcmp(schema, "pg_catalog") != 0));
}

size_t functions_find(const struct functions *functions, size_t from, const char *schema,
                      const char *name)
{
    while (from < functions->count && !may_mean(&functions->items[from], schema, name))
        from++;
    return from;
}
