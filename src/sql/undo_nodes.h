/* What undoes the statements that change an object, by the parser's nodes. */
#ifndef PAWL_SQL_UNDO_NODES_H
#define PAWL_SQL_UNDO_NODES_H

#include <pg_query/pg_query.pb-c.h>

#include "sql/undo_parts.h"

void undo_alter_table(struct undoing *u, const PgQuery__Node *node);
void undo_alter_domain(struct undoing *u, const PgQuery__Node *node);
void undo_alter_enum(struct undoing *u, const PgQuery__Node *node);
void undo_alter_sequence(struct undoing *u, const PgQuery__Node *node);
void undo_set_schema(struct undoing *u, const PgQuery__Node *node);
void undo_owner(struct undoing *u, const PgQuery__Node *node);
void undo_rename(struct undoing *u, const PgQuery__Node *node);

#endif
