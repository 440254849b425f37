/* What the files of one PostgreSQL connection share; included by src/db/pg*.c only. */
#ifndef PAWL_DB_PG_PARTS_H
#define PAWL_DB_PG_PARTS_H

#include "base/str.h"
#include "db/libpq.h"
#include "db/pg.h"

/* How long a cancelled statement may take to end before the connection counts as lost. */
enum { PG_CANCEL_GRACE_MS = 800 };

/* How many statements a connection can keep parsed. */
enum { PG_KEPT = 2 };

struct pg {
    const struct libpq *libpq;
    PGconn *conn;
    struct wait wait;
    pg_notice_fn *notice;
    void *notice_context;
    pg_quiet_fn *quiet;
    void *quiet_context;
    bool lost, pipeline;
    int position;        /* of the last query's error */
    size_t queued;       /* statements of the pipeline that is being built */
    char *kept[PG_KEPT]; /* parsed on the server; malloc */
    size_t kept_count;
};

/* A statement or pipeline that was told to stop. */
struct pg_stop {
    struct err why; /* code ERR_NONE: it was not */
    size_t results; /* read so far */
    int64_t next_request_ms, give_up_ms;
};

/* --- pg_connect.c --- */
/* A connection by options->location, within connect_timeout_ms. *ret is the caller's to finish,
 * also on failure; NULL: there is none. */
bool pg_connect(const struct libpq *libpq, const struct pg_options *options,
                const struct wait *wait, PGconn **ret, struct err *err) MUST_CHECK;

/* --- pg.c --- */
/* The lines of a message of libpq as one. */
void pg_first_lines(const char *text, struct str *out);
/* What libpq says of the connection, which is lost from now on; false. */
bool pg_connection_error(struct pg *pg, enum err_code code, const char *what, struct err *err);
/* False on a lost connection, and on one with a pipeline that was begun and never run: what that
 * has queued would be sent with the next request, and committed by it. */
bool pg_usable(struct pg *pg) MUST_CHECK;

/* --- pg_query.c --- */
/* Reads one statement's results to their end; the first error wins. arena and ret may be NULL. */
bool pg_read_results(struct pg *pg, struct arena *arena, struct rows *ret,
                     struct err *err) MUST_CHECK;
/* The name of a kept statement; NULL: it is not kept. */
const char *pg_kept_name(const struct pg *pg, const char *sql);

/* --- pg_result.c --- */
/* The next result, NULL at the end of a statement. When stopped, the statement is cancelled,
 * stop->why keeps the reason, and the results go on until the end. */
bool pg_next_result(struct pg *pg, struct pg_stop *stop, PGresult **ret,
                    struct err *err) MUST_CHECK;
void pg_stop_release(struct pg_stop *stop);
void pg_clear_result(PGresult **result);
/* A result that is an error as err; *ret_position is only set where the server names one. An error
 * by which a backend says that it ends makes the connection lost. */
void pg_copy_error(struct pg *pg, const PGresult *result, struct err *err, int *ret_position);

#endif
