/* `pawl check`: the review for CI. */
#include <string.h>

#include "base/clock.h"
#include "check/fix.h"
#include "check/rules.h"
#include "cli/attesting.h"
#include "cli/commands.h"
#include "cli/summary.h"
#include "cli/workspace.h"

static void report_base(struct cli *cli, const struct base *base)
{
    cli_result(cli, "base",
               json_pack("{so so so si}", "ref", cli_json_text(base->ref), "commit",
                         cli_json_text(base->tip), "merge_base", cli_json_text(base->fork),
                         "migrations", (int)base->tip_index.count));
    if (base->tip_index.count == 0)
        output_chat(&cli->output, "\"%s\" has no migrations in this folder", base->ref);
}

static bool is_fixable(const struct finding *finding, bool with_base)
{
    const struct rule *const rule = rule_find(finding->rule);
    if (finding->severity != SEVERITY_ERROR || rule == NULL)
        return false;
    return finding->meant != NULL || rule->fixer == FIXER_SUM ||
           ((rule->fixer == FIXER_VERSION || rule->fixer == FIXER_PHASE) && with_base);
}

static bool is_any_fixable(const struct cli *cli)
{
    for (size_t i = 0; i < cli->findings.count; i++)
        if (is_fixable(&cli->findings.items[i], cli_option(cli, "base") != NULL))
            return true;
    return false;
}

/* ---- --fix ---- */

/* A document keeps stdout for itself. */
static void say(struct cli *cli, const char *line)
{
    if (cli->output.json)
        output_chat(&cli->output, "%s", line);
    else
        output_result(&cli->output, "%s\n", line);
}

static json_t *json_line(int line)
{
    return line > 0 ? json_integer(line) : json_null();
}

static json_t *json_fix(const struct fix *fix)
{
    if (fix->left != NULL)
        return json_pack("{so so so so}", "rule", cli_json_text(fix->rule), "file",
                         cli_json_text(fix->file), "line", json_line(fix->line), "why",
                         cli_json_text(fix->left));
    return json_pack("{so so so so so so}", "rule", cli_json_text(fix->rule), "file",
                     cli_json_text(fix->file), "line", json_line(fix->line), "new_line",
                     json_line(fix->new_line), "old", cli_json_text(fix->old), "new",
                     cli_json_text(fix->new));
}

