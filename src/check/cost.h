/*
 * What the statements of a deploy cost on a target: the relations that they work on as the server
 * has them, and roughly how long that takes.
 *
 * Facts come from sql/facts, or from an X-ray; names are resolved by the server as they stand
 * before the first statement. Nothing but catalogs and statistics is read; sizes take a weak lock
 * for a moment.
 */
#ifndef PAWL_CHECK_COST_H
#define PAWL_CHECK_COST_H

#include "check/xray.h"
#include "db/sqlite.h"
#include "history/migration.h"
#include "sql/facts.h"
#include "sql/split.h"

/* A relation, with its partitions where it has some. */
struct relation {
    const char *name; /* quoted as in SQL, with its schema */
    bool partitioned;
    int64_t rows;                     /* an estimate from its last ANALYZE; -1: never analysed */
    int64_t bytes, index_bytes;       /* -1: this role may not know */
    double reads_per_s, writes_per_s; /* since the statistics were reset; -1: not known */
    bool unused; /* a table without rows, which nobody has written or looked anything up in */
};

/* One relation that a statement locks or works on. */
struct cost {
    const struct locked *lock;
    struct relation relation;
    int64_t low_ms, high_ms; /* of work that grows with it; 0: a moment, -1: not known */
};

struct costs {
    struct cost *items;
    size_t count, capacity;
};

/* One statement of a deploy. The caller fills the first part. */
struct cost_statement {
    const struct migration *migration;
    struct span text;
    int line, column; /* in the file */

    struct facts facts;
    const struct xray_statement *xray; /* cost_measure(); NULL: it was not X-rayed */
    struct costs costs; /* what the deploy makes itself is left out, and so is what is only read */
    bool certain; /* its names mean what they say: no statement before it changed what they mean */
    bool hurts_nobody; /* all that it works on is unused, or is not there */
};

/* Reads the facts of all, in order, as one deploy. Errors: ERR_NOMEM, a thread that cannot be
 * made. */
bool cost_read(struct arena *arena, struct cost_statement *statements, size_t count,
               struct err *err) MUST_CHECK;

/* Puts what was measured in the place of what was read: the locks of facts become those of the
 * X-ray, which ran the same migrations. Where a function ran, what was read of its
 * statement stays beside; of the branches of a DO, those count that ran. */
bool cost_measure(struct arena *arena, const struct xray *xray, struct cost_statement *statements,
                  size_t count, struct err *err) MUST_CHECK;

/* Asks the server, in one transaction that is rolled back; search_path may be NULL. Errors: those
 * of pg_pipeline_run(); ERR_FAILED where somebody has locked a table away, for one. */
bool cost_ask(struct arena *arena, struct pg *pg, const char *search_path,
              struct cost_statement *statements, size_t count, struct err *err) MUST_CHECK;

/* Of a SQLite file only this is known: which statements name no table that has rows, and no view.
 * Errors: those of sqlite_query(). */
bool cost_ask_sqlite(struct arena *arena, struct sqlite *sqlite, struct cost_statement *statements,
                     size_t count, struct err *err) MUST_CHECK;

/* Makes notes of the findings about time (rule.grows) in statements whose work takes a moment on
 * this target, and of those about rows and the code that uses them (rule.rows, rule.breaks) where
 * there are none. Those of cost_ask() must be known. */
void cost_weigh(struct arena *arena, const struct cost_statement *statements, size_t count,
                struct findings *findings);

/* Who waits for a lock of this mode, a clause: "readers and writers wait"; "" when nobody does. */
const char *cost_felt(enum lock_mode mode);

#endif
