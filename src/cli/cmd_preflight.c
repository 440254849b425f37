/* pawl preflight: the release checklist, asked of a target. */
#include "cli/commands.h"
#include "cli/preflight_text.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"

struct checklist {
    struct workspace workspace;
    struct deploy_options options;
    struct deploy_result result;
    struct session session;
};

static void close_checklist(struct checklist *checklist)
{
    session_close(&checklist->session);
}

static bool prepare(struct cli *cli, struct checklist *list, struct err *err)
{
    if (!workspace_load(cli, &list->workspace, err) ||
        !session_check_dialect(cli, cli->url.engine,
                               list->workspace.options.dialect == DIALECT_SQLITE, err) ||
        !prepare_sum(&cli->arena, &list->workspace.set, list->workspace.sum_path, err))
        return false;
    prepare_deploy(&cli->config, &cli->target, &list->options);
    list->options.set = &list->workspace.set;
    list->options.plan.to = cli_option(cli, "to");
    list->options.release = session_release(cli);
    list->options.dry_run = true;
    list->session.wait = (struct wait){.cancel_fd = -1};
    prepare_target(&cli->config, &cli->target, &cli->url, false, &list->session.target);
    return stop_watch(&list->session.wait.cancel_fd, err);
}

static void report_pending(struct cli *cli, const struct plan *plan)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < plan->items.count; i++)
        if (json_array_append_new(array, cli_json_text(plan->items.items[i].migration->id)) != 0) {
            json_decref(array);
            array = NULL;
        }
    cli_result(cli, "pending", array);
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(close_checklist) struct checklist list = {0};
    CLEANUP(err_release) struct err print = {0};
    if (!prepare(cli, &list, err))
        return false;
    const bool ok =
        preflight_run(&cli->arena, &list.session.target, &list.session.wait, &list.session.ledger,
                      &list.options, &list.result, &cli->findings, err);
    report_pending(cli, &list.result.plan);
    cli_result(cli, "head", cli_json_text(list.result.head));
    cli_result(cli, "lines", preflight_json(&list.result.preflight));
    return preflight_print(cli, &list.result.preflight, &print) ? ok : ok && err_nomem(err);
}

static const struct option options[] = {
    {.name = "to",
     .argument = "ID",
     .text = "as if only this and what is before it were deployed",
     .offers = OFFER_MIGRATIONS},
    {.name = "release", .argument = "R", .text = "the release that is to be deployed"},
};

static const struct example examples[] = {
    {"pawl preflight --target production", "asks before a release whether it can go out"},
    {"pawl preflight --json", "the same for a pipeline: exit code 0, or what a deploy ends with"},
};

const struct command command_preflight = {
    .name = "preflight",
    .group = GROUP_CHECK,
    .summary = "go through the release checklist on a target",
    .usage = "",
    .about =
        "Asks a target, and what is pending for it, all that should be known before a deploy: a\n"
        "line each with a mark, what was found and what to do about it. Changes nothing. A deploy\n"
        "begins with the same questions where their answer can stop it. Exits 0 without errors,\n"
        "else with what a deploy would end with: 3 refused, 5 reserved, 8 or 9.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .finds = true,
    .run = run,
};
