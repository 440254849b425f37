/* `pawl rehearse`: the pending migrations, run in a copy of the target. */
#include <string.h>

#include "cli/attesting.h"
#include "cli/commands.h"
#include "cli/rehearsal.h"
#include "conf/value.h"

enum { DEFAULT_ROWS = 1000, MAX_ROWS = 100000000 };
static const int64_t default_max_bytes = (int64_t)1 << 30;

/* ---- options ---- */

static bool read_rows(const char *text, int64_t *ret)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    *ret = strtoll(text, &end, 10); /* what is too large becomes the largest */
    return *end == '\0' && *ret > 0 && *ret <= MAX_ROWS;
}

static bool read_data(const char *text, enum shadow_data *ret)
{
    static const char *const words[] = {"none", "sample", "full"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum shadow_data)i; /* in the order of the words */
            return true;
        }
    return false;
}

static bool read_options(const struct cli *cli, struct rehearsal_options *ret, struct err *err)
{
    const char *const rows = cli_option(cli, "rows"), *const size = cli_option(cli, "max-size");
    const char *const data = cli_option(cli, "data");
    *ret = (struct rehearsal_options){
        .on = cli_option(cli, "on"),
        .rows = {.per_table = DEFAULT_ROWS, .max_bytes = default_max_bytes},
        .keep = cli_flag(cli, "keep"),
    };
    if (ret->on != NULL && ret->on[0] == '\0')
        return err_set(err, ERR_USAGE, "--on names no server");
    if (data != NULL && !read_data(data, &ret->rows.data))
        return err_set(err, ERR_USAGE, "--data takes none, sample or full, not \"%s\"", data);
    if (rows != NULL && !read_rows(rows, &ret->rows.per_table))
        return err_set(err, ERR_USAGE, "--rows takes a number from 1 to %d, not \"%s\"", MAX_ROWS,
                       rows);
    if (size != NULL && !value_read_size(size, &ret->rows.max_bytes))
        return err_set(err, ERR_USAGE, "--max-size takes a size such as 500MB or 20GB, not \"%s\"",
                       size);
    if (rows != NULL && ret->rows.data != SHADOW_SAMPLE)
        return err_set(err, ERR_USAGE, "--rows is for --data sample");
    return (size == NULL || ret->rows.data == SHADOW_ALL_ROWS) ||
           err_set(err, ERR_USAGE, "--max-size is for --data full");
}

static bool check_engine(const struct cli *cli, struct err *err)
{
    static const char *const options[] = {"on", "data", "rows", "max-size"};
    for (size_t i = 0; cli->url.engine == ENGINE_SQLITE && i < COUNT_OF(options); i++)
        if (cli_option(cli, options[i]) != NULL)
            return err_set(err, ERR_USAGE, "a SQLite file is copied whole: --%s is for PostgreSQL",
                           options[i]);
    return true;
}

/* ---- the report ---- */

static bool add_finding(struct cli *cli, const struct rehearsal *rehearsal, struct err *err)
{
    const struct err *const failure = &rehearsal->failure;
    const bool has_state = failure->sqlstate[0] != '\0';
    const char *const what = arena_printf(
        &cli->arena, "it fails in the rehearsal: %s%s%s%s%s%s", failure->message,
        failure->detail != NULL ? ": " : "", failure->detail != NULL ? failure->detail : "",
        has_state ? " (SQLSTATE " : "", failure->sqlstate, has_state ? ")" : "");
    if (what == NULL)
        return err_nomem(err);
    finding_add(&cli->arena, &cli->findings,
                &(struct finding){.rule = "fails-rehearsal",
                                  .severity = SEVERITY_ERROR,
                                  .file = failure->file,
                                  .line = failure->line,
                                  .column = failure->column,
                                  .what = what,
                                  .fix = failure->hint});
    return true;
}

