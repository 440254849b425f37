/* `pawl check`: the review for CI. */
#include <string.h>

#include "base/clock.h"
#include "check/check.h"
#include "cli/commands.h"
#include "cli/workspace.h"

/* "2 errors", "1 warning". */
static const char *count_of(struct cli *cli, size_t count, const char *noun)
{
    return arena_printf(&cli->arena, "%zu %s%s", count, noun, count == 1 ? "" : "s");
}

static void report_base(struct cli *cli, const struct base *base)
{
    cli_result(cli, "base",
               json_pack("{so so so si}", "ref", cli_json_text(base->ref), "commit",
                         cli_json_text(base->tip), "merge_base", cli_json_text(base->fork),
                         "migrations", (int)base->tip_index.count));
    if (base->tip_index.count == 0)
        output_chat(&cli->output, "\"%s\" has no migrations in this folder", base->ref);
}

static bool summarise(struct cli *cli, const struct set *set, struct err *err)
{
    const size_t errors = findings_count(&cli->findings, SEVERITY_ERROR);
    const size_t warnings = findings_count(&cli->findings, SEVERITY_WARNING);
    const char *const files = count_of(cli, set->count + set->odd.count, "migration");
    const char *const errors_text = count_of(cli, errors, "error");
    const char *const warnings_text = count_of(cli, warnings, "warning");
    if (files == NULL || errors_text == NULL || warnings_text == NULL)
        return err_nomem(err);
    cli_result(cli, "migrations", json_integer((json_int_t)(set->count + set->odd.count)));
    cli_result(cli, "errors", json_integer((json_int_t)errors));
    cli_result(cli, "warnings", json_integer((json_int_t)warnings));
    if (errors > 0) {
        (void)err_set(err, ERR_REFUSED, "%s, %s", errors_text, warnings_text);
        err_hint(err, "`pawl explain RULE` says what a rule is about.");
        return false;
    }
    if (cli->findings.count == 0)
        output_result(&cli->output, "checked %s: no findings\n", files);
    else
        output_result(&cli->output, "checked %s: no errors, %s\n", files, warnings_text);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct base base = {0};
    if (!workspace_load(cli, &workspace, err))
        return false;
    const struct check_options options = {
        .files = &workspace.options,
        .sum_path = workspace.sum_path,
        .now_epoch_s = clock_utc_us() / 1000000,
        .base = cli_option(cli, "base"),
        .out_of_order_applies = strcmp(cli->config.values[SETTING_OUT_OF_ORDER].text, "apply") == 0,
    };
    if (!check_run(&cli->arena, &workspace.set, &options, &base, &cli->findings, err))
        return false;
    if (options.base != NULL)
        report_base(cli, &base);
    return summarise(cli, &workspace.set, err);
}

static const struct option options[] = {
    {.name = "base",
     .argument = "GITREF",
     .text = "compare with this branch, tag or commit: the one to merge into"},
};

static const struct example examples[] = {
    {"pawl check", "reviews all migrations"},
    {"pawl check --base origin/main", "for CI: also what a branch edited, removed or added late"},
};

const struct command command_check = {
    .name = "check",
    .group = GROUP_CHECK,
    .summary = "review the migrations without a database",
    .usage = "",
    .about =
        "Checks names, order, directives, statements and pawl.sum. With --base it also refuses\n"
        "what may be applied already and was edited or removed, and what would come too late.\n"
        "Exits 3 when there is an error. A file may allow a rule, and says why:\n"
        "  -- pawl: allow=RULE reason=\"...\"",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .finds = true,
    .run = run,
};
