/* Kinds of objects in the parser's tree, and what a text has made of them. */
#ifndef PAWL_SQL_UNDO_KIND_H
#define PAWL_SQL_UNDO_KIND_H

#include <pg_query/pg_query.pb-c.h>

#include "sql/undo_parts.h"

struct undo_kind {
    PgQuery__ObjectType type;
    const char *keyword; /* after ALTER */
    const char *made;    /* as undo_note_made() has it */
};

/* NULL for a kind that is not known here. */
const struct undo_kind *undo_find_kind(PgQuery__ObjectType type);

/* True for ALTER TABLE ONLY. What is no table reads as if it had the word. */
bool undo_is_only(PgQuery__ObjectType type, const PgQuery__RangeVar *range);

/* True when the text made the relation, or the object, or the table that a column belongs to. */
bool undo_is_made_relation(struct undoing *u, const PgQuery__RangeVar *range);
bool undo_is_made_object(struct undoing *u, PgQuery__ObjectType type,
                         const PgQuery__RangeVar *relation, const PgQuery__Node *object);

#endif
