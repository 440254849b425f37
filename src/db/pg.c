/* One PostgreSQL connection over libpq's non-blocking calls. */
#include "db/pg.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/cancel.h"
#include "db/libpq.h"
#include "db/sqlstate.h"

/* How long a cancelled statement may take to end before the connection counts as lost, and the
 * pause before the server is asked again. */
enum { CANCEL_GRACE_MS = 2000, CANCEL_PAUSE_MS = 100 };

struct pg {
    const struct libpq *libpq;
    PGconn *conn;
    struct wait wait;
    pg_notice_fn *notice;
    void *notice_context;
    bool lost, pipeline;
    size_t queued; /* statements of the pipeline that is being built */
};

/* A statement or pipeline that was told to stop. */
struct stop {
    struct err why; /* code ERR_NONE: it was not */
    int64_t next_request_ms, give_up_ms;
};

static void clear_result(PGresult **result)
{
    /* A PGresult exists only when libpq is loaded. */
    CLEANUP(err_release) struct err ignored = {0};
    const struct libpq *libpq = *result != NULL ? libpq_load(&ignored) : NULL;
    if (libpq != NULL)
        libpq->PQclear(*result);
}

/* libpq ends its messages with a line feed, and some have several lines. */
static void first_lines(const char *text, struct str *out)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\n' && c[1] != '\0')
            str_puts(out, "; ");
        else if (*c != '\n' && *c != '\t')
            str_putc(out, *c);
}

static bool connection_error(struct pg *pg, enum err_code code, const char *what, struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    first_lines(pg->libpq->PQerrorMessage(pg->conn), &text);
    pg->lost = true;
    (void)err_set(err, code, "%s: %s", what, str_text(&text));
    err->retryable = true;
    return false;
}

static void receive_notice(void *context, const PGresult *result)
{
    const struct pg *pg = context;
    const char *const severity = pg->libpq->PQresultErrorField(result, PG_DIAG_SEVERITY);
    const char *const text = pg->libpq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (pg->notice != NULL && text != NULL)
        pg->notice(pg->notice_context, severity != NULL ? severity : "NOTICE", text);
}

static PGconn *start_connection(const struct libpq *libpq, const struct pg_options *options)
{
    /* What stands before dbname is a default that the URL may override; what follows is not. */
    const char *const keywords[] = {"keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "fallback_application_name",
                                    "dbname",
                                    "client_encoding",
                                    NULL};
    const char *const values[] = {"10",   "5", "3", options->application, options->location,
                                  "UTF8", NULL};
    return libpq->PQconnectStartParams(keywords, values, 1);
}

/* libpq quotes a location that it cannot read, password and all. */
static bool cannot_connect(struct pg *pg, const struct pg_options *options, struct err *err)
{
    CLEANUP(str_release) struct str text = {0}, shown = {0};
    first_lines(pg->libpq->PQerrorMessage(pg->conn), &text);
    const char *rest = str_text(&text);
    for (const char *at; (at = strstr(rest, options->location)) != NULL;
         rest = at + strlen(options->location)) {
        str_append(&shown, rest, (size_t)(at - rest));
        str_puts(&shown, options->display);
    }
    str_puts(&shown, rest);
    pg->lost = true;
    (void)err_set(err, ERR_UNREACHABLE, "cannot connect: %s", str_text(&shown));
    err->retryable = true;
    return false;
}

static bool finish_connecting(struct pg *pg, const struct pg_options *options,
                              const struct wait *wait, struct err *err)
{
    PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
    if (pg->libpq->PQstatus(pg->conn) == CONNECTION_BAD)
        return cannot_connect(pg, options, err);
    while (polling != PGRES_POLLING_OK) {
        short events = polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_fd(pg->libpq->PQsocket(pg->conn), events, wait, &events, err)) {
            if (err->code == ERR_BUSY) {
                (void)err_set(err, ERR_UNREACHABLE,
                              "cannot connect: the server did not answer in time");
                err->retryable = true;
            }
            return false;
        }
        polling = pg->libpq->PQconnectPoll(pg->conn);
        if (polling == PGRES_POLLING_FAILED)
            return cannot_connect(pg, options, err);
    }
    return true;
}

