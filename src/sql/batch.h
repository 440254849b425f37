/*
 * The statement of a backfill, and the same for one batch: the rows whose key lies in a window.
 *
 * Two forms. An UPDATE or DELETE without parameters gets the window put into its WHERE. Any other
 * INSERT, UPDATE, DELETE, MERGE or WITH says the bounds itself: $1 is the lower one, which does not
 * belong to the window and is NULL in the first batch, $2 the upper one, which does; of a key of
 * two columns $1 and $2 are the lower bounds, $3 and $4 the upper ones. Pure: text to text.
 */
#ifndef PAWL_SQL_BATCH_H
#define PAWL_SQL_BATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "sql/lexer.h"

struct batch_names {
    const char **items; /* plain names: quotes undone, words as the dialect folds them */
    size_t count, capacity;
};

struct batch_statement {
    struct span text;
    const char *table;          /* that is changed, as written; NULL: not understood, or INSERT */
    const char *qualifier;      /* what its columns are qualified with there: the alias, or its last
                                   part, as written */
    struct batch_names changed; /* columns of it that SET gives a value */
    size_t parameters;          /* the highest $N; 0: the window is put in by us */
    size_t where;               /* the byte behind WHERE; 0: there is none */
    size_t end;                 /* where its condition ends, or would stand */
};

/* *ret_why: why it cannot be run in batches, a clause, static, and *ret_at is the byte that it is
 * about; NULL: it can. False when memory is out. */
bool batch_read(struct arena *arena, enum dialect dialect, struct span statement,
                struct batch_statement *ret, const char **ret_why, size_t *ret_at,
                struct err *err) MUST_CHECK;

/* Names between commas, as in key=a,"b c". *ret_ok is false for anything else. */
bool batch_read_key(struct arena *arena, enum dialect dialect, const char *text,
                    struct batch_names *ret, bool *ret_ok, struct err *err) MUST_CHECK;

/* The number of $N; 0 for a parameter of any other kind. */
size_t batch_parameter(const struct token *token);

/*
 * The statement for one batch. key: the columns, quoted; lower and upper: what stands for each
 * bound of them, a parameter or a literal; lower NULL: the first batch. A statement that says the
 * bounds itself has its parameters replaced by those, by NULL for a lower bound that is not there.
 * NULL when memory is out.
 */
const char *batch_text(struct arena *arena, enum dialect dialect,
                       const struct batch_statement *statement, const char *const *key,
                       size_t key_count, const char *const *lower,
                       const char *const *upper) MUST_CHECK;

/* Whether the statement may go by the key of these columns: it has bounds for each, or none, and
 * changes none of them. False, ERR_REFUSED, with what is wrong. */
bool batch_check_key(enum dialect dialect, const struct batch_statement *statement,
                     const struct batch_names *key, struct err *err) MUST_CHECK;

#endif
