/*
 * Whether the rows that are there will let the pending statements through: for each statement that
 * can fail on data the query that finds what it would fail on, run read-only before anything is
 * changed.
 *
 * What earlier pending statements do to a table is put into the query where it can be said in SQL
 * (a new column, a new name or type, UPDATE, DELETE and TRUNCATE of that table alone); what cannot
 * be said so is deferred to a rehearsal, with the reason. An answer is a prediction as of the
 * moment of the query: rows go on to change until the statement has run. PostgreSQL only.
 *
 * How each constraint is read (NULLs, MATCH, collations, ONLY): PostgreSQL's manual, 5.4 and 5.12,
 * and ri_triggers.c for foreign keys; the tests hold each kind against the server's own verdict.
 */
#ifndef PAWL_CHECK_PROBE_H
#define PAWL_CHECK_PROBE_H

#include "base/finding.h"
#include "db/pg.h"
#include "history/migration.h"
#include "sql/split.h"

/* X(ID, name, what one row does, what several do) */
#define PROBE_KINDS(X)                                                                             \
    X(FOREIGN_KEY, "foreign-key", "refers to no row", "refer to no row")                           \
    X(UNIQUE, "unique", "occurs more than once", "occur more than once")                           \
    X(NOT_NULL, "not-null", "is NULL", "are NULL")                                                 \
    X(CHECK, "check", "breaks the check", "break the check")                                       \
    X(EXCLUDE, "exclude", "exclude each other", "exclude each other")                              \
    X(CONVERT, "convert", "cannot be converted", "cannot be converted")                            \
    X(LOSSY, "lossy", "would say something else", "would say something else")                      \
    X(EVALUATE, "evaluate", "cannot be computed", "cannot be computed")                            \
    X(DOMAIN, "domain", "breaks the domain", "break the domain")                                   \
    X(PARTITION, "partition", "does not belong there", "do not belong there")                      \
    X(DEPENDENTS, "dependents", "depends on it", "depend on it")

enum probe_kind {
#define X(id, name, one_does, rows_do) PROBE_##id,
    PROBE_KINDS(X)
#undef X
};

/* X(ID, name) */
#define PROBE_VERDICTS(X)                                                                          \
    X(HOLDS, "holds")         /* no row is in the way */                                           \
    X(VIOLATED, "violated")   /* the statement would fail */                                       \
    X(LOSES, "loses")         /* it would go through, and values would not be what they were */    \
    X(DEFERRED, "deferred")   /* `why`: cannot be said before earlier statements have run */       \
    X(NOT_ASKED, "not asked") /* `why`: the time limit, a lock, a right */

enum probe_verdict {
#define X(id, name) PROBE_##id,
    PROBE_VERDICTS(X)
#undef X
};

struct probe_samples {
    const char **items; /* JSON objects: key columns and what it is about, values as text */
    size_t count, capacity;
};

struct probe {
    enum probe_kind kind;
    const struct migration *migration;
    int line, column;
    const char *excerpt;  /* the line; may be NULL */
    const char *subject;  /* "orders (customer_id) -> customers (id)" */
    const char *relation; /* as it is called today, SQL text */
    const char *sql;      /* the query; NULL: there is none */
    bool evaluates;       /* the query finds nothing, it fails on a value */
    /* To find the row that an expression fails on; NULL where that cannot be. */
    const char *expression, *rows, *sample; /* "ONLY t AS t"; what is shown of a row */
    const char *layered; /* rows as earlier UPDATE and DELETE leave them, a FROM; NULL: of today */
    bool settled; /* what functions, operators and types are is as it is today: that one does not
                     fit is an answer */
    bool columns_settled;   /* the same of columns */
    const char *repair;     /* statements that would mend the rows; NULL: none are known */
    bool repair_incomplete; /* they hold CHOOSE_A_VALUE where only a person knows */

    enum probe_verdict verdict;
    const char *why;
    int64_t count; /* of violations; of keys for UNIQUE, of pairs for EXCLUDE */
    bool exact;    /* else at least so many */
    struct probe_samples samples;
    int64_t ms;
};

struct probes {
    struct probe *items;
    size_t count, capacity;
};

/* One pending statement, in order; line and column of the file. */
struct probe_statement {
    const struct migration *migration;
    struct span text;
    int line, column;
};

struct probe_options {
    const char *search_path; /* NULL: the session's own */
    int64_t timeout_ms;      /* of each query */
    int64_t lock_timeout_ms;
    int64_t count_max; /* counting stops there */
    size_t sample_max;
};

/* Called before each query, for progress. */
typedef void probe_progress_fn(void *context, const struct probe *probe, size_t number,
                               size_t count);

/* What there is to ask: reads statements and catalogs, in a READ ONLY transaction that is over when
 * it returns. Errors: those of pg_query(), ERR_NOMEM. */
bool probe_read(struct arena *arena, struct pg *pg, const struct probe_options *options,
                const struct probe_statement *statements, size_t count, struct probes *ret,
                struct err *err) MUST_CHECK;

/* Asks. One that the server does not answer (time, locks, rights) says so in its verdict; errors
 * are a lost connection and a stop. Each query has a READ ONLY transaction of its own, so that none
 * holds back vacuum for longer than it runs. */
bool probe_ask(struct arena *arena, struct pg *pg, const struct probe_options *options,
               struct probes *probes, probe_progress_fn *progress, void *context,
               struct err *err) MUST_CHECK;

const char *probe_kind_name(enum probe_kind kind);
const char *probe_verdict_name(enum probe_verdict verdict);

/* "3 rows of orders refer to no row": the answer in words. NULL when memory is out. */
const char *probe_words(struct arena *arena, const struct probe *probe) MUST_CHECK;

/* Findings for those that do not hold: rule "data-violates" (error), "data-loses" (warning),
 * "data-unasked" (note). */
void probe_report(struct arena *arena, const struct probes *probes, struct findings *findings);

#endif
