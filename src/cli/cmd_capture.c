/* `pawl capture`: the statements that a database has seen, as a file for `pawl compat`. */
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "sql/identifier.h"
#include "sql/lexer.h"
#include "sql/match.h"

/* What a release may be called: a folder of its own. */
static bool check_release(struct cli *cli, const char *release, struct err *err)
{
    if (release == NULL)
        return err_set(err, ERR_USAGE, "`pawl capture` wants --release: whose statements they are");
    const char *const printable = fs_printable(&cli->arena, release);
    if (printable == NULL)
        return err_nomem(err);
    if (release[0] != '\0' && release[0] != '.' && strchr(release, '/') == NULL &&
        strcmp(release, printable) == 0)
        return true;
    return err_set(err, ERR_USAGE, "\"%s\" cannot be the name of a folder", printable);
}

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

static bool starts_as_query(const char *text)
{
    static const char words[] = "SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE";
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    struct token token = lexer_next_solid(&lexer);
    while (token.type == TOKEN_SYMBOL && token.span.at[0] == '(')
        token = lexer_next_solid(&lexer);
    return token.type == TOKEN_WORD && match_word(&token, (struct span){words, strlen(words)});
}

/* Pawl's own, and what tools ask of the catalogs, name these with a dot behind. */
static bool is_of_a_tool(const char *text, const char *ledger)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    struct span name = {0};
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return false;
        const bool dot = token.type == TOKEN_SYMBOL && token.span.at[0] == '.';
        if (dot && name.len > 0) {
            const bool quoted = name.at[0] == '"';
            const struct span plain = {name.at + quoted, name.len - 2 * (size_t)quoted};
            if (span_is(plain, ledger) || span_is_nocase(plain, "pg_catalog") ||
                span_is_nocase(plain, "information_schema") ||
                span_is_nocase(plain, "pg_stat_statements"))
                return true;
        }
        const bool is_name = token.type == TOKEN_WORD || token.type == TOKEN_NAME;
        name = is_name ? token.span : (struct span){0};
    }
}

/* A constant behind the name of its type is normalised to what no server reads: interval $1. */
static void put_repaired(struct str *out, const char *text)
{
    static const char types[] = "interval|date|timestamp|timestamptz|time";
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    struct token last = {0};
    size_t copied = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            break;
        if (token.type == TOKEN_PARAMETER && last.type == TOKEN_WORD &&
            match_word(&last, (struct span){types, strlen(types)})) {
            str_append(out, text + copied, last.start - copied);
            str_append(out, token.span.at, token.span.len);
            str_puts(out, "::");
            str_append(out, last.span.at, last.span.len);
            copied = token.start + token.span.len;
        }
        last = token;
    }
    str_puts(out, text + copied);
}

/* ---- writing ---- */

static bool write_file(struct cli *cli, const char *release, const struct str *text, size_t count,
                       struct err *err)
{
    const struct value *const setting = &cli->config.values[SETTING_QUERIES];
    const char *const folder =
        fs_join(&cli->arena, config_folder_of(&cli->config, setting), setting->text);
    const char *const own = folder != NULL ? fs_join(&cli->arena, folder, release) : NULL;
    const char *const path = own != NULL ? fs_join(&cli->arena, own, "captured.sql") : NULL;
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

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    CLEANUP(str_release) struct str text = {0};
    const char *const release = cli_option(cli, "release");
    const char *schema;
    size_t count = 0, hidden = 0;
    struct rows rows;
    if (cli->url.engine == ENGINE_SQLITE)
        return err_set(err, ERR_USAGE, "`pawl capture` is for PostgreSQL");
    if (!check_release(cli, release, err) || !session_open(cli, false, &session, err) ||
        !find_view(cli, session.ledger.pg, &schema, err))
        return false;
    if (schema == NULL)
        return no_view(err);
    if (!read_texts(cli, session.ledger.pg, schema, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const char *const query = rows_get(&rows, i, 0);
        hidden += is_hidden(query);
        if (!starts_as_query(query) || is_of_a_tool(query, session.target.name))
            continue;
        put_repaired(&text, query);
        str_puts(&text, "\n;\n\n");
        count++;
    }
    if (hidden > 0)
        output_chat(&cli->output, "some statements are hidden from this role: it needs "
                                  "pg_read_all_stats to see those of others");
    return write_file(cli, release, &text, count, err);
}

static const struct option options[] = {
    {.name = "release", .argument = "R", .text = "whose statements they are"},
};

static const struct example examples[] = {
    {"pawl capture --release 1.24", "writes queries/1.24/captured.sql"},
};

const struct command command_capture = {
    .name = "capture",
    .group = GROUP_CHECK,
    .summary = "write down the statements that the target has seen, for `pawl compat`",
    .usage = "",
    .about = "Takes the texts of pg_stat_statements, which have $1 in place of values, for the\n"
             "target's database: queries and changes of rows, without those of pawl and of the\n"
             "catalogs. The file queries/RELEASE/captured.sql is written anew, sorted.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
