/* A target's schema, as pg_dump writes it: one of at least the server's major version. */
#include <string.h>

#include "check/reach.h"
#include "check/shadow_parts.h"
#include "db/pg_program.h"
#include "sql/split.h"

enum { DUMP_MS = 300000, MAX_ARGUMENTS = 16 };

/* Owners need roles that another server lacks; nothing of it changes a lock. */
static const char *const dump_options[] = {
    "--schema-only",
    "--no-owner",
    "--no-comments",
    "--no-tablespaces",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-password",
    "--lock-wait-timeout=5000",
    NULL,
};

/* What has been done to a shadow. */
static const char *const schema_options[] = {
    "--schema-only", "--no-owner", "--no-tablespaces", "--no-password", NULL,
};

/* Newer ones forbid psql's commands between these, each on a line of its own. */
static void blank_restrict(char *text)
{
    for (char *line = text; line != NULL && *line != '\0';) {
        char *const end = strchrnul(line, '\n');
        if (strncmp(line, "\\restrict ", 10) == 0 || strncmp(line, "\\unrestrict ", 12) == 0)
            memset(line, ' ', (size_t)(end - line));
        line = *end == '\0' ? NULL : end + 1;
    }
}

static size_t add(const char **arguments, size_t count, const char *const *more)
{
    for (; *more != NULL && count < MAX_ARGUMENTS; more++)
        arguments[count++] = *more;
    return count;
}

/* The password, if there is one, is in the environment alone. False without an error in *err: the
 * program gives none, and *ret_why says why. */
static bool dump(struct shadow *shadow, const struct url *url, const char *const *options,
                 const char *const *more, char **ret, size_t *ret_len, const char **ret_why,
                 struct err *err)
{
    const char *arguments[MAX_ARGUMENTS + 1] = {shadow->dumper};
    const char *const *environment = NULL;
    CLEANUP(process_result_release) struct process_result result = {0};
    (void)add(arguments, add(arguments, 1, options), more);
    if (!pg_environment(shadow->arena, url->location, &environment, err))
        return false;
    if (!pg_program_run(arguments, environment, &shadow->options.wait, DUMP_MS, &result, err)) {
        if (err->code != ERR_USAGE)
            return false;
        *ret_why = arena_strdup(shadow->arena, err->message);
        err_release(err);
        return *ret_why != NULL ? false : err_nomem(err);
    }
    if (result.signal != 0 || result.exit_code != 0) {
        *ret_why = pg_program_message(shadow->arena, &result);
        return *ret_why != NULL ? false : err_nomem(err);
    }
    *ret_len = result.output.len;
    *ret = arena_strndup(shadow->arena, str_text(&result.output), result.output.len);
    if (*ret == NULL)
        return err_nomem(err);
    blank_restrict(*ret);
    return true;
}

static bool fill_with(struct shadow *shadow, struct pg *pg, const struct statement *statement,
                      struct err *err)
{
    const char *why = NULL;
    if (!reach_outside(statement->text, &why, err))
        return false;
    const char *const sql = arena_strndup(shadow->arena, statement->text.at, statement->text.len);
    if (sql == NULL)
        return err_nomem(err);
    return why != NULL ? shadow_leave_out(shadow, sql, why, err)
                       : shadow_fill(shadow, pg, sql, err);
}

/* The dump leaves them without data, in which state they cannot be read. */
static bool refresh_views(struct shadow *shadow, struct pg *pg, struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname)"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'm' AND NOT c.relispopulated ORDER BY c.oid";
    struct rows rows;
    if (!pg_query(pg, shadow->arena, sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (!shadow_fill(shadow, pg, rows_get(&rows, i, 0), err))
            return false;
    return true;
}

/* A part of the schema, or all of it. False without an error in *err as above. */
static bool copy_part(struct shadow *shadow, struct pg *pg, const char *const *more,
                      struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct statements statements = {0};
    if (!dump(shadow, shadow->options.target, dump_options, more, &text, &len,
              &shadow->facts.why_replayed, err) ||
        !sql_split(shadow->arena, DIALECT_POSTGRES, text, len, &statements, err))
        return false;
    for (size_t i = 0; i < statements.count; i++)
        if (!fill_with(shadow, pg, &statements.items[i], err))
            return false;
    return true;
}

/* Privileges need roles likewise, and change no lock either. */
static const char *rights_option(const struct shadow *shadow)
{
    return shadow->options.rights ? NULL : "--no-privileges";
}

/* Keys, indexes and triggers come after the rows, all of one snapshot. */
static bool copy_with_rows(struct shadow *shadow, struct pg *pg, struct err *err)
{
    const char *name;
    if (!shadow_rows_begin(shadow, &name, err))
        return false;
    const char *const snapshot = arena_printf(shadow->arena, "--snapshot=%s", name);
    const char *const before[] = {"--section=pre-data", snapshot, rights_option(shadow), NULL};
    const char *const after[] = {"--section=post-data", snapshot, rights_option(shadow), NULL};
    if (snapshot == NULL)
        return err_nomem(err);
    return copy_part(shadow, pg, before, err) && shadow_rows_copy(shadow, pg, err) &&
           copy_part(shadow, pg, after, err) && shadow_rows_end(shadow, err);
}

bool shadow_copy_schema(struct shadow *shadow, struct pg *pg, struct err *err)
{
    const char *const nothing_more[] = {rights_option(shadow), NULL};
    const int major = pg_server_version(shadow->options.target_connection) / 10000;
    if (!pg_program_find(shadow->arena, "pg_dump", major, &shadow->options.wait, &shadow->dumper,
                         err))
        return false;
    if (shadow->dumper == NULL) {
        shadow->facts.why_replayed =
            arena_printf(shadow->arena, "there is no pg_dump of PostgreSQL %d or later", major);
        return shadow->facts.why_replayed != NULL ? false : err_nomem(err);
    }
    if (shadow->options.rows.data != SHADOW_NO_ROWS ? !copy_with_rows(shadow, pg, err)
                                                    : !copy_part(shadow, pg, nothing_more, err))
        return false;
    shadow->facts.source = SHADOW_COPIED;
    return refresh_views(shadow, pg, err);
}

bool shadow_schema(struct shadow *shadow, const char **ret, const char **ret_why, struct err *err)
{
    const char *const name = shadow_name(shadow, shadow->copies);
    char *text = NULL;
    size_t len = 0;
    *ret = NULL;
    *ret_why = NULL;
    if (name == NULL)
        return err_nomem(err);
    if (shadow->dumper == NULL &&
        !pg_program_find(shadow->arena, "pg_dump", pg_server_version(shadow->server) / 10000,
                         &shadow->options.wait, &shadow->dumper, err))
        return false;
    if (shadow->dumper == NULL) {
        *ret_why = "there is no pg_dump for it";
        return true;
    }
    const char *const database = arena_printf(shadow->arena, "--dbname=%s", name);
    const char *const more[] = {database, NULL};
    if (database == NULL)
        return err_nomem(err);
    if (dump(shadow, shadow->options.server, schema_options, more, &text, &len, ret_why, err))
        *ret = text;
    return *ret != NULL || *ret_why != NULL;
}
