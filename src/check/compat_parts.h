/* What the files of check/compat share; included by src/check/compat*.c only. */
#ifndef PAWL_CHECK_COMPAT_PARTS_H
#define PAWL_CHECK_COMPAT_PARTS_H

#include "check/compat.h"

/* ---- what a statement uses, by its text ---- */

enum { USE_READS = 1, USE_INSERTS = 2, USE_UPDATES = 4, USE_DELETES = 8 };
enum { USE_CHANGES = USE_INSERTS | USE_UPDATES | USE_DELETES, USE_ALL = USE_READS | USE_CHANGES };

struct compat_names {
    const char **items;
    size_t count, capacity;
};

/* A relation that it names. */
struct compat_target {
    const void *range; /* where in the tree */
    const char *name;  /* as SQL text */
    unsigned ops;
    bool lists_columns; /* an INSERT that says which; else `given` lacks what it fills */
    bool any_columns;   /* nobody can say which: MERGE */
    bool conflicts;     /* ON CONFLICT */
    size_t value_count; /* of an INSERT with VALUES; 0: not known */
    struct compat_names given, set;
};

struct compat_use {
    bool is_query; /* SELECT, INSERT, UPDATE, DELETE, MERGE */
    bool is_read;  /* the rest is filled: it could be read whole */
    struct {
        struct compat_target *items;
        size_t count, capacity;
    } targets;
    struct compat_names functions, columns; /* last names; every name of a column's reference */
    struct compat_names rows;               /* last names of those: a table's is its row */
    struct compat_names labels, parts;      /* of its tables; of subqueries and WITH */
    bool natural, star, defaults;           /* NATURAL JOIN; a *; DEFAULT as a value */
    bool row_star;                          /* a * that is a value: to_jsonb(t.*) */
};

bool compat_use_read(struct arena *arena, const char *sql, struct compat_use *ret,
                     struct err *err) MUST_CHECK;
bool compat_names_have(const struct compat_names *names, const char *name);

/* ---- what relations, functions and types are like ---- */

/* 'r', 'f' or 't' in the upper half, the oid in the lower. */
typedef uint64_t compat_owner;

struct compat_trait {
    compat_owner owner;
    const char *kind, *name, *value;
};

enum compat_way {
    WAY_VIEW = 'v',
    WAY_CHILD = 'c',
    WAY_TRIGGER = 't',
    WAY_KEY = 'k',
    WAY_BODY = 'f',  /* named in the text of a function */
    WAY_STAR = 's',  /* likewise, and there is a * in it */
    WAY_READS = 'q', /* the same for a function that changes nothing by its own text */
    WAY_STAR_READS = 'z',
    WAY_ROW = 'w', /* the row that a trigger's function is given */
    WAY_TYPE = 'y',
    WAY_PART = 'd', /* a default, a constraint */
};

struct compat_edge {
    compat_owner from, to;
    enum compat_way way;
};

struct compat_traits {
    struct {
        struct compat_trait *items;
        size_t count, capacity;
    } traits; /* sorted by owner, kind and name */
    struct {
        struct compat_edge *items;
        size_t count, capacity;
    } edges; /* sorted by from */
};

bool compat_traits_read(struct arena *arena, struct pg *pg, const char *role,
                        struct compat_traits *ret, struct err *err) MUST_CHECK;
compat_owner compat_owner_of(const char *text); /* "r1234" */
/* The first trait of that owner, and of that kind and name where these are given; NULL. */
const struct compat_trait *compat_trait_find(const struct compat_traits *traits, compat_owner owner,
                                             const char *kind, const char *name);

struct compat_change {
    compat_owner owner;
    const char *kind, *name;
    const char *before, *after; /* NULL: it was not there; it is gone */
};

struct compat_changes {
    struct compat_change *items;
    size_t count, capacity;
};

/* Sorted by owner. Of what is new or gone, only that it is. */
bool compat_changes_read(struct arena *arena, const struct compat_traits *before,
                         const struct compat_traits *after, struct compat_changes *ret);

/* ---- what a statement comes to ---- */

struct compat_reached {
    compat_owner owner;
    unsigned ops;
    const struct compat_target *target; /* named itself, or a part of that: columns are known */
    bool is_named;                      /* by the statement */
    compat_owner via;                   /* a type: of a column of this relation; 0: not so */
    compat_owner in_function;           /* by the text of this one; 0: not by one's */
    bool star;                          /* and there is a * in that */
};

struct compat_reach {
    struct compat_reached *items;
    size_t count, capacity;
};

/* Adds what `from` leads to, by the edges of both. */
bool compat_reach_add(struct arena *arena, const struct compat_traits *before,
                      const struct compat_traits *after, const struct compat_reached *from,
                      struct compat_reach *reach) MUST_CHECK;

/* ---- what a change means ---- */

/* One statement, one thing that it comes to, one change of that. */
struct compat_matter {
    const struct compat_traits *before, *after;
    const struct compat_use *use;
    const struct compat_reached *reached;
    const struct compat_change *change;
};

/* What the change may do to the statement, as a text with {o} for the owner, {n} for the name, {b}
 * and {a} for the values before and after. *next starts as 0; NULL: that was all. */
const char *compat_meaning(const struct compat_matter *matter, size_t *next);

/* Whether the column of the change was there before; whether an INSERT may leave it to its
 * default. */
bool compat_was_there(const struct compat_matter *matter);
bool compat_is_omitted(const struct compat_matter *matter);

/* ---- what the server says ---- */

struct compat_column {
    const char *name, *type; /* the type with its modifier */
    const char *bare;        /* and without */
};

struct compat_said {
    bool fails;
    char sqlstate[6];
    const char *message;
    const char **parameters; /* names of types */
    size_t parameter_count;
    struct compat_column *columns;
    size_t column_count;
    compat_owner *types;   /* of parameters and columns */
    compat_owner *targets; /* of use->targets; 0: not there */
};

struct compat_reading {
    struct arena arena;
    struct compat_said *said; /* one a statement */
    struct compat_traits traits;
    bool lacks_role;
};

/* skip: a flag for each statement that is not asked about; NULL: none. */
bool compat_reading_take(struct shadow *shadow, const struct compat_queries *queries,
                         const struct compat_use *uses, const bool *skip, const char *role,
                         struct compat_reading *ret, struct err *err) MUST_CHECK;
void compat_reading_release(struct compat_reading *reading);

/* ---- verdicts ---- */

struct compat_found {
    const char *rule;
    enum severity severity;
    const char *what;
    const struct migration *since;
};

struct compat_founds {
    struct compat_found *items;
    size_t count, capacity;
};

/* What of one statement differs; strings of the arena. */
bool compat_judge(struct arena *arena, const struct compat_use *use,
                  const struct compat_reading *before, const struct compat_reading *after,
                  const struct compat_changes *changes, size_t query, struct compat_founds *ret,
                  struct err *err) MUST_CHECK;

#endif
