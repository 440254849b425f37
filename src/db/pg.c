/* One PostgreSQL connection over libpq's non-blocking calls: opening, closing, its state. */
#include "db/pg.h"

#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "db/pg_parts.h"

/* libpq ends its messages with a line feed, and some have several lines. */
void pg_first_lines(const char *text, struct str *out)
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
    pg_first_lines(pg->libpq->PQerrorMessage(pg->conn), &text);
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
    if (!pg_connect(libpq, options, wait, &pg->conn, err)) {
        err_detail(err, "the target is %s", options->display);
        return false;
    }
    (void)libpq->PQsetNoticeReceiver(pg->conn, receive_notice, pg); /* returns the old one */
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

int pg_error_position(const struct pg *pg)
{
    return pg->position;
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
