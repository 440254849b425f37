/* `pawl capture`: the statements that a database has seen, as a file for `pawl compat`. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "check/captured.h"
#include "check/compat.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "sql/match.h"
#include "sql/parameters.h"

/* ---- reading ---- */

/* Where the extension is; *ret NULL: nowhere. */
static bool find_view(struct cli *cli, struct pg *pg, const char **ret, struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e"
        " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'pg_stat_statements'";
    struct rows rows;
    if (!pg_query(pg, &cli->arena, sql, NULL, 0, &rows, err))
        return false;
    *ret = rows.count > 0 ? rows_get(&rows, 0, 0) : NULL;
    return true;
}

static bool no_view(struct err *err)
{
    (void)err_set(err, ERR_REFUSED, "the target has no pg_stat_statements");
    err_hint(err, "Add it to shared_preload_libraries, restart the server, and CREATE EXTENSION "
                  "pg_stat_statements; or write the statements yourself.");
    return false;
}

static bool read_texts(struct cli *cli, struct pg *pg, const char *schema, struct rows *ret,
                       struct err *err)
{
    const char *const sql = arena_printf(
        &cli->arena,
        "SELECT DISTINCT query COLLATE \"C\" FROM %s.pg_stat_statements WHERE dbid = (SELECT oid"
        " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
        " AND query IS NOT NULL ORDER BY 1",
        schema);
    return sql != NULL ? pg_query(pg, &cli->arena, sql, NULL, 0, ret, err) : err_nomem(err);
}

/* ---- which of them ---- */

static bool is_hidden(const char *text)
{
    return strcmp(text, "<insufficient privilege>") == 0;
}

/* The tokens behind the one at hand, the nearest first. */
struct trail {
    struct token tokens[3];
};

static bool trail_is(const struct trail *trail, const char *words)
{
    return trail->tokens[0].type == TOKEN_PARAMETER && trail->tokens[1].type == TOKEN_WORD &&
           match_word(&trail->tokens[1], (struct span){words, strlen(words)});
}

/* extract($1 */
static bool is_extract(const struct trail *trail)
{
    return trail->tokens[0].type == TOKEN_PARAMETER && trail->tokens[1].type == TOKEN_SYMBOL &&
           trail->tokens[1].span.at[0] == '(' && trail->tokens[2].type == TOKEN_WORD &&
           span_is_nocase(trail->tokens[2].span, "extract");
}

/* What values are normalised to is not always what a server reads: interval $1 becomes
 * $1::interval, extract($1 from x) becomes date_part($1, x). */
static void put_repaired(struct str *out, const char *text)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    struct trail trail = {0};
    const struct token *const parameter = &trail.tokens[0];
    size_t copied = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        const size_t end = parameter->start + parameter->span.len;
        if (trail_is(&trail, "interval|date|timestamp|timestamptz|time")) {
            const struct token *const type = &trail.tokens[1];
            str_append(out, text + copied, type->start - copied);
            str_append(out, parameter->span.at, parameter->span.len);
            str_puts(out, "::");
            str_append(out, type->span.at, type->span.len);
            copied = end;
        } else if (is_extract(&trail) && token.type == TOKEN_WORD &&
                   span_is_nocase(token.span, "from")) {
            str_append(out, text + copied, trail.tokens[2].start - copied);
            str_puts(out, "date_part(");
            str_append(out, parameter->span.at, parameter->span.len);
            str_putc(out, ',');
            copied = token.start + token.span.len;
        }
        if (token.type == TOKEN_END)
            break;
        trail = (struct trail){{token, trail.tokens[0], trail.tokens[1]}};
    }
    str_puts(out, text + copied);
}

/* ---- writing ---- */

