/*
 * One connection to PostgreSQL: connecting, queries and pipelines, each wait bounded.
 *
 * Not for two threads at once. After an error without a SQLSTATE, and after one of the server's
 * that ends its session, whatever its SQLSTATE, the connection is lost (pg_lost()), and what the
 * last request did is not known until a new connection has looked.
 */
#ifndef PAWL_DB_PG_H
#define PAWL_DB_PG_H

#include "base/arena.h"
#include "base/str.h"
#include "db/rows.h"
#include "db/wait.h"

struct pg;

struct pg_options {
    const char *location;    /* a URI or conninfo; may hold a password, never shown */
    const char *display;     /* the same without one, for messages */
    const char *database;    /* instead of the location's; NULL: that one */
    const char *application; /* fallback application_name */
    int64_t connect_timeout_ms;
};

/* Called for each notice of the server; the text is the primary message, severity as the server
 * words it ("NOTICE", "WARNING"). */
typedef void pg_notice_fn(void *context, const char *severity, const char *message);

/* Errors: ERR_UNREACHABLE; ERR_SIGNAL when cancelled. The client encoding is UTF-8. */
bool pg_open(const struct pg_options *options, const struct wait *wait, struct pg **ret,
             struct err *err) MUST_CHECK;

/* Closes and frees; NULL inside is fine. */
void pg_close(struct pg **pg);

void pg_on_notice(struct pg *pg, pg_notice_fn *notice, void *context);

/* Called each quarter of a second in which a statement or pipeline has no answer, by the thread
 * that waits for it, until it is set to NULL. It must not use this connection. */
typedef void pg_quiet_fn(void *context);
void pg_on_quiet(struct pg *pg, pg_quiet_fn *quiet, void *context);

/* Ends a connection that carries nothing any more: whoever waits for an answer finds it lost. Only
 * from within pg_on_quiet()'s function. */
void pg_hang_up(struct pg *pg);

int pg_server_version(const struct pg *pg); /* 150020 */
int pg_backend_pid(const struct pg *pg); /* as the protocol says, a pooler's invention included */
bool pg_lost(const struct pg *pg);
bool pg_in_transaction(const struct pg *pg);

/* The wait that all following calls obey. */
void pg_set_wait(struct pg *pg, const struct wait *wait);

/*
 * One statement with text parameters, its rows copied into the arena (ret may be NULL). On
 * cancellation or deadline the statement is cancelled on the server and its end is awaited (most of
 * a second, then the connection counts as lost). Errors: ERR_FAILED with the SQLSTATE,
 * ERR_UNREACHABLE when the connection is lost, ERR_SIGNAL, ERR_BUSY.
 */
bool pg_query(struct pg *pg, struct arena *arena, const char *sql, const char *const *params,
              size_t count, struct rows *ret, struct err *err) MUST_CHECK;

