/* What a command line gives a recipe, read, and its texts filled in; included by
 * src/history/recipe*.c only. */
#ifndef PAWL_HISTORY_RECIPE_PARTS_H
#define PAWL_HISTORY_RECIPE_PARTS_H

#include "history/recipe.h"

/* A name without its quotes; schema is NULL where none is given. */
struct recipe_name {
    const char *schema, *name;
};

/* ---- what was read, and what follows from it ---- */

struct recipe_names {
    const char **items; /* without quotes */
    size_t count, capacity;
};

struct recipe_reading {
    struct arena *arena;
    const struct recipe *recipe;
    const struct recipe_words *words;
    struct recipe_values *values;
    struct err *err;
    bool failed; /* memory is out */
    struct recipe_name table;
    struct recipe_names columns, to;
    struct recipe_names expressions; /* one for each column that is written, as SQL */
    const char *type;
};

/* The first that was given for it, or NULL. */
const char *recipe_first(const struct recipe_reading *reading, enum recipe_parameter parameter);

/* Append, and set reading->failed when memory is out. A text may be NULL: then it was. */
void recipe_put(struct recipe_reading *reading, const char *name, const char *text);
void recipe_push(struct recipe_reading *reading, struct recipe_names *names, const char *text);
void recipe_put_quoted(struct recipe_reading *reading, const char *name, const char *schema,
                       const char *text);
/* The same name in quotes, where the server asks for a constant. */
void recipe_put_literal(struct recipe_reading *reading, const char *name, const char *schema,
                        const char *text);

/* Puts the values that follow from table, columns, to and type. */
void recipe_work_out(struct recipe_reading *reading);

/* ---- reading ---- */

/* All return false for what is none, and set *failed when memory is out. */

/* By the rules of SQL: what is not in quotes folds to lower case. Key words may stand bare. */
bool recipe_read_name(struct arena *arena, const char *text, bool qualified,
                      struct recipe_name *ret, bool *failed) MUST_CHECK;

/* "customers(id)", and what follows: " ON DELETE CASCADE", or "". */
bool recipe_read_column_of(struct arena *arena, const char *text, struct recipe_name *ret_table,
                           const char **ret_column, const char **ret_actions,
                           bool *failed) MUST_CHECK;

bool recipe_is_type(struct arena *arena, const char *text, bool *failed) MUST_CHECK;
bool recipe_is_expression(struct arena *arena, const char *text, bool *failed) MUST_CHECK;

/* "public"."Orders"; quotes where they are needed. NULL when memory is out. */
const char *recipe_quote(struct arena *arena, const char *schema, const char *name) MUST_CHECK;

/* The text as a string constant. */
const char *recipe_literal(struct arena *arena, const char *text) MUST_CHECK;

/* one_two_label as PostgreSQL makes the names of indexes and sequences: the longer part is cut
 * until it fits. two may be NULL. */
const char *recipe_join(struct arena *arena, const char *one, const char *two,
                        const char *label) MUST_CHECK;

/* Appends the text with values in place of the placeholders; what has none stands as it is. */
void recipe_fill(const struct recipe_values *values, const char *text, struct str *out);

#endif
