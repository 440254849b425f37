/* pawl ready: may this code start? */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/readiness.h"
#include "cli/session.h"
#include "live/underway.h"

/* A commit locks a SQLite file for less. */
enum { LOCKED_MS = 1000 };

/* For a probe of a service that does not answer: it may be that a deploy goes on in its container.
 */
static bool ask_deploying(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    const char *what = NULL;
    if (cli_option(cli, "wait") != NULL)
        return err_set(err, ERR_USAGE, "--deploying looks once: it takes no --wait");
    if (!session_open(cli, false, &session, err))
        return false;
    session.wait.deadline_ms = clock_monotonic_ms() + session.target.connect_timeout_ms;
    if (session.ledger.pg != NULL)
        pg_set_wait(session.ledger.pg, &session.wait);
    else
        sqlite_set_patience(session.ledger.sqlite, LOCKED_MS);
    if (!underway_look(&session.ledger, &cli->arena, &what, err)) {
        if (err->code == ERR_BUSY || err->code == ERR_FAILED)
            err->code = ERR_UNREACHABLE; /* no answer, or none for this role */
        return false;
    }
    output_result(&cli->output, what != NULL ? "a deploy is in progress: %s\n" : "%s\n",
                  what != NULL ? what : "no deploy is in progress");
    cli_result(cli, "deploying", json_boolean(what != NULL));
    cli_result(cli, "reason", cli_json_text(what != NULL ? what : "no deploy is in progress"));
    cli->outcome = what != NULL ? ERR_NONE : ERR_NOT_READY;
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    if (cli_flag(cli, "deploying"))
        return ask_deploying(cli, err);
    CLEANUP(readiness_close) struct readiness readiness = {0};
    struct ready_patience patience = {0};
    if (!session_duration(cli, "wait", 0, &patience.wait_ms, err) ||
        !readiness_open(cli, &readiness, err) || !readiness_ask(&readiness, &patience, err))
        return false;
    readiness_report(cli, &readiness.result, "wait: pawl ready --wait 2m");
    return true;
}

static const struct option options[] = {
    {.name = "wait", .argument = "D", .text = "how long to wait for a deploy: 30s, 2m"},
    {.name = "release", .argument = "R", .text = "the release that asks, for the answer"},
    {.name = "deploying", .text = "ask whether a deploy is in progress, for a probe: 0 yes, 4 no"},
};

static const struct example examples[] = {
    {"pawl ready", "exit code 0: this code may start"},
    {"pawl ready --wait 2m && exec ./server", "waits for the deploy, then starts the service"},
    {"pawl ready --deploying", "exit code 0: a deploy is in progress, do not stop it"},
    {"pawl ready --json", "says which migrations are missing, for a script"},
};

const struct command command_ready = {
    .name = "ready",
    .group = GROUP_LIVE,
    .summary = "ask whether this code may start on the target",
    .usage = "",
    .about =
        "Reads pawl.sum where there is one (a container may ship it alone), else the migrations,\n"
        "and looks into the ledger once. It never writes. Exit codes: 0 ready, 4 not yet, 6 never.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
