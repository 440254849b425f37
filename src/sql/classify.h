/*
 * How a statement must be run: inside pawl's transaction, alone, as transaction control, or not at
 * all.
 *
 * Token rules find the few statements that could be anything but ordinary; libpg_query's parser
 * confirms. What the parser cannot read (its grammar is PostgreSQL 15's) is judged by the token
 * rules alone, never called invalid. The parser runs in a thread with a large stack and within
 * limits (sql/parser.h), and only for the statements that the token rules find.
 */
#ifndef PAWL_SQL_CLASSIFY_H
#define PAWL_SQL_CLASSIFY_H

#include "base/arena.h"
#include "base/err.h"
#include "sql/split.h"

enum statement_class {
    STATEMENT_ORDINARY, /* runs in a transaction */
    STATEMENT_ALONE,    /* cannot run in a transaction block: a step of its own */
    STATEMENT_BEGIN,    /* BEGIN, START TRANSACTION */
    STATEMENT_COMMIT,   /* COMMIT, END (without AND CHAIN) */
    STATEMENT_MODES,    /* SET TRANSACTION: says how the transaction at hand runs */
    STATEMENT_REFUSED,  /* ROLLBACK, PREPARE TRANSACTION, COMMIT AND CHAIN, DISCARD ALL, a
                           transaction that is READ ONLY or has a SNAPSHOT,
                           pg_advisory_unlock_all(): would break exactly-once; `why` says how */
    STATEMENT_SESSION,  /* SQLite: PRAGMA that has no effect or is an error in a transaction */
};

/* What a statement that runs alone makes or removes, so that a deploy that finds it half done can
 * ask the catalog. */
enum alone_kind {
    ALONE_OTHER, /* nothing to ask: running it again is harmless or is the server's to refuse */
    ALONE_CREATE_INDEX,
    ALONE_DROP_INDEX,
    ALONE_REINDEX,
    ALONE_DETACH_PARTITION,
    ALONE_ADD_ENUM_VALUE,
    ALONE_CREATE_DATABASE,
    ALONE_DROP_DATABASE,
    ALONE_CREATE_TABLESPACE,
    ALONE_DROP_TABLESPACE,
    ALONE_CREATE_SUBSCRIPTION,
    ALONE_DROP_SUBSCRIPTION,
    ALONE_BLOCK, /* DO with a body that commits, CALL (ordinary, but may commit where there is no
                    transaction around it): what it committed before it stopped stands, and the next
                    deploy runs it from its start */
    ALONE_REPEATABLE, /* VACUUM, CLUSTER, ALTER SYSTEM, SQLite VACUUM …: again is the same */
};

struct statement_info {
    enum statement_class class;
    enum alone_kind alone;
    bool parsed;      /* libpg_query has read it: asked only for what makes or removes an object */
    const char *verb; /* "CREATE INDEX CONCURRENTLY", for messages; static; "statement" for an
                         ordinary one */
    const char *name; /* the object made or removed as SQL text, schema-qualified as written and
                         quoted where needed ("app.users_email_idx"); NULL when the statement
                         does not name one. An index is qualified as its table is. SQLite's
                         PRAGMA: its name, lower case */
    const char *relation;  /* the table that it belongs to, likewise; NULL when there is none */
    const char *label;     /* ADD VALUE: the new label, unquoted; PRAGMA: its value, unquoted, or
                              NULL */
    const char *isolation; /* BEGIN, SET TRANSACTION: "REPEATABLE READ", "SERIALIZABLE", or NULL
                              for READ COMMITTED, as pawl's own transactions are; static */
    bool if_not_exists;    /* IF [NOT] EXISTS was written */
    const char *why;       /* for STATEMENT_REFUSED: a sentence for the user; static */
};

/* Never fails on a statement; errors are ERR_NOMEM and a thread that cannot be made. Strings live
 * in the arena. */
bool sql_classify(struct arena *arena, enum dialect dialect, const struct statement *statement,
                  struct statement_info *ret, struct err *err) MUST_CHECK;

/* True when the label of an ADD VALUE is used as a string constant in one of the statements after
 * it (also within an array constant, a quoted statement or a function's body): PostgreSQL refuses a
 * new enum value in the transaction that adds it (55P04). */
bool sql_label_used(enum dialect dialect, const struct statements *statements, size_t after,
                    const char *label);

/* True when the statement starts so, ignoring comments and case: "CREATE [UNIQUE] INDEX", a pattern
 * of sql/match.h. For rules that look at SQLite statements and at unparsed ones. */
bool sql_starts_with(enum dialect dialect, struct span statement, const char *words);

#endif
