/* Rows from one PostgreSQL connection to another. */
#include <poll.h>

#include "db/pg_parts.h"

/* libpq sends by itself now and then; what it could not send must not grow beyond this. */
enum { UNSENT_BYTES = 256 << 10 };

static bool lost(struct pg *from, struct pg *to)
{
    from->lost = to->lost = true;
    return false;
}

/* Starts the statement, up to the answer that rows may flow. */
static bool start(struct pg *pg, const char *sql, ExecStatusType wanted, struct err *err)
{
    CLEANUP(pg_stop_release) struct pg_stop stop = {0};
    CLEANUP(pg_clear_result) PGresult *result = NULL;
    int position;
    if (!pg_usable(pg))
        return err_set(err, ERR_UNREACHABLE, "the connection was lost");
    if (!pg->libpq->PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0))
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    if (!pg_next_result(pg, &stop, &result, err))
        return false;
    if (stop.why.code != ERR_NONE) {
        *err = stop.why;
        stop.why = (struct err){0};
        return false;
    }
    if (pg->libpq->PQresultStatus(result) == wanted)
        return true;
    pg_copy_error(pg, result, err, &position);
    return false;
}

/* What follows the rows. */
static bool finish(struct pg *pg, struct err *err)
{
    CLEANUP(pg_stop_release) struct pg_stop stop = {0};
    bool ok = true;
    for (;;) {
        CLEANUP(pg_clear_result) PGresult *result = NULL;
        CLEANUP(err_release) struct err here = {0};
        int position;
        if (!pg_next_result(pg, &stop, &result, &here)) {
            err_release(err);
            *err = here;
            here = (struct err){0};
            return false;
        }
        if (result == NULL)
            break;
        if (pg->libpq->PQresultStatus(result) == PGRES_COMMAND_OK)
            continue;
        if (ok)
            pg_copy_error(pg, result, err, &position);
        ok = false;
    }
    if (stop.why.code == ERR_NONE)
        return ok;
    err_release(err);
    *err = stop.why;
    stop.why = (struct err){0};
    return false;
}

/* The next row; *ret_len 0 at the end of them. The memory is libpq's. */
static bool take(struct pg *pg, char **ret, size_t *ret_len, struct err *err)
{
    for (;;) {
        const int got = pg->libpq->PQgetCopyData(pg->conn, ret, 1);
        short events = POLLIN;
        *ret_len = got > 0 ? (size_t)got : 0;
        if (got == -2)
            return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
        if (got != 0)
            return true;
        if (!wait_fd(pg->libpq->PQsocket(pg->conn), events, &pg->wait, &events, err))
            return false;
        if (!pg->libpq->PQconsumeInput(pg->conn))
            return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    }
}

/* Until all of it is with the kernel: what is queued must not grow. */
static bool flush(struct pg *pg, struct err *err)
{
    int unsent;
    while ((unsent = pg->libpq->PQflush(pg->conn)) > 0) {
        short events = POLLIN | POLLOUT;
        if (!wait_fd(pg->libpq->PQsocket(pg->conn), events, &pg->wait, &events, err))
            return false;
        if ((events & POLLIN) != 0 && !pg->libpq->PQconsumeInput(pg->conn))
            unsent = -1;
        if (unsent < 0)
            break;
    }
    return unsent == 0 || pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
}

static bool give(struct pg *pg, const char *bytes, size_t len, size_t *unsent, struct err *err)
{
    *unsent += len;
    if (pg->libpq->PQputCopyData(pg->conn, bytes, (int)len) != 1)
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    if (*unsent < UNSENT_BYTES)
        return true;
    *unsent = 0;
    return flush(pg, err);
}

static bool pass(struct pg *from, struct pg *to, int64_t *ret_rows, int64_t *ret_bytes,
                 struct err *err)
{
    for (size_t unsent = 0;;) {
        char *row = NULL;
        size_t len;
        if (!take(from, &row, &len, err))
            return false;
        if (len == 0)
            return true;
        const bool given = give(to, row, len, &unsent, err);
        from->libpq->PQfreemem(row);
        if (!given)
            return false;
        ++*ret_rows;
        *ret_bytes += (int64_t)len;
    }
}

bool pg_copy(struct pg *from, const char *copy_out, struct pg *to, const char *copy_in,
             int64_t *ret_rows, int64_t *ret_bytes, struct err *err)
{
    if (!start(to, copy_in, PGRES_COPY_IN, err) || !start(from, copy_out, PGRES_COPY_OUT, err) ||
        !pass(from, to, ret_rows, ret_bytes, err) || !finish(from, err))
        return lost(from, to);
    if (to->libpq->PQputCopyEnd(to->conn, NULL) != 1) {
        (void)pg_connection_error(to, ERR_UNREACHABLE, "the connection was lost", err);
        return lost(from, to);
    }
    return flush(to, err) && finish(to, err);
}
