/* Making, copying and dropping a scratch database. */
#include "check/shadow.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "check/shadow_parts.h"

/* How long the drop may take, whatever came before it. */
enum { DROP_MS = 10000 };

enum { FORCE_SINCE_VERSION = 130000 };

const char *shadow_name(const struct shadow *shadow, unsigned number)
{
    return arena_printf(shadow->arena, "%s%u", shadow->stem, number);
}

const struct shadow_facts *shadow_facts(const struct shadow *shadow)
{
    return &shadow->facts;
}

bool shadow_connect_to(struct shadow *shadow, const char *database, const struct wait *wait,
                       struct pg **ret, struct err *err)
{
    const struct shadow_options *const o = &shadow->options;
    const struct pg_options options = {.location = o->server->location,
                                       .display = o->server->display,
                                       .database = database,
                                       .application = "pawl",
                                       .connect_timeout_ms = o->connect_timeout_ms};
    return pg_open(&options, wait, ret, err);
}

/* ---- what the target is like ---- */

/* Of the session in which the migrations would run. */
static bool read_settings(struct shadow *shadow, struct pg *from, struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('search_path'),"
        " pg_catalog.current_setting('DateStyle'), pg_catalog.current_setting('IntervalStyle')";
    struct rows rows;
    if (!pg_query(from, shadow->arena, sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < COUNT_OF(shadow->settings); i++)
        shadow->settings[i] = rows_get(&rows, 0, i);
    if (shadow->options.search_path != NULL)
        shadow->settings[1] = shadow->options.search_path;
    return true;
}

bool shadow_reset(struct shadow *shadow, struct pg *pg, struct err *err)
{
    static const char sql[] = "SELECT pg_catalog.set_config('TimeZone', $1, false),"
                              " pg_catalog.set_config('search_path', $2, false),"
                              " pg_catalog.set_config('DateStyle', $3, false),"
                              " pg_catalog.set_config('IntervalStyle', $4, false)";
    return pg_exec(pg, "RESET ALL", err) && pg_query(pg, shadow->arena, sql, shadow->settings,
                                                     COUNT_OF(shadow->settings), NULL, err);
}

/* ---- making ---- */

static bool refuse(const char **ret_why, const char *why, struct err *err)
{
    *ret_why = why;
    return why != NULL || err_nomem(err);
}

/* A pooler hands each statement to any connection, and knows no new database. */
static bool check_server(struct shadow *shadow, const char **ret_why, struct err *err)
{
    struct rows rows;
    const struct pg *const target = shadow->options.target_connection;
    const int ours = pg_server_version(shadow->server) / 10000;
    if (target != NULL && pg_server_version(target) / 10000 != ours)
        return refuse(ret_why,
                      arena_printf(shadow->arena,
                                   "its server is PostgreSQL %d and the target's is %d", ours,
                                   pg_server_version(target) / 10000),
                      err);
    if (!pg_query(shadow->server, shadow->arena, "SELECT pg_catalog.pg_backend_pid()", NULL, 0,
                  &rows, err))
        return false;
    if (strtol(rows_get(&rows, 0, 0), NULL, 10) != pg_backend_pid(shadow->server))
        return refuse(ret_why, "a pooler stands before its server", err);
    return true;
}

/* Encoding and locale as CREATE DATABASE takes them, by the server's version. */
static const char *const locale_sql[] = {
    "SELECT pg_catalog.format(' ENCODING %L LC_COLLATE %L LC_CTYPE %L',"
    " pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype)"
    " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
    "SELECT pg_catalog.format(' ENCODING %L LC_COLLATE %L LC_CTYPE %L',"
    " pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype)"
    " || CASE WHEN datlocprovider = 'i' THEN"
    "  pg_catalog.format(' LOCALE_PROVIDER icu ICU_LOCALE %L', daticulocale) ELSE '' END"
    " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
    "SELECT pg_catalog.format(' ENCODING %L LC_COLLATE %L LC_CTYPE %L',"
    " pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype)"
    " || CASE datlocprovider WHEN 'i' THEN"
    "  pg_catalog.format(' LOCALE_PROVIDER icu ICU_LOCALE %L', datlocale) WHEN 'b' THEN"
    "  pg_catalog.format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', datlocale) ELSE '' END"
    " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
};

static bool read_locale(struct shadow *shadow, struct pg *from, const char **ret, struct err *err)
{
    struct rows rows;
    const int major = pg_server_version(from) / 10000;
    if (!pg_query(from, shadow->arena, locale_sql[major >= 17 ? 2 : major >= 15], NULL, 0, &rows,
                  err))
        return false;
    *ret = rows_get(&rows, 0, 0);
    return true;
}

/* Whoever may connect to the server must not read the target's schema there. */
static bool create(struct shadow *shadow, unsigned number, const char *how, struct err *err)
{
    struct arena *const arena = shadow->arena;
    const char *const name = shadow_name(shadow, number);
    const char *const make =
        name == NULL ? NULL : arena_printf(arena, "CREATE DATABASE \"%s\" TEMPLATE %s", name, how);
    if (make == NULL)
        return err_nomem(err);
    if (!pg_exec(shadow->server, make, err))
        return false;
    const char *const comment =
        arena_printf(arena, "COMMENT ON DATABASE \"%s\" IS '%s'", name, shadow->comment);
    const char *const revoke =
        arena_printf(arena, "REVOKE ALL ON DATABASE \"%s\" FROM PUBLIC", name);
    if (comment == NULL || revoke == NULL)
        return err_nomem(err);
    return pg_exec(shadow->server, comment, err) && pg_exec(shadow->server, revoke, err);
}

static const char WRONG_OBJECT_TYPE[] = "42809"; /* a locale that is not there, up to version 16 */
static const char INVALID_PARAMETER[] = "22023"; /* the same of ICU */

/* The target's locale may not be installed on this machine. */
static bool create_without_locale(struct shadow *shadow, const char *how, struct err *refused)
{
    if (!shadow->options.own_server || (strcmp(refused->sqlstate, WRONG_OBJECT_TYPE) != 0 &&
                                        strcmp(refused->sqlstate, INVALID_PARAMETER) != 0))
        return false;
    const char *const database = arena_printf(shadow->arena, "CREATE DATABASE TEMPLATE %s", how);
    if (database == NULL)
        return err_nomem(refused);
    err_release(refused);
    return create(shadow, 0, "template0 ENCODING 'UTF8'", refused) &&
           shadow_leave_out(shadow, database, "C.UTF-8 stands for its locale", refused);
}

/* What the server says to CREATE DATABASE is an answer; a lost connection is an error. */
static bool make_template(struct shadow *shadow, const char **ret_why, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    struct pg *const from = shadow->options.target_connection != NULL
                                ? shadow->options.target_connection
                                : shadow->server;
    const char *locale = NULL;
    if (!read_settings(shadow, from, err) || !read_locale(shadow, from, &locale, err))
        return false;
    const char *const how = arena_printf(shadow->arena, "template0%s", locale);
    if (how == NULL)
        return err_nomem(err);
    if (create(shadow, 0, how, &refused) || create_without_locale(shadow, how, &refused))
        return shadow_fill_all(shadow, err);
    if (refused.code != ERR_FAILED || refused.sqlstate[0] == '\0') {
        *err = refused;
        refused = (struct err){0};
        return false;
    }
    if (strcmp(refused.sqlstate, SHADOW_NOT_ALLOWED) == 0)
        return refuse(ret_why, "may not create databases", err);
    return refuse(
        ret_why, arena_printf(shadow->arena, "cannot create a database: %s", refused.message), err);
}

static bool open_shadow(struct shadow *shadow, const char **ret_why, struct err *err)
{
    if (!shadow_sign(shadow, err) ||
        !shadow_connect_to(shadow, NULL, &shadow->options.wait, &shadow->server, err) ||
        !check_server(shadow, ret_why, err))
        return false;
    if (*ret_why != NULL)
        return true;
    return shadow_sweep(shadow, err) && make_template(shadow, ret_why, err);
}

bool shadow_open(struct arena *arena, const struct shadow_options *options, struct shadow **ret,
                 const char **ret_why, struct err *err)
{
    CLEANUP(shadow_close) struct shadow *shadow = mem_alloc(sizeof *shadow);
    *ret = NULL;
    *ret_why = NULL;
    if (shadow == NULL)
        return err_nomem(err);
    *shadow = (struct shadow){.arena = arena, .options = *options};
    if (!open_shadow(shadow, ret_why, err))
        return false;
    if (*ret_why != NULL)
        return true;
    *ret = shadow;
    shadow = NULL;
    return true;
}

/* ---- copies ---- */

static bool drop_with(struct shadow *shadow, unsigned number, const char *force, struct err *err)
{
    const char *const name = shadow_name(shadow, number);
    const char *const sql =
        name == NULL ? NULL
                     : arena_printf(shadow->arena, "DROP DATABASE IF EXISTS \"%s\"%s", name, force);
    return sql != NULL ? pg_exec(shadow->server, sql, err) : err_nomem(err);
}

/* An ordinary role may not force away what a superuser runs there, and autovacuum is one; for that
 * the server itself makes way when nothing is forced. */
static bool drop(struct shadow *shadow, unsigned number, struct err *err)
{
    if (pg_server_version(shadow->server) < FORCE_SINCE_VERSION)
        return drop_with(shadow, number, "", err);
    if (drop_with(shadow, number, " WITH (FORCE)", err))
        return true;
    if (strcmp(err->sqlstate, SHADOW_NOT_ALLOWED) != 0)
        return false;
    err_release(err);
    return drop_with(shadow, number, "", err);
}

/* How it is copied is the server's choice: through the log it takes half the time of copying files,
 * and no checkpoint of everybody's. */
static bool copy(struct shadow *shadow, struct err *err)
{
    const char *const how = arena_printf(shadow->arena, "\"%s0\"", shadow->stem);
    if (how == NULL)
        return err_nomem(err);
    if (shadow->copies > 0 && !drop(shadow, shadow->copies, err))
        return false;
    shadow->copies++;
    return create(shadow, shadow->copies, how, err);
}

bool shadow_connect(struct shadow *shadow, struct pg **ret, struct err *err)
{
    if (!shadow->options.once && !copy(shadow, err))
        return false;
    const char *const name = shadow_name(shadow, shadow->copies);
    if (name == NULL)
        return err_nomem(err);
    return shadow_connect_to(shadow, name, &shadow->options.wait, ret, err) &&
           shadow_reset(shadow, *ret, err);
}

/* ---- the end ---- */

static bool reconnect(struct shadow *shadow, const struct wait *wait, struct err *err)
{
    pg_close(&shadow->server);
    return shadow_connect_to(shadow, NULL, wait, &shadow->server, err);
}

static bool drop_both(struct shadow *shadow, struct err *err)
{
    CLEANUP(err_release) struct err stays = {0};
    const bool copy_is_gone = shadow->copies == 0 || drop(shadow, shadow->copies, &stays);
    return !pg_lost(shadow->server) && drop(shadow, 0, err) && copy_is_gone;
}

/* That the connection is lost may only show now. */
static void drop_all(struct shadow *shadow)
{
    const struct wait wait = {.cancel_fd = -1, .deadline_ms = clock_monotonic_ms() + DROP_MS};
    /* What cannot be dropped is swept by a later run. */
    CLEANUP(err_release) struct err ignored = {0};
    pg_set_wait(shadow->server, &wait);
    if (drop_both(shadow, &ignored) || !pg_lost(shadow->server))
        return;
    err_release(&ignored);
    if (reconnect(shadow, &wait, &ignored))
        (void)drop_both(shadow, &ignored);
}

/* Without the mark of a process that has ended. */
static bool leave(struct shadow *shadow, const char **ret_name, struct err *err)
{
    const char *const name = shadow_name(shadow, shadow->copies);
    *ret_name = name == NULL
                    ? NULL
                    : arena_printf(shadow->arena, "pawl_kept_%s", name + strlen("pawl_shadow_"));
    const char *const rename =
        *ret_name == NULL ? NULL
                          : arena_printf(shadow->arena, "ALTER DATABASE \"%s\" RENAME TO \"%s\"",
                                         name, *ret_name);
    return rename != NULL ? pg_exec(shadow->server, rename, err) : err_nomem(err);
}

bool shadow_leave(struct shadow **shadow, const char **ret_name, struct err *err)
{
    const bool left = leave(*shadow, ret_name, err);
    shadow_close(shadow);
    return left;
}

void shadow_close(struct shadow **shadow)
{
    if (*shadow == NULL)
        return;
    if ((*shadow)->server != NULL)
        drop_all(*shadow);
    pg_close(&(*shadow)->server);
    free(*shadow);
    *shadow = NULL;
}
