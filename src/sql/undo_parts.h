/* Between the files of sql/undo: one statement on its way. */
#ifndef PAWL_SQL_UNDO_PARTS_H
#define PAWL_SQL_UNDO_PARTS_H

#include "sql/undo.h"

struct undoing {
    struct arena *arena;
    enum dialect dialect;
    struct undo *undo;
    struct str sql; /* of the step being written; empty between steps */
    struct {
        const char **items; /* "KIND NAME" of what the text has made up to here */
        size_t count, capacity;
    } made;
    bool covered; /* what the step is about goes away with something that the text made */
    bool failed;  /* memory was out */
};

/* Each of these ends the step that u->sql holds. A mark is left out where the step is covered,
 * undo_mark_always() apart: for what would be in the way of the drop. */
void undo_sure(struct undoing *u);
void undo_mark(struct undoing *u, const char *why);
void undo_mark_always(struct undoing *u, const char *why);

/* Remembers, and asks for, an object that this text made. Its name is SQL text. */
void undo_note_made(struct undoing *u, const char *kind, const char *name);
bool undo_has_made(const struct undoing *u, const char *kind, const char *name);
/* True when any object of the kind was made. */
bool undo_has_made_any(const struct undoing *u, const char *kind);
/* Names have changed hands: nothing is known any more. */
void undo_forget_made(struct undoing *u);

/* "DROP KEYWORD NAME [ON RELATION]" for a fresh object: sure and remembered, or marked as unsure
 * says. relation may be NULL. */
void undo_creation(struct undoing *u, const char *keyword, const char *kind, const char *name,
                   const char *relation, const char *unsure);

/* Errors are ERR_NOMEM and a thread that cannot be made; u->failed too is set. */
bool undo_postgres(struct undoing *u, struct err *err) MUST_CHECK;
void undo_sqlite(struct undoing *u);

/* Reasons that more than one file gives. */
extern const char undo_if_not_exists[], undo_or_replace[], undo_dropped[], undo_rows[],
    undo_value_before[], undo_not_known[], undo_unnamed[], undo_took_back[];

#endif