static bool tell_outcome(struct cli *cli, const struct rehearsal *rehearsal, struct err *err)
{
    const struct rehearsed *failed = NULL;
    for (size_t i = 0; i < rehearsal->migrations.count; i++)
        if (rehearsal->migrations.items[i].outcome == REHEARSED_FAILED)
            failed = &rehearsal->migrations.items[i];
    if (rehearsal->migrations.count == 0) {
        cli->summary = "nothing is pending";
        return true;
    }
    if (failed == NULL) {
        cli->summary =
            arena_printf(&cli->arena, "rehearsed %zu pending migration%s: no failure",
                         rehearsal->migrations.count, rehearsal->migrations.count == 1 ? "" : "s");
        return cli->summary != NULL || err_nomem(err);
    }
    if (!add_finding(cli, rehearsal, err))
        return false;
    (void)err_set(err, ERR_FAILED, "the rehearsal fails in \"%s\"", failed->migration->id);
    err_state(err, "Nothing was changed in the target.");
    return false;
}

static bool report(struct cli *cli, const struct rehearsal *rehearsal, struct err *err)
{
    rehearsal_json(cli, rehearsal);
    return (cli_flag(cli, "markdown") ? rehearsal_say_markdown(cli, rehearsal, err)
                                      : rehearsal_say(cli, rehearsal, err)) &&
           tell_outcome(cli, rehearsal, err);
}

/* ---- the command ---- */

static bool rehearse(struct cli *cli, struct attesting *attesting, struct err *err)
{
    struct workspace workspace;
    struct deploy_result result = {0};
    struct rehearsal_options options;
    CLEANUP(rehearsal_release) struct rehearsal rehearsal = {0};
    CLEANUP(session_close) struct session session = {0};
    if (!read_options(cli, &options, err) || !check_engine(cli, err) ||
        !workspace_load(cli, &workspace, err) ||
        !attesting_set(cli, attesting, &workspace.set, err) ||
        !pending_read(cli, &workspace, &session, &result, err) ||
        !attesting_plan(cli, attesting, &result, err))
        return false;
    cli->findings.count = 0; /* names and directives are for `pawl check` */
    if (result.plan.items.count > 0 &&
        (session.ledger.pg != NULL
             ? !rehearsal_postgres(cli, &session, &result, &options, &rehearsal, err)
             : !rehearsal_sqlite(cli, &workspace, &session, &result, &options, &rehearsal, err)))
        return false;
    attesting->asked = true;
    return report(cli, &rehearsal, err);
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(attesting_release) struct attesting attesting = {0};
    return attesting_start(cli, ATTESTED_REHEARSE, &attesting, err) &&
           attesting_end(cli, &attesting, rehearse(cli, &attesting, err), err);
}

static const struct option options[] = {
    {.name = "on",
     .argument = "WHERE",
     .text = "the server for the copy: a URL, local for one that is started for the run, target "
             "for the target's own"},
    {.name = "data",
     .argument = "ROWS",
     .text = "which rows of the target the copy has",
     .choices = "none|sample|full"},
    {.name = "rows", .argument = "N", .text = "how many of each table a sample has; else 1000"},
    {.name = "max-size",
     .argument = "SIZE",
     .text = "how large the tables may be that --data full copies; else 1GB"},
    {.name = "to",
     .argument = "ID",
     .text = "rehearse up to this migration",
     .offers = OFFER_MIGRATIONS},
    PENDING_PHASE_OPTION,
    ATTEST_OPTION,
    {.name = "markdown", .text = "as a page to paste into a pull request"},
    {.name = "keep", .text = "leave the copy, and say how to connect to it"},
};

static const struct example examples[] = {
    {"pawl rehearse", "runs what is pending in an empty copy of the schema"},
    {"pawl rehearse --data sample", "with some rows of each table, and what they refer to"},
    {"pawl rehearse --on target --data full --max-size 20GB",
     "with all rows, in a scratch database on the target's server"},
};

const struct command command_rehearse = {
    .name = "rehearse",
    .group = GROUP_CHECK,
    .summary = "run what is pending in a copy of the target",
    .usage = "",
    .about = "Makes a scratch database with the target's schema, and rows of it if asked to, and\n"
             "applies the pending migrations there as a deploy would: what fails, which locks are\n"
             "taken, what is written anew, how long it takes, and how the schema changes. The\n"
             "target is only read. A SQLite file is copied. Exits 1 when a migration fails.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .finds = true,
    .run = run,
};
