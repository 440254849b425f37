/* The elements of a key, as a constraint or an index lists them, in a query's words. */
#ifndef PAWL_CHECK_PROBE_KEY_H
#define PAWL_CHECK_PROBE_KEY_H

#include "check/probe/parts.h"

enum { KEY_ELEMENTS = 32 };

/* One element of a key: what is compared, and whether by the type's own equality. */
struct key_element {
    const char *sql, *collation;
    const char *column; /* NULL for an expression */
};

struct probe_key {
    struct key_element items[KEY_ELEMENTS];
    size_t count;
    struct name_list names; /* the columns in it */
    const char *unknown;    /* why it cannot be compared here */
};

/* list: the elements as text, for the expressions among them. */
struct probe_key key_read(struct probing *p, struct probed_table *table, struct span list,
                          PgQuery__Node *const *elements, size_t count);

/* "a, lower(b)", for people. */
const char *key_text(struct probing *p, const struct probe_key *key);

/* The rows that count: those of the predicate, without NULL in the key unless NULLs are equal. */
void key_append_where(struct str *sql, const struct probe_key *key, struct span predicate,
                      bool nulls_equal);

/* What stands behind FROM. */
const char *key_from(struct probing *p, const struct probed_table *table,
                     const struct probe_key *key, struct span predicate);

/* An index of expressions, or of some rows, computes them for every row: also for those that no
 * other can equal. */
void key_probe_evaluation(struct probing *p, struct probed_table *table,
                          PgQuery__Node *const *elements, size_t count, struct span list,
                          struct span predicate);

#endif
