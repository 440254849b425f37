/*
 * Whose a scratch database is. Its name holds the process, "pawl_shadow_HOST_PID_START_NUMBER" with
 * a hash for the host, so that it can be told between its making and its comment, which says the
 * same in full and must agree where it is there.
 */
#include <string.h>

#include "check/owner.h"
#include "check/shadow_parts.h"

#define PREFIX  "pawl_shadow_"
#define COMMENT "pawl shadow of host %s, pid %s, start %s"

bool shadow_sign(struct shadow *shadow, struct err *err)
{
    struct owner self;
    owner_self(&self);
    const char *const name = owner_name(shadow->arena, &self);
    if (name == NULL)
        return err_nomem(err);
    shadow->stem = arena_printf(shadow->arena, PREFIX "%s_", name);
    shadow->comment = arena_printf(shadow->arena, COMMENT, self.host, self.pid, self.start);
    return (shadow->stem != NULL && shadow->comment != NULL) || err_nomem(err);
}

/* The process that a name tells of, which ends with a number. */
static bool read_name(const char *name, struct owner *ret)
{
    const char *rest;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
        !owner_read(name + strlen(PREFIX), ret, &rest) || *rest++ != '_')
        return false;
    const size_t digits = strspn(rest, "0123456789");
    return digits > 0 && rest[digits] == '\0';
}

/* comment NULL: the process was killed before it could write it. */
static bool is_leftover(struct arena *arena, const char *name, const char *comment)
{
    struct owner owner;
    if (!read_name(name, &owner) || !owner_is_dead(&owner))
        return false;
    const char *const expected = arena_printf(arena, COMMENT, owner.host, owner.pid, owner.start);
    return expected != NULL && (comment == NULL || strcmp(comment, expected) == 0);
}

bool shadow_sweep(struct shadow *shadow, struct err *err)
{
    static const char sql[] =
        "SELECT datname, pg_catalog.shobj_description(oid, 'pg_database')"
        " FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, '" PREFIX "')";
    struct rows rows;
    if (!pg_query(shadow->server, shadow->arena, sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        CLEANUP(err_release) struct err stays = {0};
        const char *const name = rows_get(&rows, i, 0);
        if (!is_leftover(shadow->arena, name, rows_get(&rows, i, 1)))
            continue;
        const char *const drop =
            arena_printf(shadow->arena, "DROP DATABASE IF EXISTS \"%s\"", name);
        if (drop == NULL)
            return err_nomem(err);
        /* Another role's, or a session of it has not ended yet: a later run's. */
        if (!pg_exec(shadow->server, drop, &stays) && stays.sqlstate[0] == '\0') {
            *err = stays;
            stays = (struct err){0};
            return false;
        }
    }
    return true;
}
