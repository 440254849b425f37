/* pawl ready: may this code start? */
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"
#include "live/await.h"
#include "live/source.h"

static json_t *json_names(const struct ready_names *names)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < names->count; i++)
        (void)json_array_append_new(array, cli_json_text(names->items[i]));
    return array;
}

static void report(struct cli *cli, const struct ready_result *result, const char *release)
{
    static const char *const words[] = {
        [READY_YES] = "ready", [READY_WAIT] = "not ready", [READY_NEVER] = "never ready"};
    static const enum err_code outcomes[] = {
        [READY_YES] = ERR_NONE, [READY_WAIT] = ERR_NOT_READY, [READY_NEVER] = ERR_NEVER_READY};
    static const char *const next[] = {
        [READY_YES] = NULL,
        [READY_WAIT] = "deploy this code's migrations (pawl deploy), or wait: pawl ready --wait 2m",
        [READY_NEVER] = "start newer code: this code cannot work with the schema as it is now",
    };
    output_result(&cli->output, "%s: %s\n", words[result->verdict], result->reason);
    if (next[result->verdict] != NULL)
        output_chat(&cli->output, "next: %s", next[result->verdict]);
    for (size_t i = 0; i < result->edited.count; i++)
        output_chat(&cli->output, "warning: \"%s\" was edited after it was applied",
                    result->edited.items[i]);
    cli_result(cli, "ready", json_boolean(result->verdict == READY_YES));
    cli_result(cli, "verdict", cli_json_text(words[result->verdict]));
    cli_result(cli, "reason", cli_json_text(result->reason));
    cli_result(cli, "next", cli_json_text(next[result->verdict]));
    cli_result(cli, "release", cli_json_text(release));
    cli_result(cli, "missing", json_names(&result->missing));
    cli_result(cli, "passed", json_names(&result->passed));
    cli_result(cli, "edited", json_names(&result->edited));
    cli->outcome = outcomes[result->verdict];
}

static bool run(struct cli *cli, struct err *err)
{
    struct set_options options;
    struct source source;
    struct ledger_options target;
    struct wait wait = {.cancel_fd = -1};
    struct ready_result result = {0};
    CLEANUP(arena_release) struct arena answer = {0};
    int64_t wait_ms = 0;
    if (!session_duration(cli, "wait", 0, &wait_ms, err) ||
        !workspace_options(cli, &options, err) ||
        !source_open(&cli->arena, &options, &source, err) ||
        !session_check_dialect(cli, cli->url.engine, source.ready.dialect == DIALECT_SQLITE, err))
        return false;
    prepare_target(&cli->config, &cli->target, &cli->url, false, &target);
    if (!stop_watch(&wait.cancel_fd, err) ||
        !ready_await(&answer, &target, &wait, &source.ready, wait_ms, &result, err))
        return false;
    report(cli, &result, session_release(cli));
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
