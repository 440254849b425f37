/* pawl adopt: a database that other means brought to where it is gets a ledger. */
#include "adopt/adopt.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/workspace.h"

static bool demand_scheme(struct cli *cli, struct err *err)
{
    if (set_demand_scheme(&cli->findings, err))
        return true;
    cli->findings.count = 0; /* the error says it */
    return false;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct adopt_result result = {0};
    CLEANUP(session_close) struct session session = {0};
    const char *const as_of = cli_option(cli, "as-of");
    if (as_of == NULL) {
        (void)err_set(err, ERR_USAGE, "--as-of ID is needed");
        err_hint(err, "ID is the last migration that the database has; none: it has no migration.");
        return false;
    }
    if (!workspace_load(cli, &workspace, err) || !demand_scheme(cli, err) ||
        !session_check_dialect(cli, cli->url.engine, workspace.options.dialect == DIALECT_SQLITE,
                               err) ||
        !session_open(cli, true, &session, err) ||
        !adopt_run(&cli->arena, &session.ledger, &workspace.set, as_of, &cli->findings, &result,
                   err))
        return false;
    cli_result(cli, "adopted", json_integer((json_int_t)result.adopted));
    cli_result(cli, "head", cli_json_text(result.head));
    output_result(&cli->output, "%zu migration%s recorded as done; nothing was run\nledger at %s\n",
                  result.adopted, result.adopted == 1 ? "" : "s", result.head);
    cli->findings.count = 0; /* odd names of what is done already stop nothing */
    return true;
}

static const struct option options[] = {
    {.name = "as-of",
     .argument = "ID",
     .text = "the last migration that is done, or none",
     .choices = "none",
     .offers = OFFER_MIGRATIONS},
};

static const struct example examples[] = {
    {"pawl adopt --as-of 20250703075850_add_token_storage", "records it and all before it as done"},
    {"pawl adopt --as-of none", "an empty ledger beside other people's tables"},
};

const struct command command_adopt = {
    .name = "adopt",
    .group = GROUP_ACT,
    .summary = "put an existing database under a ledger",
    .usage = "--as-of ID|none",
    .about = "Writes one row for each migration that is done already. No migration is run.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
