/* pawl ready: may this code start? */
#include "cli/commands.h"
#include "cli/readiness.h"
#include "cli/session.h"

static bool run(struct cli *cli, struct err *err)
{
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
};

static const struct example examples[] = {
    {"pawl ready", "exit code 0: this code may start"},
    {"pawl ready --wait 2m && exec ./server", "waits for the deploy, then starts the service"},
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
