/* The names in a tree of sql/parser.h, as SQL text: qualified as written, quoted where needed. */
#ifndef PAWL_SQL_TREE_NAME_H
#define PAWL_SQL_TREE_NAME_H

#include <pg_query/pg_query.pb-c.h>

#include "base/str.h"

void tree_append_name(struct str *out, const char *name);

/* Nothing for NULL. */
void tree_append_range(struct str *out, const PgQuery__RangeVar *range);

/* A name as a list of String nodes. */
void tree_append_list(struct str *out, PgQuery__Node *const *parts, size_t count);

/* A type without its modifier, as DROP FUNCTION takes it. False for "column%TYPE", which only the
 * catalog can resolve. */
bool tree_append_type(struct str *out, const PgQuery__TypeName *type);

/* The arguments that tell a function from others of its name, in parentheses; those of a procedure
 * with OUT arguments have their modes. False as for tree_append_type(). */
bool tree_append_arguments(struct str *out, const PgQuery__CreateFunctionStmt *function);

/* The same of a function that ALTER or COMMENT ON names; nothing where it is named without them. */
bool tree_append_object_arguments(struct str *out, const PgQuery__ObjectWithArgs *object);

/* What RENAME, SET SCHEMA, OWNER TO, COMMENT ON and GRANT name: a relation, a list, a type, a
 * string or a function with its arguments. False when it is none of these. */
bool tree_append_object(struct str *out, const PgQuery__RangeVar *relation,
                        const PgQuery__Node *object);

/* True when an expression anywhere in the statement calls a function by name. */
bool tree_calls_function(const PgQuery__Node *node);

#endif
