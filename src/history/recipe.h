/*
 * The migrations of an expand/contract change, as SQL to review: `pawl new --recipe NAME`.
 *
 * A recipe is a row of a table: what it has to be told, and the files that it makes. Their texts
 * hold {placeholders} for names, quoted, and for what follows from them. Pure text: no database is
 * asked, and nothing is written. PostgreSQL alone.
 */
#ifndef PAWL_HISTORY_RECIPE_H
#define PAWL_HISTORY_RECIPE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* What a recipe may be told. */
enum recipe_parameter {
    RECIPE_TABLE,
    RECIPE_COLUMN,
    RECIPE_TO,
    RECIPE_TYPE,
    RECIPE_EXPRESSION,
    RECIPE_BACK,
    RECIPE_REFERENCES,
    RECIPE_CHILD,
    RECIPE_SEQUENCE,
    RECIPE_DEFAULT,
    RECIPE_NOT_NULL,
    RECIPE_PARAMETERS
};

/* One as a bit of a set of them. */
#define RECIPE_BIT(parameter) (1u << (parameter))

const char *recipe_parameter_name(enum recipe_parameter parameter); /* "table" */

struct recipe_file {
    const char *slug;    /* of its name, behind the recipe's title: "add column" */
    const char *head;    /* directives besides those below; NULL */
    const char *verify;  /* of a backfill: the query that must find no row; NULL: it is none */
    const char *text;    /* a comment, then the statements */
    unsigned only_with;  /* made where one of these parameters is given; 0: always */
    bool contract;       /* phase=contract */
    bool no_transaction; /* it holds a statement that runs outside */
};

struct recipe {
    const char *name;
    const char *summary;    /* lower case, no full stop */
    const char *title;      /* names its files, with placeholders */
    unsigned needs, takes;  /* parameters that must, and that may be given */
    unsigned several;       /* parameters that may be given several times */
    const char *expression; /* what stands for an expression that is not given; NULL */
    const char *to;         /* the ending of a column that is made for a time; NULL */
    const char *type;       /* of the new column, where it is not told; NULL */
    const struct recipe_file *files;
    size_t file_count;
};

extern const struct recipe recipes[];
extern const size_t recipe_count;

/* NULL with err (ERR_USAGE) where there is none of the name. */
const struct recipe *recipe_find(struct arena *arena, const char *name, struct err *err) MUST_CHECK;

/* What was given for the parameters, in the order of the command line. */
struct recipe_words {
    struct {
        const char **items;
        size_t count, capacity;
    } given[RECIPE_PARAMETERS];
};

/* The texts that go in place of the placeholders. */
struct recipe_values {
    struct {
        struct recipe_value {
            const char *name, *text;
        } * items;
        size_t count, capacity;
    } list;
    unsigned given; /* the parameters that were */
};

/* Reads what was given and works out the rest. Errors: ERR_USAGE, which say what is needed. */
bool recipe_read(struct arena *arena, const struct recipe *recipe, const struct recipe_words *words,
                 struct recipe_values *ret, struct err *err) MUST_CHECK;

/* Whether the recipe makes this file of it. */
bool recipe_makes(const struct recipe_file *file, const struct recipe_values *values);

/* The words that the file's name is made of. */
void recipe_write_slug(const struct recipe *recipe, const struct recipe_file *file,
                       const struct recipe_values *values, struct str *out);

/* The file. id is one that the files of this recipe share; step is counted from 1. */
void recipe_write_file(const struct recipe *recipe, const struct recipe_file *file,
                       const struct recipe_values *values, const char *id, size_t step,
                       size_t steps, struct str *out);

#endif