static bool write_file(struct cli *cli, const char *name, const struct str *text, size_t count,
                       struct err *err)
{
    const struct value *const setting = &cli->config.values[SETTING_QUERIES];
    const char *const release = cli_option(cli, "release");
    const char *const folder =
        fs_join(&cli->arena, config_folder_of(&cli->config, setting), setting->text);
    const char *const own = folder != NULL ? fs_join(&cli->arena, folder, release) : NULL;
    const char *const path = own != NULL ? fs_join(&cli->arena, own, name) : NULL;
    if (path == NULL || text->failed)
        return err_nomem(err);
    if (!fs_make_folder(folder, err) || !fs_make_folder(own, err) ||
        !fs_write(path, str_text(text), text->len, err))
        return false;
    const char *const shown = fs_printable(&cli->arena, path);
    cli->summary = shown == NULL ? NULL
                                 : arena_printf(&cli->arena, "%zu statement%s in %s", count,
                                                count == 1 ? "" : "s", shown);
    cli_result(cli, "file", cli_json_text(path));
    cli_result(cli, "statements", json_integer((json_int_t)count));
    return cli->summary != NULL || err_nomem(err);
}

/* ---- from the target ---- */

static bool capture_target(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    CLEANUP(str_release) struct str text = {0};
    const char *schema;
    size_t count = 0, hidden = 0;
    struct rows rows;
    if (!cli_prepare_target(cli, err))
        return false;
    if (cli->url.engine == ENGINE_SQLITE)
        return err_set(err, ERR_USAGE, "`pawl capture` is for PostgreSQL");
    if (!session_open(cli, false, &session, err) ||
        !find_view(cli, session.ledger.pg, &schema, err))
        return false;
    if (schema == NULL)
        return no_view(err);
    if (!read_texts(cli, session.ledger.pg, schema, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const char *const query = rows_get(&rows, i, 0);
        const struct span sql = {query, strlen(query)};
        hidden += is_hidden(query);
        if (!sql_starts_as_query(sql) || captured_is_of_a_tool(sql, session.target.name))
            continue;
        put_repaired(&text, query);
        str_puts(&text, "\n;\n\n");
        count++;
    }
    if (hidden > 0)
        output_chat(&cli->output, "some statements are hidden from this role: it needs "
                                  "pg_read_all_stats to see those of others");
    return write_file(cli, "captured.sql", &text, count, err);
}

/* ---- from logs ---- */

/* That of the target, where one is configured. */
static const char *ledger_of(struct cli *cli)
{
    CLEANUP(err_release) struct err none = {0};
    return cli_prepare_target(cli, &none) ? cli->target.values[SETTING_LEDGER].text : "pawl";
}

static void close_log(const int *fd)
{
    if (*fd > STDIN_FILENO)
        (void)close(*fd); /* only read */
}

static bool read_log(struct cli *cli, const char *path, const struct captured_options *options,
                     struct captured *ret, struct err *err)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    const char *const shown = is_stdin ? "the standard input" : fs_printable(&cli->arena, path);
    if (shown == NULL)
        return err_nomem(err);
    CLEANUP(close_log) const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_USAGE, "cannot read %s", shown);
    return captured_add_log(fd, shown, options, ret, err);
}

static bool read_logs(struct cli *cli, struct captured *ret, struct err *err)
{
    const char *const format = cli_option(cli, "log-line-prefix");
    struct server_log_prefix prefix;
    struct captured_options options = {.user = cli_option(cli, "user"),
                                       .database = cli_option(cli, "database"),
                                       .application = cli_option(cli, "application-name"),
                                       .ledger = ledger_of(cli)};
    if (format != NULL && !server_log_prefix_read(&cli->arena, format, &prefix, err))
        return false;
    options.prefix = format != NULL ? &prefix : NULL;
    for (size_t i = 0; i < cli->given.count; i++) {
        const struct given_option *const given = &cli->given.items[i];
        if (strcmp(given->option->name, "log") == 0 &&
            !read_log(cli, given->text, &options, ret, err))
            return false;
    }
    return true;
}