bool pg_open(const struct pg_options *options, const struct wait *wait, struct pg **ret,
             struct err *err)
{
    const struct libpq *libpq = libpq_load(err);
    if (libpq == NULL)
        return false;
    CLEANUP(pg_close) struct pg *pg = mem_alloc(sizeof *pg);
    if (pg == NULL)
        return err_nomem(err);
    *pg = (struct pg){.libpq = libpq, .wait = *wait};
    pg->conn = start_connection(libpq, options);
    if (pg->conn == NULL)
        return err_nomem(err);
    (void)libpq->PQsetNoticeReceiver(pg->conn, receive_notice, pg); /* returns the old one */

    struct wait connecting = *wait;
    const int64_t limit_ms = clock_monotonic_ms() + options->connect_timeout_ms;
    if (connecting.deadline_ms == 0 || limit_ms < connecting.deadline_ms)
        connecting.deadline_ms = limit_ms;
    if (!finish_connecting(pg, options, &connecting, err)) {
        err_detail(err, "the target is %s", options->display);
        return false;
    }
    if (libpq->PQsetnonblocking(pg->conn, 1) != 0)
        return connection_error(pg, ERR_UNREACHABLE, "cannot connect", err);
    *ret = pg;
    pg = NULL;
    return true;
}

void pg_close(struct pg **pg)
{
    struct pg *const p = *pg;
    if (p == NULL)
        return;
    if (p->conn != NULL)
        p->libpq->PQfinish(p->conn);
    free(p);
    *pg = NULL;
}

void pg_on_notice(struct pg *pg, pg_notice_fn *notice, void *context)
{
    pg->notice = notice;
    pg->notice_context = context;
}

int pg_server_version(const struct pg *pg)
{
    return pg->libpq->PQserverVersion(pg->conn);
}

int pg_backend_pid(const struct pg *pg)
{
    return pg->libpq->PQbackendPID(pg->conn);
}

bool pg_lost(const struct pg *pg)
{
    return pg->lost || pg->libpq->PQstatus(pg->conn) == CONNECTION_BAD;
}

bool pg_in_transaction(const struct pg *pg)
{
    const PGTransactionStatusType status = pg->libpq->PQtransactionStatus(pg->conn);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

void pg_set_wait(struct pg *pg, const struct wait *wait)
{
    pg->wait = *wait;
}

/* Sends what is queued and reads until the next PGresult can be had without blocking. */
static bool until_readable(struct pg *pg, const struct wait *wait, struct err *err)
{
    for (;;) {
        const int unsent = pg->libpq->PQflush(pg->conn);
        if (unsent < 0)
            return connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
        if (!pg->libpq->PQisBusy(pg->conn))
            return true;
        short events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0));
        if (!wait_fd(pg->libpq->PQsocket(pg->conn), events, wait, &events, err))
            return false;
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !pg->libpq->PQconsumeInput(pg->conn))
            return connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    }
}

/* ---- stopping ---- */

static bool unconfirmed(struct pg *pg, struct err *err)
{
    pg->lost = true;
    err_detail(err, "the server did not confirm the cancellation");
    return false;
}

/* After a stop request: cancels, and waits for the next result, so that the statement's outcome is
 * known. A request that arrives between two statements of a pipeline cancels neither: it is sent
 * again until the pipeline's end. err is filled only when the connection is lost. */
static bool cancel_and_wait(struct pg *pg, struct stop *stop, struct err *err)
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

/* The next result, NULL at the end of a statement. When stopped, the statement is cancelled,
 * stop->why keeps the reason, and the results go on until the end. */
