/*
 * What statements do, measured: each runs in a scratch copy of the target's schema
 * (check/shadow.h), and what it locked, wrote anew and read whole is read off in the same
 * transaction.
 *
 * An empty table shows the same locks and the same work as a full one, and functions and DO blocks
 * are seen as far as they run: a branch that an empty table never enters is not, so their facts
 * (sql/facts.h) are to be joined with these. A lock that is only taken for a row (nextval() of a
 * default, the other table of a foreign key under INSERT) is not seen either. Statements that run
 * outside a transaction are run, but their locks are gone when they end: those have their facts
 * instead, as have statements that are not run at all.
 */
#ifndef PAWL_CHECK_XRAY_H
#define PAWL_CHECK_XRAY_H

#include "check/shadow.h"
#include "sql/facts.h"
#include "sql/split.h"

struct xray_relation {
    const char *name;     /* SQL text with its schema, as it was called before the statement */
    const char *new_name; /* where it is called otherwise after it; NULL */
    const char *table;    /* of an index: the table; NULL */
    char kind;            /* pg_class.relkind: r p v m f S i I c */
    enum lock_mode mode;  /* the strongest that is held after the statement; NONE: not measured */
    bool taken;           /* by this statement: not held so strongly before in its unit */
    bool created, dropped;
    bool rewritten; /* a new file took the place of its file, TRUNCATE's empty one apart */
    bool scanned;   /* read whole, as far as an empty table tells for a query */
    bool built;     /* an index: built, and not taken over from the one it replaces */
};

struct xray_relations {
    struct xray_relation *items;
    size_t count, capacity;
};

struct xray_failure {
    char sqlstate[6];    /* "": it did not fail */
    const char *message; /* of the server */
    const char *detail;  /* the server's DETAIL; NULL */
    int line, column;    /* in the file; of the statement where the server gives no place */
};

enum xray_source {
    XRAY_MEASURED, /* relations hold its locks and its work */
    XRAY_ALONE,    /* run outside a transaction: relations hold its work, facts its locks */
    XRAY_FAILED,   /* the server refused it: failure says why, facts what could be read */
    XRAY_NOT_RUN,  /* `why`, a clause; facts alone */
};

struct xray_statement {
    enum xray_source source;
    const char *why;     /* for XRAY_NOT_RUN */
    struct span text;    /* a view of the migration's text */
    int line, column;    /* of its start in the file */
    size_t unit;         /* in xray.units */
    struct facts *facts; /* NULL for XRAY_MEASURED */
    struct xray_failure failure;
    int64_t ms;                      /* how long it took */
    struct xray_relations relations; /* with a new or stronger lock, or work; in order of oid */
    bool verifies;  /* reads a table against a constraint; these three only with xray.notices */
    bool validates; /* checks the rows of a foreign key */
    bool proved;    /* an existing constraint has spared it the reading */
};

/* What is committed together, as a deploy does (history/script.h). */
struct xray_unit {
    const struct migration *migration;
    size_t first, count; /* statements */
    bool alone;
    struct xray_relations relations; /* the sums: one row a relation, first name, last new name */
    struct xray_failure failure;     /* of its COMMIT */
    int64_t ms;                      /* of its statements and its COMMIT */
};

struct xray {
    bool notices; /* the server words its debug messages as this module reads them */
    struct {
        struct xray_statement *items;
        size_t count, capacity;
    } statements;
    struct {
        struct xray_unit *items;
        size_t count, capacity;
    } units;
};

/*
 * Runs the migrations in order on a fresh copy: a statement sees what those before it did. One that
 * fails is undone alone, and what follows is run all the same. Errors: a migration that is no text
 * to run (ERR_REFUSED with its place); ERR_UNREACHABLE, ERR_SIGNAL, ERR_BUSY.
 */
bool xray_run(struct arena *arena, struct shadow *shadow, const struct migration *const *migrations,
              size_t count, struct xray *ret, struct err *err) MUST_CHECK;

/* How a deploy would run them. */
struct xray_rehearsal {
    const char *role;           /* SET ROLE before each unit; NULL: none */
    const int64_t *first_units; /* where each migration starts; NULL: at its start */
    /* Told before each migration, with its number from 1; NULL: nobody is. */
    void (*tell)(void *context, const struct migration *migration, size_t number);
    void *context;
};

/*
 * The same as a deploy does it: without a limit of time, and without savepoints of our own. The
 * first failure undoes its unit and ends it all: what would follow is not in the result.
 */
bool xray_rehearse(struct arena *arena, struct shadow *shadow,
                   const struct migration *const *migrations, size_t count,
                   const struct xray_rehearsal *rehearsal, struct xray *ret,
                   struct err *err) MUST_CHECK;

/* As xray_run(), for statements without a file: one migration without a path. The text stays the
 * caller's, and must stay for as long as the result. */
bool xray_text(struct arena *arena, struct shadow *shadow, const char *text, size_t len,
               struct xray *ret, struct err *err) MUST_CHECK;

const char *
xray_source_name(enum xray_source source); /* "measured", "alone", "failed", "not run" */

#endif
