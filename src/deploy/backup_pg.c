/* pg_dump, and pg_restore reading what it has written. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/str.h"
#include "db/pg_program.h"
#include "deploy/backup_parts.h"

/* A server that is gone is noticed, however the network is. */
#define LIVELINESS                                                                                 \
    "keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=30000 "          \
    "fallback_application_name='pawl backup'"

/* ---- the database ---- */

/* What a database of the same kind is made with; a column of later versions is NULL in older ones.
 */
static const char source_sql[] =
    "SELECT d.datname, pg_catalog.pg_database_size(d.oid),"
    " pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,"
    " pg_catalog.to_jsonb(d) ->> 'datlocprovider',"
    " coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale')"
    " FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()";

/* Not what belongs to an extension, which makes it, nor what is gone with its session. */
static const char tables_sql[] =
    "SELECT c.oid, c.relkind FROM pg_catalog.pg_class AS c"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
    " AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = c.tableoid"
    " AND d.objid = c.oid AND d.deptype = 'e') ORDER BY c.oid";

static void put_option(struct arena *arena, struct str *out, const char *name, const char *value)
{
    const char *const word = value != NULL ? shell_word(arena, value) : NULL;
    if (value != NULL && word == NULL)
        out->failed = true;
    else if (value != NULL)
        str_printf(out, " --%s=%s", name, word);
}

static const char *create_options(struct arena *arena, const struct rows *rows)
{
    CLEANUP(str_release) struct str out = {0};
    const char *const provider = rows_get(rows, 0, 5), *const locale = rows_get(rows, 0, 6);
    put_option(arena, &out, "template", "template0");
    put_option(arena, &out, "encoding", rows_get(rows, 0, 2));
    put_option(arena, &out, "lc-collate", rows_get(rows, 0, 3));
    put_option(arena, &out, "lc-ctype", rows_get(rows, 0, 4));
    if (provider != NULL && strcmp(provider, "c") != 0) {
        const bool icu = strcmp(provider, "i") == 0;
        put_option(arena, &out, "locale-provider", icu ? "icu" : "builtin");
        put_option(arena, &out, icu ? "icu-locale" : "builtin-locale", locale);
    }
    return out.failed ? NULL : arena_strdup(arena, str_text(&out));
}

bool backup_pg_source(const struct backup_work *work, struct backup_source *ret, struct err *err)
{
    struct rows rows;
    struct pg *const pg = work->ledger->pg;
    if (!pg_query(pg, work->arena, source_sql, NULL, 0, &rows, err) ||
        !pg_query(pg, work->arena, tables_sql, NULL, 0, &ret->tables, err))
        return false;
    if (rows.count == 0)
        return err_set(err, ERR_REFUSED, "the server does not say what this database is");
    ret->name = rows_get(&rows, 0, 0);
    ret->bytes = strtoll(rows_get(&rows, 0, 1), NULL, 10);
    ret->create = create_options(work->arena, &rows);
    return ret->create != NULL || err_nomem(err);
}

/* ---- programs ---- */

static bool find(const struct backup_work *work, const char *name, const char **ret,
                 struct err *err)
{
    const int major = pg_server_version(work->ledger->pg) / 10000;
    if (!pg_program_find(work->arena, name, major, work->wait, ret, err))
        return false;
    if (*ret != NULL)
        return true;
    (void)err_set(err, ERR_REFUSED, "there is no %s of PostgreSQL %d or later", name, major);
    err_hint(err, "Install postgresql-client-%d, or set [backup] command.", major);
    return false;
}

/* ERR_REFUSED where it cannot be run, or does not end well. */
static bool run(const struct backup_work *work, const char *const *arguments,
                const char *const *environment, struct process_result *ret, struct err *err)
{
    if (!pg_program_run(arguments, environment, work->wait, BACKUP_PROGRAM_MS, ret, err)) {
        if (err->code == ERR_USAGE)
            err->code = ERR_REFUSED;
        return false;
    }
    if (ret->signal != 0)
        return err_set(err, ERR_REFUSED, "%s was ended by signal %d", arguments[0], ret->signal);
    if (ret->exit_code == 0)
        return true;
    const char *const said = pg_program_message(work->arena, ret);
    if (said == NULL)
        return err_nomem(err);
    return err_set(err, ERR_REFUSED, "%s",
                   said[0] != '\0' ? said : "it has failed, and does not say why");
}