static bool next_result(struct pg *pg, struct stop *stop, PGresult **ret, struct err *err)
{
    if (stop->why.code == ERR_NONE && !until_readable(pg, &pg->wait, err)) {
        if (pg->lost)
            return false;
        stop->why = *err;
        *err = (struct err){0};
        stop->next_request_ms = clock_monotonic_ms();
        stop->give_up_ms = stop->next_request_ms + CANCEL_GRACE_MS;
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

static void stop_release(struct stop *stop)
{
    err_release(&stop->why);
}

static void copy_error(const struct pg *pg, const PGresult *result, struct err *err,
                       int *ret_position)
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
}

/* A backend that was ended reports it as an ordinary error before the socket closes. */
static void note_lost(struct pg *pg, struct err *err)
{
    if (err->code == ERR_FAILED &&
        (err->sqlstate[0] == '\0' || sqlstate_reaction(err->sqlstate) == REACTION_LOST)) {
        err->code = ERR_UNREACHABLE;
        err->retryable = true;
        pg->lost = true;
    }
}

static bool copy_rows(const struct pg *pg, struct arena *arena, const PGresult *result,
                      struct rows *ret, struct err *err)
{
    const struct libpq *const libpq = pg->libpq;
    const int count = libpq->PQntuples(result), columns = libpq->PQnfields(result);
    struct rows rows = {.count = (size_t)count, .columns = (size_t)columns};
    rows.cells = arena_alloc(arena, rows.count * rows.columns * sizeof *rows.cells);
    if (rows.cells == NULL)
        return err_nomem(err);
    for (int r = 0; r < count; r++)
        for (int c = 0; c < columns; c++) {
            if (libpq->PQgetisnull(result, r, c))
                continue;
            const char *cell = arena_strdup(arena, libpq->PQgetvalue(result, r, c));
            if (cell == NULL)
                return err_nomem(err);
            rows.cells[(size_t)r * rows.columns + (size_t)c] = cell;
        }
    *ret = rows;
    return true;
}

/* Reads one statement's results to their end; the first error wins. */
static bool read_query(struct pg *pg, struct arena *arena, struct rows *ret, struct err *err)
{
    CLEANUP(stop_release) struct stop stop = {0};
    bool ok = true;
    int position = 0;
    for (;;) {
        CLEANUP(clear_result) PGresult *result = NULL;
        CLEANUP(err_release) struct err here = {0};
        if (!next_result(pg, &stop, &result, &here)) {
            if (!ok && here.code == ERR_UNREACHABLE) {
                /* The server's own last words say more than that the socket was closed. */
                err->code = ERR_UNREACHABLE;
                return false;
            }
            err_release(err);
            *err = here;
            here = (struct err){0};
            return false;
        }
        if (result == NULL)
            break;
        switch (pg->libpq->PQresultStatus(result)) {
        case PGRES_TUPLES_OK:
            if (ok && ret != NULL)
                ok = copy_rows(pg, arena, result, ret, err);
            break;
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
            break;
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH:
            /* Would wait for data for ever; the splitter refuses COPY … STDIN before this. */
            pg->lost = true;
            return err_set(err, ERR_FAILED, "the statement wants to copy data over the connection");
        default:
            if (ok)
                copy_error(pg, result, err, &position);
            ok = false;
        }
    }
    if (!ok)
        note_lost(pg, err);
    if (stop.why.code != ERR_NONE && (!ok || ret == NULL)) {
        err_release(err);
        *err = stop.why;
        stop.why = (struct err){0};
        return false;
    }
    return ok;
}

/* False on a lost connection, and on one with a pipeline that was begun and never run: what that
 * has queued would be sent with the next request, and committed by it. */
static bool usable(struct pg *pg)
{
    pg->lost = pg->lost || pg->pipeline;
    return !pg->lost;
}

bool pg_query(struct pg *pg, struct arena *arena, const char *sql, const char *const *params,
              size_t count, struct rows *ret, struct err *err)
{
    if (!usable(pg))
        return err_set(err, ERR_UNREACHABLE, "the connection was lost");
    if (!pg->libpq->PQsendQueryParams(pg->conn, sql, (int)count, NULL, params, NULL, NULL, 0))
        return connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    return read_query(pg, arena, ret, err);
}

bool pg_exec(struct pg *pg, const char *sql, struct err *err)
{
    return pg_query(pg, NULL, sql, NULL, 0, NULL, err);
}

bool pg_pipeline_begin(struct pg *pg, struct err *err)
{
    if (!usable(pg))
        return err_set(err, ERR_UNREACHABLE, "the connection was lost");
    if (!pg->libpq->PQenterPipelineMode(pg->conn))
        return connection_error(pg, ERR_UNREACHABLE, "cannot start a pipeline", err);
    pg->pipeline = true;
    pg->queued = 0;
    return true;
}

bool pg_pipeline_add(struct pg *pg, const char *sql, const char *const *params, size_t count,
                     struct err *err)
{
    if (!pg->libpq->PQsendQueryParams(pg->conn, sql, (int)count, NULL, params, NULL, NULL, 0))
        return connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    pg->queued++;
    return true;
}

bool pg_pipeline_flush(struct pg *pg, struct err *err)
{
    return pg->libpq->PQsendFlushRequest(pg->conn) ||
           connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
}

static bool add_answer(const struct pg *pg, struct arena *arena, PGresult *result,
                       struct pg_answers *answers, struct err *err)
{
    const struct libpq *const libpq = pg->libpq;
    struct pg_answer *answer = arena_push(arena, answers);
    if (answer == NULL || (answer->tag = arena_strdup(arena, libpq->PQcmdStatus(result))) == NULL)
        return err_nomem(err);
    if (libpq->PQntuples(result) > 0 && libpq->PQnfields(result) > 0 &&
        !libpq->PQgetisnull(result, 0, 0) &&
        (answer->value = arena_strdup(arena, libpq->PQgetvalue(result, 0, 0))) == NULL)
        return err_nomem(err);
    return true;
}

/* Reads answers up to the Sync. False only when the connection is lost; a statement's error goes to
 * *failed with ok false. */
static bool read_pipeline(struct pg *pg, struct arena *arena, struct pg_answers *answers,
                          pg_progress_fn *progress, void *context, struct err *failed,
                          struct err *err)
{
    CLEANUP(stop_release) struct stop stop = {0};
    for (;;) {
        CLEANUP(clear_result) PGresult *result = NULL;
        if (!next_result(pg, &stop, &result, err))
            return false;
        if (result == NULL) /* between two statements */
            continue;
        const ExecStatusType status = pg->libpq->PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC)
            break;
        if (status == PGRES_PIPELINE_ABORTED || failed->code != ERR_NONE)
            continue;
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
            status == PGRES_EMPTY_QUERY) {
            if (!add_answer(pg, arena, result, answers, failed)) {
                pg->lost = true; /* it goes on to its COMMIT, and we cannot say that it did */
                continue;
            }
            if (progress != NULL)
                progress(context, answers->count - 1);
        } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
                   status == PGRES_COPY_BOTH) {
            pg->lost = true;
            return err_set(err, ERR_FAILED, "the statement wants to copy data over the connection");
        } else {
            copy_error(pg, result, failed, &answers->position);
            note_lost(pg, failed);
        }
    }
    if (stop.why.code != ERR_NONE && failed->code != ERR_NONE) {
        err_release(failed);
        *failed = stop.why;
        stop.why = (struct err){0};
    }
    return true;
}

