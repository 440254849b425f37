/* A target's schema, as pg_dump writes it: one of at least the server's major version. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "check/reach.h"
#include "check/shadow_parts.h"
#include "sql/split.h"

enum { VERSION_MS = 10000, DUMP_MS = 300000, NEWER_MAJORS = 10 };

/* Owners and privileges need roles that another server lacks; nothing of it changes a lock. */
static const char *const dump_options[] = {
    "--schema-only",        "--no-owner",       "--no-privileges",
    "--no-comments",        "--no-tablespaces", "--no-subscriptions",
    "--no-security-labels", "--no-password",    "--lock-wait-timeout=5000",
};

static bool run(const char *const *arguments, const char *const *environment,
                const struct shadow *shadow, int64_t timeout_ms, struct process_result *ret,
                struct err *err)
{
    const struct wait *const wait = &shadow->options.wait;
    const int64_t left_ms =
        wait->deadline_ms == 0 ? timeout_ms : wait->deadline_ms - clock_monotonic_ms();
    const struct process process = {.arguments = arguments,
                                    .environment = environment,
                                    .cancel_fd = wait->cancel_fd,
                                    .timeout_ms = left_ms < timeout_ms ? left_ms : timeout_ms};
    return process_run(&process, ret, err);
}

/* "pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)" as 15; 0 when there is no such program. */
static bool major_of(const char *program, const struct shadow *shadow, int *ret, struct err *err)
{
    const char *const arguments[] = {program, "--version", NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    CLEANUP(err_release) struct err absent = {0};
    *ret = 0;
    if (!run(arguments, NULL, shadow, VERSION_MS, &result, &absent)) {
        if (absent.code == ERR_USAGE)
            return true;
        *err = absent;
        absent = (struct err){0};
        return false;
    }
    (void)sscanf(str_text(&result.output), "pg_dump (PostgreSQL) %d", ret); /* 0 stays */
    return true;
}

/* The one in PATH, else the oldest of Debian's that can read the server. NULL: none. */
static bool find_program(const struct shadow *shadow, int major, const char **ret, struct err *err)
{
    int found = 0;
    *ret = "pg_dump";
    if (!major_of(*ret, shadow, &found, err))
        return false;
    if (found >= major)
        return true;
    for (int number = major; number < major + NEWER_MAJORS; number++) {
        *ret = arena_printf(shadow->arena, "/usr/lib/postgresql/%d/bin/pg_dump", number);
        if (*ret == NULL)
            return err_nomem(err);
        if (access(*ret, X_OK) == 0)
            return true;
    }
    *ret = NULL;
    return true;
}

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

static bool give_up(struct shadow *shadow, const char *why, struct err *err)
{
    shadow->facts.why_replayed = why;
    return why != NULL ? false : err_nomem(err);
}

/* Not the words for an error, which are many: the first line. */
static const char *first_line(struct arena *arena, const struct str *message)
{
    const char *const text = str_text(message);
    return arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The password, if there is one, is in the environment alone. */
static bool dump(struct shadow *shadow, const char *program, char **ret, size_t *ret_len,
                 struct err *err)
{
    const char *arguments[COUNT_OF(dump_options) + 2] = {program};
    const char *const *environment = NULL;
    CLEANUP(process_result_release) struct process_result result = {0};
    memcpy(&arguments[1], dump_options, sizeof dump_options);
    if (!pg_environment(shadow->arena, shadow->options.target->location, &environment, err))
        return false;
    if (!run(arguments, environment, shadow, DUMP_MS, &result, err)) {
        if (err->code != ERR_USAGE)
            return false;
        const char *const why = arena_strdup(shadow->arena, err->message);
        err_release(err);
        return give_up(shadow, why, err);
    }
    if (result.signal != 0 || result.exit_code != 0)
        return give_up(shadow, first_line(shadow->arena, &result.message), err);
    *ret_len = result.output.len;
    *ret = arena_strndup(shadow->arena, str_text(&result.output), result.output.len);
    return *ret != NULL || err_nomem(err);
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

bool shadow_copy_schema(struct shadow *shadow, struct pg *pg, struct err *err)
{
    const int major = pg_server_version(shadow->options.target_connection) / 10000;
    const char *program;
    char *text = NULL;
    size_t len = 0;
    struct statements statements = {0};
    if (!find_program(shadow, major, &program, err))
        return false;
    if (program == NULL)
        return give_up(
            shadow,
            arena_printf(shadow->arena, "there is no pg_dump of PostgreSQL %d or later", major),
            err);
    if (!dump(shadow, program, &text, &len, err))
        return false;
    blank_restrict(text);
    if (!sql_split(shadow->arena, DIALECT_POSTGRES, text, len, &statements, err))
        return false;
    for (size_t i = 0; i < statements.count; i++)
        if (!fill_with(shadow, pg, &statements.items[i], err))
            return false;
    shadow->facts.source = SHADOW_COPIED;
    return refresh_views(shadow, pg, err);
}
