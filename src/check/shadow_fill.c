/* Filling a scratch database: statement by statement, by the role that is to own what they make. */
#include <string.h>

#include "base/fs.h"
#include "check/reach.h"
#include "check/shadow_parts.h"
#include "history/script.h"

enum { GAP_CHARACTERS = 80 };

static bool add_gap(struct shadow *shadow, const char *statement, const char *sqlstate,
                    const char *message, struct err *err)
{
    struct shadow_gap *const gap = arena_push(shadow->arena, &shadow->facts.gaps);
    const char *const start =
        arena_strndup(shadow->arena, statement, strnlen(statement, GAP_CHARACTERS));
    if (gap == NULL || start == NULL)
        return err_nomem(err);
    memcpy(gap->sqlstate, sqlstate, strnlen(sqlstate, sizeof gap->sqlstate - 1));
    gap->statement = fs_printable(shadow->arena, start);
    gap->message = fs_printable(shadow->arena, message);
    return (gap->statement != NULL && gap->message != NULL) || err_nomem(err);
}

bool shadow_leave_out(struct shadow *shadow, const char *statement, const char *why,
                      struct err *err)
{
    return add_gap(shadow, statement, "", why, err);
}

static bool set_role(struct shadow *shadow, struct pg *pg, struct err *err)
{
    const char *const role =
        shadow->role == NULL ? NULL : pg_quote_name(shadow->arena, shadow->role);
    if (shadow->role == NULL)
        return true;
    const char *const sql = role != NULL ? arena_printf(shadow->arena, "SET ROLE %s", role) : NULL;
    return sql != NULL ? pg_exec(pg, sql, err) : err_nomem(err);
}

/* What the role may not do, whoever connects may: extensions, for one. */
static bool fill_without_role(struct shadow *shadow, struct pg *pg, const char *statement,
                              struct err *refused)
{
    if (shadow->role == NULL || strcmp(refused->sqlstate, SHADOW_NOT_ALLOWED) != 0)
        return false;
    err_release(refused);
    if (!pg_exec(pg, "RESET ROLE", refused))
        return false;
    const bool filled = pg_exec(pg, statement, refused);
    CLEANUP(err_release) struct err second = {0};
    return set_role(shadow, pg, filled ? refused : &second) && filled;
}

bool shadow_fill(struct shadow *shadow, struct pg *pg, const char *statement, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    if (pg_exec(pg, statement, &refused) || fill_without_role(shadow, pg, statement, &refused))
        return true;
    if (refused.code == ERR_FAILED && refused.sqlstate[0] != '\0' && !pg_lost(pg))
        return add_gap(shadow, statement, refused.sqlstate, refused.message, err);
    *err = refused;
    refused = (struct err){0};
    return false;
}

/* Each statement by itself: one that fails takes no other with it. */
static bool replay_migration(struct shadow *shadow, struct pg *pg,
                             const struct migration *migration, struct err *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct script script = {0};
    if (!script_build(&arena, DIALECT_POSTGRES, migration, &script, err))
        return false;
    for (size_t i = 0; i < script.statements.count; i++) {
        const struct script_statement *const s = &script.statements.items[i];
        const char *why = NULL;
        if (!reach_outside(s->statement.text, &why, err))
            return false;
        if (why != NULL ? !shadow_leave_out(shadow, s->sql, why, err)
                        : !shadow_fill(shadow, pg, s->sql, err))
            return false;
    }
    return pg_exec(pg, "DISCARD ALL", err) && shadow_reset(shadow, pg, err) &&
           set_role(shadow, pg, err);
}

static bool replay(struct shadow *shadow, struct pg *pg, struct err *err)
{
    shadow->facts.source = SHADOW_REPLAYED;
    for (size_t i = 0; i < shadow->options.applied_count; i++)
        if (!replay_migration(shadow, pg, shadow->options.applied[i], err))
            return false;
    return true;
}

/* The role is on the server, and we may be it: then it may make what it likes in the database. The
 * privilege on "public" is the server's default up to version 14. */
static bool allow_role(struct shadow *shadow, struct pg *pg, const char *database, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    const char *const role =
        shadow->options.role == NULL ? NULL : pg_quote_name(shadow->arena, shadow->options.role);
    if (shadow->options.role == NULL)
        return true;
    const char *const grant =
        role == NULL
            ? NULL
            : arena_printf(shadow->arena, "GRANT ALL ON DATABASE \"%s\" TO %s", database, role);
    const char *const public =
        role == NULL ? NULL : arena_printf(shadow->arena, "GRANT ALL ON SCHEMA public TO %s", role);
    if (grant == NULL || public == NULL)
        return err_nomem(err);
    shadow->role = shadow->options.role;
    if (pg_exec(pg, grant, &refused) && set_role(shadow, pg, &refused) &&
        pg_exec(pg, "RESET ROLE", &refused)) {
        if (pg_server_version(pg) < 150000 || pg_exec(pg, public, &refused))
            return true;
    }
    shadow->role = NULL;
    shadow->facts.lacks_role = true;
    if (refused.sqlstate[0] != '\0')
        return true;
    *err = refused;
    refused = (struct err){0};
    return false;
}

static bool rows_need_a_copy(const struct shadow *shadow, struct err *err)
{
    (void)err_set(err, ERR_REFUSED, "the rows of the target cannot be copied: %s",
                  shadow->facts.why_replayed);
    err_state(err, "Nothing was changed.");
    return false;
}

bool shadow_fill_all(struct shadow *shadow, struct err *err)
{
    CLEANUP(pg_close) struct pg *pg = NULL;
    const char *const name = shadow_name(shadow, 0);
    if (name == NULL)
        return err_nomem(err);
    if (!shadow_connect_to(shadow, name, &shadow->options.wait, &pg, err) ||
        !pg_exec(pg, "SET synchronous_commit = off", err) || !allow_role(shadow, pg, name, err) ||
        !set_role(shadow, pg, err))
        return false;
    if (shadow->options.target != NULL) {
        if (shadow_copy_schema(shadow, pg, err))
            return true;
        if (err->code != ERR_NONE)
            return false;
    }
    if (shadow->options.rows.data != SHADOW_NO_ROWS)
        return rows_need_a_copy(shadow, err);
    return shadow_reset(shadow, pg, err) && set_role(shadow, pg, err) && replay(shadow, pg, err);
}