static json_t *json_fixes(const struct fixes *fixes)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < fixes->count; i++)
        if (json_array_append_new(array, json_fix(&fixes->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* One line for each thing that was done. */
static const char *done_line(struct cli *cli, const struct fix *fix, const char *place,
                             const char *new)
{
    if (fix->new == NULL)
        return arena_printf(&cli->arena, "wrote %s [%s]", place, fix->rule);
    if (fix->line == 0)
        return arena_printf(&cli->arena, "renamed %s to %s [%s]", place, new, fix->rule);
    if (fix->old == NULL)
        return arena_printf(&cli->arena, "added %s: %s [%s]", place, new, fix->rule);
    if (fix->new_line != fix->line)
        return arena_printf(&cli->arena, "moved %s to line %d: %s [%s]", place, fix->new_line, new,
                            fix->rule);
    return arena_printf(&cli->arena, "fixed %s: %s [%s]", place, new, fix->rule);
}

/* No line starts with what others wrote: a log may obey it. */
static const char *diff_lines(struct cli *cli, const struct fix *fix, const char *place,
                              const char *old, const char *new)
{
    if (fix->new == NULL)
        return arena_printf(&cli->arena, "@@ %s [%s]\n~ written anew", place, fix->rule);
    if (fix->old == NULL)
        return arena_printf(&cli->arena, "@@ %s [%s]\n+ %s", place, fix->rule, new);
    if (fix->new_line != fix->line)
        return arena_printf(&cli->arena, "@@ %s [%s]\n- %s\n+ %s (line %d)", place, fix->rule, old,
                            new, fix->new_line);
    return arena_printf(&cli->arena, "@@ %s [%s]\n- %s\n+ %s", place, fix->rule, old, new);
}

static bool report_fix(struct cli *cli, const struct fix *fix, bool dry_run, struct err *err)
{
    const char *const file = output_safe(&cli->arena, fix->file);
    const char *const old = output_safe(&cli->arena, fix->old != NULL ? fix->old : "");
    const char *const new = output_safe(&cli->arena, fix->new != NULL ? fix->new : "");
    const char *place = file;
    if (file != NULL && fix->line > 0)
        place = arena_printf(&cli->arena, "%s:%d", file, fix->line);
    if (place == NULL || old == NULL || new == NULL)
        return err_nomem(err);
    const char *const line = fix->left != NULL ? arena_printf(&cli->arena, "left %s: %s [%s]",
                                                              place, fix->left, fix->rule)
                             : dry_run         ? diff_lines(cli, fix, place, old, new)
                                               : done_line(cli, fix, place, new);
    if (line == NULL)
        return err_nomem(err);
    say(cli, line);
    return true;
}

static bool report_fixes(struct cli *cli, const struct fixes *fixes, bool dry_run, struct err *err)
{
    for (size_t i = 0; i < fixes->count; i++)
        if (!report_fix(cli, &fixes->items[i], dry_run, err))
            return false;
    return true;
}

/* What was done is told also when something failed then; the first error counts. */
static bool fix(struct cli *cli, const struct check_options *options, struct err *err)
{
    const bool dry_run = cli_flag(cli, "dry-run");
    CLEANUP(err_release) struct err later = {0};
    struct fixes done, left;
    const bool ok = fix_run(&cli->arena, options, dry_run, &done, &left, err);
    cli_result(cli, "fixed", json_fixes(&done));
    cli_result(cli, "left", json_fixes(&left));
    const bool told = report_fixes(cli, &done, dry_run, ok ? err : &later) &&
                      report_fixes(cli, &left, dry_run, ok ? err : &later);
    return ok && told;
}

/* ---- the command ---- */

static bool review(struct cli *cli, struct attesting *attesting, struct err *err)
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
    if (cli_flag(cli, "fix")) {
        if (!fix(cli, &options, err))
            return false;
        cli->findings.count = 0;
        if (!workspace_load(cli, &workspace, err))
            return false;
    }
    if (options.base != NULL)
        attesting_about(attesting, "base", cli_json_text(options.base));
    attesting->asked = true;
    if (!attesting_set(cli, attesting, &workspace.set, err) ||
        !check_run(&cli->arena, &workspace.set, &options, &base, &cli->findings, err))
        return false;
    if (options.base != NULL)
        report_base(cli, &base);
    const bool mends = !cli_flag(cli, "fix") && is_any_fixable(cli);
    return summary_tell(cli, workspace.set.count + workspace.set.odd.count, "migration",
                        mends ? "; `pawl check --fix` mends what has one safe correction" : "",
                        err);
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(attesting_release) struct attesting attesting = {0};
    if (cli_flag(cli, "dry-run") && !cli_flag(cli, "fix"))
        return err_set(err, ERR_USAGE, "--dry-run belongs to --fix");
    return attesting_start(cli, ATTESTED_CHECK, &attesting, err) &&
           attesting_end(cli, &attesting, review(cli, &attesting, err), err);
}

static const struct option options[] = {
    {.name = "base",
     .argument = "GITREF",
     .text = "compare with this branch, tag or commit: the one to merge into"},
    {.name = "fix", .text = "mend what can be mended safely, and check again"},
    {.name = "dry-run", .text = "with --fix: only show what it would change"},
    ATTEST_OPTION,
    {.name = "format",
     .argument = "FORMAT",
     .text = "how findings are printed",
     .choices = "human|json|sarif|github|gitlab"},
};

static const struct example examples[] = {
    {"pawl check", "reviews all migrations"},
    {"pawl check --base origin/main", "for CI: also what a branch edited, removed or added late"},
    {"pawl check --base origin/main --fix", "renames, renumbers and corrects what is new"},
    {"pawl check --format github", "annotates the lines of a pull request"},
};

const struct command command_check = {
    .name = "check",
    .group = GROUP_CHECK,
    .summary = "review the migrations without a database",
    .usage = "",
    .about =
        "Checks names, order, directives, statements and pawl.sum. With --base it also refuses\n"
        "what may be applied already and was edited or removed, and what would come too late.\n"
        "Exits 3 when there is an error. --fix mends what has one safe correction, never in a "
        "file\n"
        "that the base has, and then checks again. A file may allow a rule, and says why:\n"
        "  -- pawl: allow=RULE reason=\"...\"",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .finds = true,
    .run = run,
};