static bool refuse_large(const struct backup_work *work, const struct backup_source *source,
                         struct err *err)
{
    CLEANUP(str_release) struct str size = {0}, limit = {0};
    if (source->bytes <= work->options->max_database_bytes)
        return true;
    str_put_size(&size, source->bytes);
    str_put_size(&limit, work->options->max_database_bytes);
    if (size.failed || limit.failed)
        return err_nomem(err);
    (void)err_set(err, ERR_REFUSED, "a database of %s is too large for pawl's own dump (%s)",
                  str_text(&size), str_text(&limit));
    err_hint(err, "Set [backup] command to your own backup, or to restore_point; or raise "
                  "max_database_size.");
    return false;
}

bool backup_pg_dump(const struct backup_work *work, const struct backup_source *source,
                    const struct backup_file *file, struct err *err)
{
    const char *program = NULL;
    const char *const *environment = NULL;
    CLEANUP(process_result_release) struct process_result result = {0};
    if (!work->ledger->direct) {
        (void)err_set(err, ERR_REFUSED,
                      "a dump needs a direct connection: this one goes through a pooler");
        err_hint(err, "Point the target's url at the server itself, or set [backup] command.");
        return false;
    }
    if (!refuse_large(work, source, err) || !find(work, "pg_dump", &program, err) ||
        !pg_environment(work->arena, work->target->location, &environment, err))
        return false;
    const char *const output = arena_printf(work->arena, "--file=%s", file->partial);
    const char *const arguments[] = {program,
                                     "--format=custom",
                                     "--no-password",
                                     "--lock-wait-timeout=60000",
                                     "--dbname=" LIVELINESS,
                                     output,
                                     NULL};
    if (output == NULL)
        return err_nomem(err);
    return run(work, arguments, environment, &result, err);
}

/* ---- verifying ---- */

/* What a dump says that it holds: which tables, and of which their rows. */
struct contents {
    struct {
        long *items;
        size_t count, capacity;
    } tables, rows;
};

/* "215; 1259 16385 TABLE public users postgres", "3333; 0 16385 TABLE DATA public users postgres":
 * the second number is the table's oid. */
static bool read_line(struct arena *arena, const char *line, struct contents *contents)
{
    char *at = NULL;
    if (line[0] == ';' || strtol(line, &at, 10) <= 0 || *at != ';')
        return true;
    (void)strtol(at + 1, &at, 10);
    const long oid = strtol(at, &at, 10);
    const bool data = strncmp(at, " TABLE DATA ", 12) == 0;
    if (!data && strncmp(at, " TABLE ", 7) != 0)
        return true;
    long *const item =
        data ? arena_push(arena, &contents->rows) : arena_push(arena, &contents->tables);
    if (item == NULL)
        return false;
    *item = oid;
    return true;
}