static void tell_unread(struct cli *cli, const struct captured *captured)
{
    if (captured->lines.unread > 0)
        output_chat(&cli->output, "%zu of %zu lines could not be read", captured->lines.unread,
                    captured->lines.lines);
    if (captured->unread > 0)
        output_chat(&cli->output, "%zu statement%s could not be read and %s left out",
                    captured->unread, captured->unread == 1 ? "" : "s",
                    captured->unread == 1 ? "is" : "are");
    if (captured->full)
        output_chat(&cli->output,
                    "there are more than %d different statements: the rest is left "
                    "out",
                    CAPTURED_MAX);
    cli_result(cli, "lines", json_integer((json_int_t)captured->lines.lines));
    cli_result(cli, "unread_lines", json_integer((json_int_t)captured->lines.unread));
    cli_result(cli, "unread_statements", json_integer((json_int_t)captured->unread));
}

static bool capture_logs(struct cli *cli, struct err *err)
{
    CLEANUP(captured_release) struct captured captured = {0};
    CLEANUP(str_release) struct str text = {0};
    if (!read_logs(cli, &captured, err))
        return false;
    tell_unread(cli, &captured);
    if (captured.count == 0) {
        (void)err_set(err, ERR_REFUSED, "there are no such statements in what was read");
        err_state(err, "Nothing was written.");
        err_hint(err, "Servers write them with log_statement = all (or mod) or "
                      "log_min_duration_statement = 0, and lc_messages = C.");
        return false;
    }
    captured_sort(&captured);
    for (size_t i = 0; i < captured.count; i++) {
        str_puts(&text, captured.items[i].sql);
        str_puts(&text, "\n;\n\n");
    }
    return write_file(cli, "logged.sql", &text, captured.count, err);
}

static bool check_line(const struct cli *cli, struct err *err)
{
    static const char *const of_logs[] = {"user", "database", "application-name",
                                          "log-line-prefix"};
    for (size_t i = 0; i < COUNT_OF(of_logs); i++)
        if (cli_option(cli, of_logs[i]) != NULL && cli_option(cli, "log") == NULL)
            return err_set(err, ERR_USAGE, "--%s goes with --log", of_logs[i]);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    const char *const release = cli_option(cli, "release");
    if (release == NULL)
        return err_set(err, ERR_USAGE, "`pawl capture` wants --release: whose statements they are");
    return check_line(cli, err) && compat_release_check(&cli->arena, release, err) &&
           (cli_option(cli, "log") != NULL ? capture_logs(cli, err) : capture_target(cli, err));
}

static const struct option options[] = {
    {.name = "release", .argument = "R", .text = "whose statements they are"},
    {.name = "log",
     .argument = "FILE",
     .text = "take them from a server's log instead, csvlog, jsonlog or text; - is the standard "
             "input; again for more",
     .offers = OFFER_FILES},
    {.name = "user", .argument = "NAME", .text = "with --log: those of this role alone"},
    {.name = "database", .argument = "NAME", .text = "with --log: those in this database alone"},
    {.name = "application-name",
     .argument = "NAME",
     .text = "with --log: those of this application_name alone"},
    {.name = "log-line-prefix",
     .argument = "FORMAT",
     .text = "with --log: the server's log_line_prefix, for whose statements a text log has"},
};

static const struct example examples[] = {
    {"pawl capture --release 1.24", "writes queries/1.24/captured.sql"},
    {"pawl capture --release 1.24 --log postgresql.csv --user shop",
     "writes queries/1.24/logged.sql, the statements of one role"},
};

const struct command command_capture = {
    .name = "capture",
    .group = GROUP_CHECK,
    .summary = "write down the statements that the target has seen, for `pawl compat`",
    .usage = "",
    .about =
        "Takes the texts of pg_stat_statements, which have $1 in place of values, for the\n"
        "target's database: queries and changes of rows, without those of pawl and of the\n"
        "catalogs. The file queries/RELEASE/captured.sql is written anew, sorted. With --log,\n"
        "queries/RELEASE/logged.sql from logs, without values likewise; no target is asked.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .run = run,
};
