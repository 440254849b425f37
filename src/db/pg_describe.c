/* What a statement takes and gives back, without running it. */
#include "db/pg_parts.h"

static bool copy_description(const struct pg *pg, struct arena *arena, const PGresult *result,
                             struct pg_description *ret)
{
    const struct libpq *const libpq = pg->libpq;
    *ret = (struct pg_description){.parameter_count = (size_t)libpq->PQnparams(result),
                                   .column_count = (size_t)libpq->PQnfields(result)};
    ret->parameters = arena_alloc(arena, ret->parameter_count * sizeof *ret->parameters);
    ret->columns = arena_alloc(arena, ret->column_count * sizeof *ret->columns);
    if (ret->parameters == NULL || ret->columns == NULL)
        return false;
    for (size_t i = 0; i < ret->parameter_count; i++)
        ret->parameters[i] = libpq->PQparamtype(result, (int)i);
    for (size_t i = 0; i < ret->column_count; i++) {
        struct pg_column *const column = &ret->columns[i];
        column->name = arena_strdup(arena, libpq->PQfname(result, (int)i));
        column->type = libpq->PQftype(result, (int)i);
        column->modifier = libpq->PQfmod(result, (int)i);
        if (column->name == NULL)
            return false;
    }
    return true;
}

static bool read_description(struct pg *pg, struct arena *arena, struct pg_description *ret,
                             struct err *err)
{
    CLEANUP(pg_stop_release) struct pg_stop stop = {0};
    bool ok = true;
    for (;;) {
        CLEANUP(pg_clear_result) PGresult *result = NULL;
        if (!pg_next_result(pg, &stop, &result, err))
            return false;
        if (result == NULL)
            break;
        if (!ok)
            continue;
        ok = pg->libpq->PQresultStatus(result) == PGRES_COMMAND_OK;
        if (!ok)
            pg_copy_error(pg, result, err, &pg->position);
        else if (!copy_description(pg, arena, result, ret))
            ok = err_nomem(err);
    }
    if (stop.why.code == ERR_NONE)
        return ok;
    err_release(err);
    *err = stop.why;
    stop.why = (struct err){0};
    return false;
}

bool pg_describe(struct pg *pg, struct arena *arena, const char *name, const char *sql,
                 const unsigned *types, size_t type_count, struct pg_description *ret,
                 struct err *err)
{
    if (!pg_usable(pg))
        return err_set(err, ERR_UNREACHABLE, "the connection was lost");
    if (!pg->libpq->PQsendPrepare(pg->conn, name, sql, (int)type_count, types))
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    if (!pg_read_results(pg, NULL, NULL, err))
        return false;
    if (!pg->libpq->PQsendDescribePrepared(pg->conn, name))
        return pg_connection_error(pg, ERR_UNREACHABLE, "the connection was lost", err);
    return read_description(pg, arena, ret, err);
}
