/* One PostgreSQL connection over libpq's non-blocking calls: opening, closing, its state. */
#include "db/pg.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/pg_parts.h"

/* libpq ends its messages with a line feed, and some have several lines. */
static void first_lines(const char *text, struct str *out)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\n' && c[1] != '\0')
            str_puts(out, "; ");
        else if (*c != '\n' && *c != '\t')
            str_putc(out, *c);
}

bool pg_connection_error(struct pg *pg, enum err_code code, const char *what, struct err *err)
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
        return pg_connection_error(pg, ERR_UNREACHABLE, "cannot connect", err);
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
    pg_keep_nothing(p);
    free(p);
    *pg = NULL;
}

void pg_on_quiet(struct pg *pg, pg_quiet_fn *quiet, void *context)
{
    pg->quiet = quiet;
    pg->quiet_context = context;
}

void pg_hang_up(struct pg *pg)
{
    /* Fails only where it is closed already. */
    (void)shutdown(pg->libpq->PQsocket(pg->conn), SHUT_RDWR);
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

bool pg_usable(struct pg *pg)
{
    pg->lost = pg->lost || pg->pipeline;
    return !pg->lost;
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