/* A statement without parameters or rows. */
bool pg_exec(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

/* Rolls back the transaction that is open, if one is, whether or not what was done in it went well:
 * ok. The first error counts; of the others the text is its detail. True when all went well. */
bool pg_roll_back(struct pg *pg, bool ok, struct err *err) MUST_CHECK;

/* Where the last of pg_query(), pg_exec() or pg_describe() failed, in characters of its statement,
 * from 1; 0: not known. */
int pg_error_position(const struct pg *pg);

/* A column of a statement's result. */
struct pg_column {
    const char *name;
    unsigned type; /* its oid */
    int modifier;  /* of the type; -1: none */
};

struct pg_description {
    unsigned *parameters; /* the oids of their types */
    size_t parameter_count;
    struct pg_column *columns;
    size_t column_count;
};

/* Parses one statement under that name and reads what it takes and gives back; it is not run, and
 * stays known by its name until DEALLOCATE. types: the oids of its first parameters' types, 0 where
 * the server is to find one. Errors as those of pg_query(). */
bool pg_describe(struct pg *pg, struct arena *arena, const char *name, const char *sql,
                 const unsigned *types, size_t type_count, struct pg_description *ret,
                 struct err *err) MUST_CHECK;

/*
 * Has the server keep these statements parsed (two at most): pg_pipeline_add() of the same text
 * then sends only the parameters. Whatever else the session had prepared is gone after it. Not
 * behind a pooler, whose next transaction may be on another server connection.
 */
bool pg_keep(struct pg *pg, const char *const *statements, size_t count,
             struct err *err) MUST_CHECK;
/* They may be gone: after DEALLOCATE ALL, or a file of which nobody knows what it did. */
void pg_keep_nothing(struct pg *pg);

/* What one statement of a pipeline answered. */
struct pg_answer {
    const char *tag;   /* the command tag, "CREATE TABLE" */
    const char *value; /* first column of the first row; NULL when there is none */
};

struct pg_answers {
    struct pg_answer *items;
    size_t count, capacity;
    int position; /* of the error in characters of the failing statement, from 1; 0: none */
};

/* The rows that a command tag counts as changed: "INSERT 0 3", "UPDATE 3"; 0 for a tag of any other
 * kind. */
int64_t pg_tag_rows(const char *tag);

/* True for the answer of a COMMIT that has committed: that of a failed transaction is no error of
 * the server's, and its tag says ROLLBACK. */
bool pg_committed(const struct pg_answer *commit, struct err *err) MUST_CHECK;

/* Called as each statement's answer arrives, with its number from 0. */
typedef void pg_progress_fn(void *context, size_t statement);

/*
 * A pipeline: pg_pipeline_begin(), any number of pg_pipeline_add(), then pg_pipeline_run(), which
 * sends all that is queued and reads the answers up to the Sync. On an error answers->count is the
 * number of the failing statement, and a transaction that was left open has been rolled back before
 * the return, unless the connection is lost. A pipeline that is begun and not run is never sent:
 * the next call finds the connection lost.
 */
bool pg_pipeline_begin(struct pg *pg, struct err *err) MUST_CHECK;
bool pg_pipeline_add(struct pg *pg, const char *sql, const char *const *params, size_t count,
                     struct err *err) MUST_CHECK;
/* The same with a type, by its oid, for each parameter. */
bool pg_pipeline_add_typed(struct pg *pg, const char *sql, const unsigned *types,
                           const char *const *params, size_t count, struct err *err) MUST_CHECK;
/* Has the server send the answers up to here once it has them: without, they may wait for the
 * pipeline's end, and progress with them. Each costs both sides a switch. */
bool pg_pipeline_flush(struct pg *pg, struct err *err) MUST_CHECK;
bool pg_pipeline_run(struct pg *pg, struct arena *arena, struct pg_answers *answers,
                     pg_progress_fn *progress, void *context, struct err *err) MUST_CHECK;

/*
 * Sends what one connection's COPY ... TO STDOUT gives to another's COPY ... FROM STDIN, piece by
 * piece: no more than a row is held. ret_rows and ret_bytes are added to. Errors: those of
 * pg_query() of either; then both connections are lost, unless the server that takes the rows has
 * refused them at the end.
 */
bool pg_copy(struct pg *from, const char *copy_out, struct pg *to, const char *copy_in,
             int64_t *ret_rows, int64_t *ret_bytes, struct err *err) MUST_CHECK;

/* The variables of the environment by which another program connects where the location says,
 * password and all, NULL last. What has no variable of its own (keepalives, the password of a key)
 * is left out. Errors: ERR_USAGE, ERR_NOMEM. */
bool pg_environment(struct arena *arena, const char *location, const char *const **ret,
                    struct err *err) MUST_CHECK;

/* Adds a keyword and its value to a conninfo. */
void pg_put_parameter(struct str *out, const char *keyword, const char *value);

/* The same as a conninfo for a command line, every password left out, with that database instead of
 * the location's. Errors: ERR_USAGE, ERR_NOMEM. */
bool pg_conninfo(struct arena *arena, const char *location, const char *database, const char **ret,
                 struct err *err) MUST_CHECK;

/* An identifier in double quotes, quotes inside doubled. NULL when memory is out. */
char *pg_quote_name(struct arena *arena, const char *name) MUST_CHECK;

#endif
