/* One statement to PostgreSQL and its rows. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "db/pg_parts.h"

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

bool pg_read_results(struct pg *pg, struct arena *arena, struct rows *ret, struct err *err)
{
    CLEANUP(pg_stop_release) struct pg_stop stop = {0};
    bool ok = true;
    pg->position = 0;
    for (;;) {
        CLEANUP(pg_clear_result) PGresult *result = NULL;
        CLEANUP(err_release) struct err here = {0};
        if (!pg_next_result(pg, &stop, &result, &here)) {
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
                pg_copy_error(pg, result, err, &pg->position);
            ok = false;
        }
    }
    if (stop.why.code != ERR_NONE && (!ok || ret == NULL)) {
        err_release(err);
        *err = stop.why;
        stop.why = (struct err){0};
        return false;
    }
    return ok;
}

bool pg_query(struct pg *pg, struct arena *arena, const char *sql, const char *const *params,
              size_t count, struct rows *ret, struct err *err)
{
    if (!pg_usable(pg))
        return err_set(err, ERR_UNREACHABLE, "the connection was lost");
    if (!pg->libpq->PQsendQueryParams(pg->conn, sql, (int)count, NULL, params, NULL, NULL, 0))
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    return pg_read_results(pg, arena, ret, err);
}

/* The names of the kept statements, by their place. */
static const char *const kept_names[PG_KEPT] = {"pawl kept 0", "pawl kept 1"};

void pg_keep_nothing(struct pg *pg)
{
    while (pg->kept_count > 0)
        free(pg->kept[--pg->kept_count]);
}

const char *pg_kept_name(const struct pg *pg, const char *sql)
{
    for (size_t i = 0; i < pg->kept_count; i++)
        if (strcmp(pg->kept[i], sql) == 0)
            return kept_names[i];
    return NULL;
}

static bool keep(struct pg *pg, const char *sql, struct err *err)
{
    const char *const name = kept_names[pg->kept_count];
    const size_t bytes = strlen(sql) + 1;
    char *const copy = mem_alloc(bytes);
    if (copy == NULL)
        return err_nomem(err);
    memcpy(copy, sql, bytes);
    pg->kept[pg->kept_count++] = copy;
    if (!pg->libpq->PQsendPrepare(pg->conn, name, sql, 0, NULL))
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    return pg_read_results(pg, NULL, NULL, err);
}

bool pg_keep(struct pg *pg, const char *const *statements, size_t count, struct err *err)
{
    bool known = count == pg->kept_count;
    for (size_t i = 0; i < count && known; i++)
        known = strcmp(pg->kept[i], statements[i]) == 0;
    if (known)
        return true;
    pg_keep_nothing(pg);
    if (!pg_exec(pg, "DEALLOCATE ALL", err))
        return false;
    for (size_t i = 0; i < count && i < PG_KEPT; i++)
        if (!keep(pg, statements[i], err)) {
            pg_keep_nothing(pg);
            return false;
        }
    return true;
}

bool pg_exec(struct pg *pg, const char *sql, struct err *err)
{
    return pg_query(pg, NULL, sql, NULL, 0, NULL, err);
}

bool pg_roll_back(struct pg *pg, bool ok, struct err *err)
{
    CLEANUP(err_release) struct err second = {0};
    if (pg_lost(pg) || !pg_in_transaction(pg) || pg_exec(pg, "ROLLBACK", ok ? err : &second))
        return ok;
    if (!ok)
        err_detail(err, "%s", second.message != NULL ? second.message : "ROLLBACK failed");
    return false;
}
