/* `pawl probe`: whether the rows that are there let the pending migrations through. */
#include "check/allow.h"
#include "check/probe/probe.h"
#include "cli/commands.h"
#include "cli/pending.h"
#include "cli/probe_text.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "deploy/prepare.h"
#include "deploy/probe_plan.h"

static void show_progress(void *context, const struct probe *probe, size_t number, size_t count)
{
    struct progress *const progress = context;
    CLEANUP(str_release) struct str text = {0};
    str_printf(&text, "probe %zu of %zu: %s", number + 1, count, probe->subject);
    if (progress->live || progress_log_is_due(progress))
        progress_show(progress, progress->live, str_text(&text));
}

static bool ask(struct cli *cli, struct session *session, const struct plan *plan,
                struct probes *ret, struct err *err)
{
    struct probe_options options;
    struct progress progress = progress_start(&cli->output);
    prepare_probe(&cli->config, &cli->target, &options);
    if (!session_duration(cli, "timeout", options.timeout_ms, &options.timeout_ms, err))
        return false;
    const bool asked = probe_plan(&cli->arena, session->ledger.pg, plan, &options, show_progress,
                                  &progress, ret, err);
    progress_clear(&progress);
    return asked;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct deploy_result result = {0};
    struct probes probes = {0};
    CLEANUP(session_close) struct session session = {0};
    if (!workspace_load(cli, &workspace, err) ||
        !pending_read(cli, &workspace, &session, &result, err))
        return false;
    if (session.ledger.pg == NULL)
        output_chat(&cli->output, "probes are for PostgreSQL: SQLite checks rows when it changes "
                                  "them, and `pawl rehearse` tries it on a copy");
    else if (!ask(cli, &session, &result.plan, &probes, err))
        return false;
    cli_result(cli, "probes", probes_json(&cli->arena, &probes));
    if (!probes_say(cli, &probes, cli_flag(cli, "queries"), err))
        return false;
    probe_report(&cli->arena, &probes, &cli->findings);
    if (cli_flag(cli, "write-repair") && !probes_write_repairs(cli, &workspace, &probes, err))
        return false;
    return allow_apply(&cli->arena, &workspace.set, ALLOW_OF_NONE, &cli->findings, err) &&
           summary_tell(cli, result.plan.items.count, "pending migration", "", err);
}

static const struct option options[] = {
    {.name = "to",
     .argument = "ID",
     .text = "probe up to this migration",
     .offers = OFFER_MIGRATIONS},
    {.name = "timeout",
     .argument = "DURATION",
     .text = "the time limit of each query (default: probe_timeout)"},
    {.name = "queries", .text = "show the queries too"},
    {.name = "write-repair",
     .text = "write a data migration that mends the rows, to be read first"},
};

static const struct example examples[] = {
    {"pawl probe", "asks the target whether its rows let the pending migrations through"},
    {"pawl probe --target production --timeout 5m", "for large tables"},
    {"pawl probe --write-repair", "writes the migration that mends what is in the way"},
};

const struct command command_probe = {
    .name = "probe",
    .group = GROUP_CHECK,
    .summary = "ask the data whether the pending migrations will go through",
    .usage = "",
    .about =
        "For each pending statement that can fail on existing rows (foreign keys, unique and\n"
        "primary keys, NOT NULL, CHECK, EXCLUDE, new types, domains, partitions, DROP) the rows\n"
        "that it would fail on are looked for, before anything is changed: how many, which, and\n"
        "what would mend them. Every query is read-only and has a time limit. Exits 3 when\n"
        "there are such rows.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .finds = true,
    .run = run,
};
