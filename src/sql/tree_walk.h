/* What a message of libpg_query's tree holds, by its description: for who looks for something
 * anywhere in an expression. */
#ifndef PAWL_SQL_TREE_WALK_H
#define PAWL_SQL_TREE_WALK_H

#include <pg_query/pg_query.pb-c.h>
#include <stdbool.h>

/* False ends the visits. */
typedef bool tree_visit_fn(void *context, const ProtobufCMessage *child);

/* Visits each message that this one holds, in order; not what these hold. True when no visit has
 * ended it. Whoever goes on into a child is as deep as the tree, which sql/parser.h limits. */
bool tree_visit_children(const ProtobufCMessage *message, tree_visit_fn *visit, void *context);

#endif
