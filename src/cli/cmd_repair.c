/* pawl repair: a correction, recorded with its reason. */
#include "adopt/repair.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/workspace.h"

struct form {
    const char *option;
    enum repair_kind kind;
    size_t words; /* that follow the option's own argument */
};

static const struct form forms[] = {
    {"accept-break", REPAIR_ACCEPT_BREAK, 0},
    {"accept-edit", REPAIR_ACCEPT_EDIT, 0},
    {"renamed", REPAIR_RENAMED, 1},
    {"new", REPAIR_NEW, 0},
};

static bool read_form(struct cli *cli, struct repair *ret, struct err *err)
{
    const struct form *form = NULL;
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (cli_option(cli, forms[i].option) != NULL) {
            if (form != NULL)
                return err_set(err, ERR_USAGE, "--%s and --%s do not go together", form->option,
                               forms[i].option);
            form = &forms[i];
        }
    if (form == NULL) {
        (void)err_set(err, ERR_USAGE, "what to repair is not said");
        err_hint(err, "`pawl repair --help` shows the forms.");
        return false;
    }
    if (cli->words.count != form->words)
        return err_set(err, ERR_USAGE, "--%s takes %s", form->option,
                       form->words == 1 ? "two ids: OLD NEW" : "one argument");
    *ret = (struct repair){.kind = form->kind,
                           .first = cli_option(cli, form->option),
                           .second = form->words > 0 ? cli->words.items[0] : NULL,
                           .reason = cli_option(cli, "reason")};
    if (ret->reason != NULL && ret->reason[0] != '\0')
        return true;
    (void)err_set(err, ERR_USAGE, "--reason TEXT is needed: it goes into the ledger");
    return false;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct repair repair;
    struct repair_result result = {0};
    CLEANUP(session_close) struct session session = {0};
    if (!read_form(cli, &repair, err) || !workspace_load(cli, &workspace, err) ||
        !session_check_dialect(cli, cli->url.engine, workspace.options.dialect == DIALECT_SQLITE,
                               err) ||
        !session_open(cli, true, &session, err) ||
        !repair_run(&cli->arena, &session.ledger, &workspace.set, &repair, &result, err))
        return false;
    cli->findings.count = 0; /* what the folder's check finds is not asked here */
    cli_result(cli, "proof", cli_json_text(result.proof));
    cli_result(cli, "head", cli_json_text(result.head));
    output_result(&cli->output, "recorded: %s\nledger at %s\n", result.proof, result.head);
    return true;
}

static const struct option options[] = {
    {.name = "renamed", .argument = "OLD", .text = "OLD NEW: the file NEW is the applied OLD"},
    {.name = "new",
     .argument = "ID",
     .text = "the file is no rename, whatever its content",
     .offers = OFFER_MIGRATIONS},
    {.name = "accept-edit",
     .argument = "ID",
     .text = "both texts of the migration do the same",
     .offers = OFFER_MIGRATIONS},
    {.name = "accept-break", .argument = "SEQ", .text = "the chain's break at SEQ is understood"},
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger"},
};

static const struct example examples[] = {
    {"pawl repair --accept-edit 20250703075850_add_token_storage --reason 'comment in a string'",
     "gives the migration a second checksum"},
    {"pawl repair --accept-break 12 --reason 'row restored by hand, see ticket 80'",
     "lets deploys go on after the break was looked into"},
};

const struct command command_repair = {
    .name = "repair",
    .group = GROUP_ACT,
    .summary = "record a correction in the ledger, with its reason",
    .usage = "",
    .about = "Looks for the proof that the correction is right, prints it, and adds a row. No row\n"
             "is ever changed.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 1,
    .word_offers = OFFER_MIGRATIONS,
    .needs = NEEDS_TARGET,
    .run = run,
};
