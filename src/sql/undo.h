/*
 * What undoes a statement: text into text, without a database.
 *
 * A statement is taken to have done what it says: SET NOT NULL on a column that was NOT NULL before
 * is undone all the same. Where the text leaves room for doubt about what was there before (OR
 * REPLACE, IF NOT EXISTS, GRANT, a value that was replaced, rows, code), it is marked with the
 * reason, and with the statement that may be right where there is one. What stands without a mark
 * is right whatever was there before.
 */
#ifndef PAWL_SQL_UNDO_H
#define PAWL_SQL_UNDO_H

#include "sql/split.h"

enum undo_outcome {
    UNDO_DERIVED,  /* every step is sure */
    UNDO_MARKED,   /* one step at least needs its author */
    UNDO_NEEDLESS, /* there is nothing to undo, or it goes away with what the text itself made */
    UNDO_KEPT,     /* in the head or tail: SET, RESET, BEGIN, COMMIT, as they stand */
};

/* "derived", "marked", "needless", "kept". */
const char *undo_outcome_name(enum undo_outcome outcome);

struct undo_step {
    const char *sql; /* without a semicolon; of a marked one what may be right, or NULL */
    const char *why; /* it is marked: lower case, no full stop, static; NULL for a sure one */
};

struct undo {
    struct statement statement;
    enum undo_outcome outcome;
    struct {
        struct undo_step *items; /* in the statement's own order: run them last one first */
        size_t count, capacity;
    } steps;
};

/* In the order of the text. The first `head` and the last `tail` stay where they are; those between
 * are undone last one first. */
struct undo_list {
    struct undo *items;
    size_t count, capacity;
    size_t head, tail;
};

/* The list's statements are views of the text. Errors: those of sql_split(), and ERR_NOMEM. */
bool sql_undo(struct arena *arena, enum dialect dialect, const char *text, size_t len,
              struct undo_list *ret, struct err *err) MUST_CHECK;

/* True when code that runs now may break by this statement: it drops or renames more than an index,
 * a constraint or a default, takes rights or rows away, or refuses what was taken before. */
bool sql_breaks_code(enum dialect dialect, struct span statement);

#endif