static int compare_longs(const void *a, const void *b)
{
    const long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static bool read_list(struct arena *arena, const char *text, struct contents *ret, struct err *err)
{
    *ret = (struct contents){0};
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (!read_line(arena, line, ret))
            return err_nomem(err);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    if (ret->tables.count > 0)
        qsort(ret->tables.items, ret->tables.count, sizeof(long), compare_longs);
    if (ret->rows.count > 0)
        qsort(ret->rows.items, ret->rows.count, sizeof(long), compare_longs);
    return true;
}

static bool has(const long *items, size_t count, long oid)
{
    return count > 0 && bsearch(&oid, items, count, sizeof oid, compare_longs) != NULL;
}

/* A table that somebody has dropped meanwhile is not missed. */
static bool refuse_missing(const struct backup_work *work, const char *oid, bool rows_only,
                           struct err *err)
{
    struct rows rows;
    const char *const params[] = {oid};
    if (!pg_query(work->ledger->pg, work->arena,
                  "SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class AS c"
                  " WHERE c.oid = $1::pg_catalog.oid",
                  params, 1, &rows, err))
        return false;
    return rows.count == 0 || err_set(err, ERR_REFUSED, "the dump lacks %stable %s",
                                      rows_only ? "the rows of " : "", rows_get(&rows, 0, 0));
}

static bool compare_tables(const struct backup_work *work, const struct rows *tables,
                           const struct contents *contents, struct err *err)
{
    for (size_t i = 0; i < tables->count; i++) {
        const char *const text = rows_get(tables, i, 0);
        const long oid = strtol(text, NULL, 10);
        const bool listed = has(contents->tables.items, contents->tables.count, oid);
        const bool filled = strcmp(rows_get(tables, i, 1), "p") == 0 ||
                            has(contents->rows.items, contents->rows.count, oid);
        if (!(listed && filled) && !refuse_missing(work, text, listed, err))
            return false;
    }
    return true;
}

/* The name that a restored database gets: "shop_restored_20250708T094434Z". */
static const char *restored_name(struct arena *arena, const char *name)
{
    enum { IDENTIFIER_BYTES = 63 };
    static const char suffix[] = "_restored_20250708T094434Z";
    char at[CLOCK_ISO_BYTES];
    CLEANUP(str_release) struct str out = {0};
    size_t len = strlen(name), valid = 0;
    if (len > IDENTIFIER_BYTES - strlen(suffix))
        len = IDENTIFIER_BYTES - strlen(suffix);
    if (!utf8_valid(name, len, &valid))
        len = valid;
    str_append(&out, name, len);
    clock_format_compact(clock_utc_us(), at);
    str_printf(&out, "_restored_%s", at);
    return out.failed ? NULL : arena_strdup(arena, str_text(&out));
}

/* Into a database of its own: what is there now may be needed yet. */
static bool restore_command(const struct backup_work *work, const struct backup_source *source,
                            const char *program, const struct backup_file *file, const char **ret,
                            struct err *err)
{
    struct arena *const arena = work->arena;
    const char *const location = work->target->location;
    const char *creator, *here = NULL, *there = NULL;
    const char *const name = restored_name(arena, source->name);
    if (name == NULL)
        return err_nomem(err);
    if (!find(work, "createdb", &creator, err) ||
        !pg_conninfo(arena, location, source->name, &here, err) ||
        !pg_conninfo(arena, location, name, &there, err))
        return false;
    const char *const here_word = shell_word(arena, here), *const there_word =
                                                               shell_word(arena, there);
    const char *const name_word = shell_word(arena, name);
    const char *const path = shell_word(arena, file->path);
    if (here_word == NULL || there_word == NULL || name_word == NULL || path == NULL)
        return err_nomem(err);
    *ret = arena_printf(arena,
                        "%s --maintenance-db=%s%s -- %s && %s --exit-on-error --dbname=%s -- %s",
                        creator, here_word, source->create, name_word, program, there_word, path);
    return *ret != NULL || err_nomem(err);
}

bool backup_pg_verify(const struct backup_work *work, const struct backup_source *source,
                      const struct backup_file *file, struct backup *ret, struct err *err)
{
    struct contents contents;
    const char *program = NULL;
    CLEANUP(process_result_release) struct process_result listed = {0}, whole = {0};
    if (!find(work, "pg_restore", &program, err))
        return false;
    const char *const list[] = {program, "--list", "--", file->partial, NULL};
    /* The list is at the start of the file: only who reads it all knows that it is whole. */
    const char *const read[] = {program, "--file=/dev/null", "--", file->partial, NULL};
    if (!run(work, list, NULL, &listed, err) || !run(work, read, NULL, &whole, err)) {
        err_prefix(err, "the dump cannot be read back");
        return false;
    }
    if (!read_list(work->arena, str_text(&listed.output), &contents, err) ||
        !compare_tables(work, &source->tables, &contents, err))
        return false;
    ret->tables = (int64_t)contents.tables.count;
    return restore_command(work, source, program, file, &ret->restore, err);
}
