/* pawl repair: a correction, recorded with its reason. */
#include <stdio.h>
#include <unistd.h>

#include "adopt/repair.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/workspace.h"

struct form {
    const char *option;
    enum repair_kind kind;
    size_t words; /* that follow the option's own argument */
    bool reason;  /* one must be given */
};

static const struct form forms[] = {
    {"accept-break", REPAIR_ACCEPT_BREAK, 0, true},
    {"accept-edit", REPAIR_ACCEPT_EDIT, 0, true},
    {"renamed", REPAIR_RENAMED, 1, false},
    {"new", REPAIR_NEW, 0, false},
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
                           .second = form->words > 0 ? cli->words.items[0] : NULL};
    return session_reason(cli, form->reason, &ret->reason, err);
}

static json_t *json_facts(const struct repair_found *found)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < found->facts.count; i++)
        (void)json_array_append_new(array, cli_json_text(found->facts.items[i]));
    return array;
}

static void show(struct cli *cli, const struct repair_found *found)
{
    output_result(&cli->output, "found: %s\n", found->proof);
    for (size_t i = 0; i < found->facts.count; i++)
        output_result(&cli->output, "  %s\n", found->facts.items[i]);
    if (found->diff != NULL)
        output_result(&cli->output, "%s", found->diff);
    cli_result(cli, "proof", cli_json_text(found->proof));
    cli_result(cli, "facts", json_facts(found));
    cli_result(cli, "diff", cli_json_text(found->diff));
}

/* A row stays for ever. Only who sits before a terminal is asked; a script has said it. */
static bool confirm(struct cli *cli, struct err *err)
{
    char answer[16] = "";
    if (cli_flag(cli, "yes") || cli->output.json || isatty(STDIN_FILENO) != 1 ||
        isatty(STDERR_FILENO) != 1)
        return true;
    if (!output_flush(err))
        return false;
    (void)fputs("Record this? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    (void)err_set(err, ERR_REFUSED, "not recorded");
    err_state(err, "Nothing was changed.");
    return false;
}

static bool record(struct cli *cli, struct session *session, const struct repair_found *found,
                   struct err *err)
{
    const char *head = NULL;
    const bool skip = found->recorded || cli_flag(cli, "dry-run");
    if (!skip &&
        (!confirm(cli, err) || !repair_record(&cli->arena, &session->ledger, found, &head, err)))
        return false;
    cli_result(cli, "recorded", json_boolean(!skip));
    cli_result(cli, "head", cli_json_text(head));
    if (skip)
        output_result(&cli->output,
                      found->recorded ? "nothing to record\n" : "dry run: nothing was recorded\n");
    else
        output_result(&cli->output, "recorded; ledger at %s\n", head);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct repair repair;
    struct repair_found found = {0};
    CLEANUP(session_close) struct session session = {0};
    if (!read_form(cli, &repair, err) || !workspace_load(cli, &workspace, err) ||
        !session_check_dialect(cli, cli->url.engine, workspace.options.dialect == DIALECT_SQLITE,
                               err) ||
        !session_open(cli, !cli_flag(cli, "dry-run"), &session, err))
        return false;
    cli->findings.count = 0; /* what the folder's check finds is not asked here */
    if (!repair_find(&cli->arena, &session.ledger, &workspace.set, &repair, &found, err))
        return false;
    show(cli, &found);
    return record(cli, &session, &found, err);
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
    {.name = "dry-run", .text = "only show the proof"},
    {.name = "yes", .letter = 'y', .text = "do not ask on a terminal"},
};

static const struct example examples[] = {
    {"pawl repair --renamed 20250703075850_old 20250703075850_new",
     "where a deploy asks which of two readings is meant"},
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
             "is ever changed. On a terminal it asks first.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 1,
    .word_offers = OFFER_MIGRATIONS,
    .needs = NEEDS_TARGET,
    .run = run,
};
