/* Many statements to PostgreSQL in one go, and their answers. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/pg_parts.h"

/* How long a ROLLBACK may take before the connection is given up. */
enum { ROLLBACK_MS = 5000 };

bool pg_pipeline_begin(struct pg *pg, struct err *err)
{
    if (!pg_usable(pg))
        return err_set(err, ERR_UNREACHABLE, "the connection was lost");
    if (!pg->libpq->PQenterPipelineMode(pg->conn))
        return pg_connection_error(pg, ERR_UNREACHABLE, "cannot start a pipeline", err);
    pg->pipeline = true;
    pg->queued = 0;
    return true;
}

bool pg_pipeline_add(struct pg *pg, const char *sql, const char *const *params, size_t count,
                     struct err *err)
{
    const char *const kept = pg_kept_name(pg, sql);
    const int sent =
        kept != NULL
            ? pg->libpq->PQsendQueryPrepared(pg->conn, kept, (int)count, params, NULL, NULL, 0)
            : pg->libpq->PQsendQueryParams(pg->conn, sql, (int)count, NULL, params, NULL, NULL, 0);
    if (!sent)
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    pg->queued++;
    return true;
}

bool pg_pipeline_add_typed(struct pg *pg, const char *sql, const unsigned *types,
                           const char *const *params, size_t count, struct err *err)
{
    if (!pg->libpq->PQsendQueryParams(pg->conn, sql, (int)count, types, params, NULL, NULL, 0))
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    pg->queued++;
    return true;
}

bool pg_committed(const struct pg_answer *commit, struct err *err)
{
    return strcmp(commit->tag, "COMMIT") == 0 ||
           err_set(err, ERR_FAILED, "COMMIT was answered with %s", commit->tag);
}

int64_t pg_tag_rows(const char *tag)
{
    static const char *const changing[] = {"INSERT 0 ", "UPDATE ", "DELETE ", "MERGE "};
    for (size_t i = 0; i < COUNT_OF(changing); i++)
        if (strncmp(tag, changing[i], strlen(changing[i])) == 0)
            return strtoll(tag + strlen(changing[i]), NULL, 10);
    return 0;
}

bool pg_pipeline_flush(struct pg *pg, struct err *err)
{
    return pg->libpq->PQsendFlushRequest(pg->conn) ||
           pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
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
    CLEANUP(pg_stop_release) struct pg_stop stop = {0};
    for (;;) {
        CLEANUP(pg_clear_result) PGresult *result = NULL;
        if (!pg_next_result(pg, &stop, &result, err))
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
            pg_copy_error(pg, result, failed, &answers->position);
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
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
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
        return pg_connection_error(pg, ERR_UNREACHABLE, "cannot end a pipeline", err);
    pg->pipeline = false;
    if (failed.code == ERR_NONE)
        return true;
    if (!pg->lost && pg_in_transaction(pg)) {
        /* Before any pause: an open failed transaction keeps its locks. */
        CLEANUP(err_release) struct err rollback = {0};
        const struct wait before = pg->wait;
        pg->wait =
            (struct wait){.cancel_fd = -1, .deadline_ms = clock_monotonic_ms() + ROLLBACK_MS};
        if (!pg_exec(pg, "ROLLBACK", &rollback))
            pg->lost = true; /* closing it rolls back as well */
        pg->wait = before;
    }
    err_release(err);
    *err = failed;
    failed = (struct err){0};
    return false;
}
