/* pawl maintenance: a state that shows, and stops nothing. */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "ledger/look.h"
#include "live/announce.h"

static void report(struct cli *cli, const struct maintenance *maintenance)
{
    char since[CLOCK_ISO_BYTES];
    clock_format_us(maintenance->since_us, since);
    cli_result(cli, "on", json_boolean(maintenance->on));
    cli_result(cli, "since", cli_json_text(maintenance->since_us != 0 ? since : NULL));
    cli_result(cli, "user", cli_json_text(maintenance->user));
    cli_result(cli, "host", cli_json_text(maintenance->host));
    cli_result(cli, "reason", cli_json_text(maintenance->reason));
    clock_format_s(maintenance->since_us, since);
    if (maintenance->on)
        output_result(&cli->output, "maintenance is on since %s, by %s on %s: %s\n", since,
                      maintenance->user != NULL ? maintenance->user : "?",
                      maintenance->host != NULL ? maintenance->host : "?",
                      maintenance->reason != NULL ? maintenance->reason : "?");
    else
        output_result(&cli->output, "maintenance is off\n");
}

static bool show(struct cli *cli, struct session *session, struct err *err)
{
    struct look look;
    if (!session_open(cli, false, session, err) ||
        !look_read(&session->ledger, &cli->arena, &look, err))
        return false;
    report(cli, &look.state.maintenance);
    cli_result(cli, "recorded", json_false());
    cli_result(cli, "head", cli_json_text(look.head));
    return true;
}

/* Off twice is off: nothing is recorded. On again is worth a row, for its reason. */
static bool change(struct cli *cli, struct session *session, bool on, struct err *err)
{
    struct announcer announcer;
    struct look look;
    const char *reason = NULL, *head = NULL;
    if (!session_reason(cli, on, &reason, err) || !session_open(cli, true, session, err) ||
        !announce_open(&cli->arena, &session->ledger, &announcer, err))
        return false;
    const bool recorded = on || announcer.state.maintenance.on;
    if ((recorded && !announce_maintenance(&announcer, on, reason, &head, err)) ||
        !look_read(&session->ledger, &cli->arena, &look, err))
        return false;
    report(cli, &look.state.maintenance);
    cli_result(cli, "recorded", json_boolean(recorded));
    cli_result(cli, "head", cli_json_text(look.head));
    if (recorded)
        output_result(&cli->output, "ledger at %s\n", head);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    const char *const word = cli->words.count > 0 ? cli->words.items[0] : NULL;
    if (word == NULL && cli_option(cli, "reason") == NULL)
        return show(cli, &session, err);
    if (word != NULL && strcmp(word, "on") == 0)
        return change(cli, &session, true, err);
    if (word != NULL && strcmp(word, "off") == 0)
        return change(cli, &session, false, err);
    return err_set(err, ERR_USAGE, "`pawl maintenance` takes on or off");
}

static const struct option options[] = {
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger and for who looks"},
};

static const struct example examples[] = {
    {"pawl maintenance on --reason 'release 1.25, see ticket 80'", "status and ready say so"},
    {"pawl maintenance", "whether it is on, since when and why"},
    {"pawl maintenance off", "back to normal"},
};

const struct command command_maintenance = {
    .name = "maintenance",
    .group = GROUP_LIVE,
    .summary = "say that the target is under maintenance, or ask",
    .usage = "[on|off]",
    .about =
        "A state that `pawl status` and `pawl ready` show. It stops no deploy, and no deploy,\n"
        "failed or not, switches it off.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 1,
    .word_choices = "on|off",
    .needs = NEEDS_TARGET,
    .run = run,
};
