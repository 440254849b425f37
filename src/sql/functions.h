/*
 * The functions and procedures that the statements of a set have made so far: what a call may run.
 *
 * They are kept as their texts and read again at each call (sql/facts.h). Names are those of the
 * text: which function of a name a call means is not decided, so that all of them are found.
 */
#ifndef PAWL_SQL_FUNCTIONS_H
#define PAWL_SQL_FUNCTIONS_H

#include "base/arena.h"
#include "base/str.h"

/* Where a function says what it does. */
struct function_place {
    const char *function; /* its name, SQL text as CREATE has it; NULL: in no function */
    const void *source;   /* as in struct functions */
    size_t offset;        /* of the byte, in that source */
};

struct function {
    const char *schema, *name; /* plain; the schema "" where it was made without one */
    const char *shown;         /* SQL text, as CREATE has it */
    const char *arguments;     /* "(integer)"; NULL where they cannot be told */
    struct span text;          /* of the CREATE */
    const void *source;
    size_t offset; /* of the CREATE */
    bool is_gone;
    size_t read_for; /* the number of the last statement that it was read for */
};

struct functions {
    struct arena *arena; /* lives as long as all of it */
    /* Of the statement that is read next, for those who tell places: whatever the caller knows it
     * by, and where it begins there. */
    const void *source;
    size_t offset;
    size_t number; /* of the statement that is being read */
    struct function *items;
    size_t count, capacity;
};

struct PgQuery__Node;

/* What the statement makes, replaces, drops or renames. inner: it stands in code, so it may not
 * run: nothing is gone then, and its place is not known. False when memory is out. */
bool functions_note(struct functions *functions, struct span statement,
                    const struct PgQuery__Node *tree, bool inner) MUST_CHECK;

/* The place in the list, from `from` on, of a function that a call by this name may mean; the
 * schema is "" where the call has none. The list's count when there is none. */
size_t functions_find(const struct functions *functions, size_t from, const char *schema,
                      const char *name);

#endif