bool pg_pipeline_run(struct pg *pg, struct arena *arena, struct pg_answers *answers,
                     pg_progress_fn *progress, void *context, struct err *err)
{
    CLEANUP(err_release) struct err failed = {0};
    if (!pg->libpq->PQpipelineSync(pg->conn))
        return connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    *answers = (struct pg_answers){0};
    if (!read_pipeline(pg, arena, answers, progress, context, &failed, err)) {
        if (err->code == ERR_UNREACHABLE && failed.code != ERR_NONE) {
            /* The server's own last words say more than that the socket was closed. */
            err_release(err);
            *err = failed;
            failed = (struct err){0};
            err->code = ERR_UNREACHABLE;
        }
        return false;
    }
    if (!pg->libpq->PQexitPipelineMode(pg->conn))
        return connection_error(pg, ERR_UNREACHABLE, "cannot end a pipeline", err);
    pg->pipeline = false;
    if (failed.code == ERR_NONE)
        return true;
    if (!pg->lost && pg_in_transaction(pg)) {
        /* Before any pause: an open failed transaction keeps its locks. */
        CLEANUP(err_release) struct err rollback = {0};
        const struct wait before = pg->wait;
        pg->wait =
            (struct wait){.cancel_fd = -1, .deadline_ms = clock_monotonic_ms() + CANCEL_GRACE_MS};
        if (!pg_exec(pg, "ROLLBACK", &rollback))
            pg->lost = true; /* closing it rolls back as well */
        pg->wait = before;
    }
    err_release(err);
    *err = failed;
    failed = (struct err){0};
    return false;
}

char *pg_quote_name(struct arena *arena, const char *name)
{
    CLEANUP(str_release) struct str quoted = {0};
    str_putc(&quoted, '"');
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '"')
            str_putc(&quoted, '"');
        str_putc(&quoted, *c);
    }
    str_putc(&quoted, '"');
    return quoted.failed ? NULL : arena_strndup(arena, str_text(&quoted), quoted.len);
}
