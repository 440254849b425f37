/* The results of a PostgreSQL statement, one after the other, and how a statement is stopped. */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "db/cancel.h"
#include "db/pg_parts.h"
#include "db/sqlstate.h"

/* The pause before the server is asked again to cancel. */
enum { CANCEL_PAUSE_MS = 100, RESULTS_BETWEEN_LOOKS = 64 };

/* How long a server may say nothing before pg_on_quiet()'s function is called, again and again. */
enum { QUIET_MS = 250 };

void pg_clear_result(PGresult **result)
{
    /* A PGresult exists only when libpq is loaded. */
    CLEANUP(err_release) struct err ignored = {0};
    const struct libpq *libpq = *result != NULL ? libpq_load(&ignored) : NULL;
    if (libpq != NULL)
        libpq->PQclear(*result);
}

/* As wait_fd(), with a call of the quiet function now and then. */
static bool wait_for_socket(struct pg *pg, const struct wait *wait, short *events, struct err *err)
{
    const int fd = pg->libpq->PQsocket(pg->conn);
    const short wanted = *events;
    while (pg->quiet != NULL) {
        CLEANUP(err_release) struct err passing = {0};
        const int64_t until_ms = clock_monotonic_ms() + QUIET_MS;
        const struct wait limited = {.cancel_fd = wait->cancel_fd, .deadline_ms = until_ms};
        if (wait->deadline_ms != 0 && wait->deadline_ms <= until_ms)
            break;
        if (wait_fd(fd, wanted, &limited, events, &passing))
            return true;
        if (passing.code != ERR_BUSY) {
            *err = passing;
            passing = (struct err){0};
            return false;
        }
        pg->quiet(pg->quiet_context);
    }
    return wait_fd(fd, wanted, wait, events, err);
}

/* Sends what is queued and reads until the next PGresult can be had without blocking. */
static bool until_readable(struct pg *pg, const struct wait *wait, struct err *err)
{
    for (;;) {
        const int unsent = pg->libpq->PQflush(pg->conn);
        if (unsent < 0)
            return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
        if (!pg->libpq->PQisBusy(pg->conn))
            return true;
        short events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0));
        if (!wait_for_socket(pg, wait, &events, err))
            return false;
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !pg->libpq->PQconsumeInput(pg->conn))
            return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    }
}

/* Of a pipeline many results may be here already, which must not keep a stop waiting; but a look at
 * each would be a system call for each. */
static bool until_readable_or_stopped(struct pg *pg, struct pg_stop *stop, struct err *err)
{
    if (pg->pipeline && ++stop->results % RESULTS_BETWEEN_LOOKS == 0 && wait_cancelled(&pg->wait))
        return err_set(err, ERR_SIGNAL, "stopped on request");
    return until_readable(pg, &pg->wait, err);
}

static bool unconfirmed(struct pg *pg, struct err *err)
{
    pg->lost = true;
    err_detail(err, "the server did not confirm the cancellation");
    return false;
}

/* After a stop request: cancels, and waits for the next result, so that the statement's outcome is
 * known. A request that arrives between two statements of a pipeline cancels neither: it is sent
 * again until the pipeline's end. err is filled only when the connection is lost. */
static bool cancel_and_wait(struct pg *pg, struct pg_stop *stop, struct err *err)
{
    for (;;) {
        CLEANUP(err_release) struct err second = {0};
        struct wait next = {.cancel_fd = -1, .deadline_ms = stop->next_request_ms};
        if (clock_monotonic_ms() >= stop->next_request_ms) {
            if (!cancel_send(pg->libpq, pg->conn, stop->give_up_ms))
                return unconfirmed(pg, err);
            next.deadline_ms = stop->next_request_ms = clock_monotonic_ms() + CANCEL_PAUSE_MS;
        }
        if (until_readable(pg, &next, &second))
            return true;
        if (pg->lost || clock_monotonic_ms() >= stop->give_up_ms)
            return unconfirmed(pg, err);
    }
}

bool pg_next_result(struct pg *pg, struct pg_stop *stop, PGresult **ret, struct err *err)
{
    if (stop->why.code == ERR_NONE && !until_readable_or_stopped(pg, stop, err)) {
        if (pg->lost)
            return false;
        stop->why = *err;
        *err = (struct err){0};
        stop->next_request_ms = clock_monotonic_ms();
        stop->give_up_ms = stop->next_request_ms + PG_CANCEL_GRACE_MS;
    }
    if (stop->why.code != ERR_NONE && !cancel_and_wait(pg, stop, &stop->why)) {
        err_release(err);
        *err = stop->why;
        stop->why = (struct err){0};
        return false;
    }
    *ret = pg->libpq->PQgetResult(pg->conn);
    return true;
}

void pg_stop_release(struct pg_stop *stop)
{
    err_release(&stop->why);
}

/* A backend that ends says so by the severity, before the socket closes. The SQLSTATE does not
 * tell: a statement may fail with one of class 08 (a parameter without a value, a foreign server
 * that does not answer) and 57P01 (a parallel worker that was ended) on a connection that is well.
 */
static bool ends_connection(const struct libpq *libpq, const PGresult *result)
{
    const char *severity = libpq->PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == NULL) /* poolers of old leave it out, and do not translate the other one */
        severity = libpq->PQresultErrorField(result, PG_DIAG_SEVERITY);
    return severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

void pg_copy_error(struct pg *pg, const PGresult *result, struct err *err, int *ret_position)
{
    const struct libpq *const libpq = pg->libpq;
    const char *const message = libpq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *const sqlstate = libpq->PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *const detail = libpq->PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *const hint = libpq->PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const char *const position = libpq->PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    (void)err_set(err, ERR_FAILED, "%s",
                  message != NULL ? message : libpq->PQresultErrorMessage(result));
    if (detail != NULL && hint != NULL)
        err_detail(err, "%s; the server's hint: %s", detail, hint);
    else if (detail != NULL)
        err_detail(err, "%s", detail);
    else if (hint != NULL)
        err_detail(err, "the server's hint: %s", hint);
    if (sqlstate != NULL && strlen(sqlstate) == 5)
        memcpy(err->sqlstate, sqlstate, 6);
    err->retryable = sqlstate_reaction(err->sqlstate) == REACTION_RETRY;
    if (position != NULL)
        *ret_position = (int)strtol(position, NULL, 10);
    /* Without a SQLSTATE it is libpq that speaks. */
    if (err->sqlstate[0] == '\0' || ends_connection(libpq, result)) {
        err->code = ERR_UNREACHABLE;
        err->retryable = true;
        pg->lost = true;
    }
}
