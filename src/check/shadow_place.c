/* Finding the server for a shadow, or starting one. */
#include "check/shadow_place.h"

#include <string.h>

enum { CONNECT_MS = 10000 };

bool shadow_is_url(const char *value)
{
    return value[0] != '\0' && strcmp(value, "target") != 0 && strcmp(value, "local") != 0;
}

bool shadow_place_read(struct arena *arena, const char *what, const char *text, const char *folder,
                       const struct url *target, struct shadow_place *ret, struct err *err)
{
    *ret = (struct shadow_place){.is_local = strcmp(text, "local") == 0};
    if (strcmp(text, "target") == 0)
        ret->server = target;
    if (!shadow_is_url(text))
        return true;
    struct url *const url = arena_alloc(arena, sizeof *url);
    if (url == NULL)
        return err_nomem(err);
    if (!url_parse(arena, text, folder, url, err)) {
        err_prefix(err, "%s", what);
        return false;
    }
    if (url->engine != ENGINE_POSTGRES)
        return err_set(err, ERR_USAGE, "%s: %s is no PostgreSQL server", what, url->display);
    ret->server = url;
    return true;
}

/* Their names alone, so that migrations may grant to them. */
static bool copy_roles(struct arena *arena, struct pg *target, const struct wait *wait,
                       const struct url *server, struct err *err)
{
    static const char sql[] = "SELECT pg_catalog.format('CREATE ROLE %I', rolname)"
                              " FROM pg_catalog.pg_roles WHERE rolname <> 'postgres'"
                              " AND NOT pg_catalog.starts_with(rolname, 'pg_') ORDER BY oid";
    const struct pg_options options = {.location = server->location,
                                       .display = server->display,
                                       .application = "pawl",
                                       .connect_timeout_ms = CONNECT_MS};
    CLEANUP(pg_close) struct pg *pg = NULL;
    struct rows rows;
    if (!pg_query(target, arena, sql, NULL, 0, &rows, err) || !pg_open(&options, wait, &pg, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (!pg_exec(pg, rows_get(&rows, i, 0), err))
            return false;
    return true;
}

bool shadow_place_start(struct arena *arena, struct pg *target, const struct wait *wait,
                        struct shadow_place *place, const char **ret_why, struct err *err)
{
    const int major = target != NULL ? pg_server_version(target) / 10000 : 0;
    if (!place->is_local || place->local != NULL)
        return true;
    if (!scratch_server_start(arena, major, wait, &place->local, ret_why, err))
        return false;
    if (place->local == NULL)
        return true;
    place->server = scratch_server_url(place->local);
    return target == NULL || copy_roles(arena, target, wait, place->server, err);
}

void shadow_place_close(struct shadow_place *place)
{
    scratch_server_stop(&place->local);
    place->server = NULL;
}
