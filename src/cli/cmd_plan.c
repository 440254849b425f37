/* `pawl plan`: what a deploy would do to a target, statement by statement, before it does. */
#include <inttypes.h>
#include <string.h>

#include "check/allow.h"
#include "check/cost.h"
#include "check/lint.h"
#include "cli/commands.h"
#include "cli/pending.h"
#include "cli/plan_text.h"
#include "cli/shadowing.h"
#include "cli/summary.h"
#include "deploy/prepare.h"

static bool list_statements(struct cli *cli, const struct plan *plan, struct plan_shown *ret,
                            struct err *err)
{
    ret->statements =
        arena_alloc(&cli->arena, (plan_statement_count(plan) + 1) * sizeof *ret->statements);
    if (ret->statements == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        for (size_t s = 0; !item->recognised && s < item->script.statements.count; s++) {
            const struct statement *const statement = &item->script.statements.items[s].statement;
            ret->statements[ret->count++] = (struct cost_statement){.migration = item->migration,
                                                                    .text = statement->text,
                                                                    .line = statement->line,
                                                                    .column = statement->column};
        }
    }
    return true;
}

/* ---- what an X-ray says ---- */

/* What fails without any rows will fail on the target. Where the copy of the schema has gaps it may
 * be one of them. */
static void report_failures(struct cli *cli, const struct xray *xray,
                            const struct shadow_facts *shadow)
{
    for (size_t i = 0; i < xray->statements.count; i++) {
        const struct xray_statement *const one = &xray->statements.items[i];
        if (one->failure.sqlstate[0] == '\0')
            continue;
        const char *const path = xray->units.items[one->unit].migration->path;
        const bool whole = shadow->source == SHADOW_COPIED && shadow->gaps.count == 0;
        const char *const what = arena_printf(&cli->arena,
                                              "it fails on an empty copy of the schema: "
                                              "%s (SQLSTATE %s)",
                                              one->failure.message, one->failure.sqlstate);
        if (what == NULL)
            cli->findings.failed = true;
        else
            finding_add(&cli->arena, &cli->findings,
                        &(struct finding){.rule = "fails-on-shadow",
                                          .severity = whole ? SEVERITY_ERROR : SEVERITY_WARNING,
                                          .file = path,
                                          .line = one->failure.line,
                                          .column = one->failure.column,
                                          .what = what});
    }
}

static bool xray(struct cli *cli, struct session *session, const struct plan *plan,
                 struct plan_shown *shown, struct err *err)
{
    const struct value *const setting = &cli->config.values[SETTING_SHADOW];
    const char *why = NULL;
    struct xray found;
    size_t count;
    CLEANUP(shadowing_close) struct shadowing shadowing = {0};
    if (!shadow_place_read(&cli->arena, "[check] shadow", setting->text,
                           config_folder_of(&cli->config, setting), &cli->url, &shadowing.place,
                           err))
        return false;
    if (shadowing.place.server == NULL && !shadowing.place.is_local)
        return true;
    const struct migration **const pending = pending_to_run(cli, plan, &count);
    if (pending == NULL)
        return err_nomem(err);
    if (!shadowing_open(cli, session, plan, &shadowing, &why, err))
        return false;
    if (shadowing.shadow == NULL) {
        output_chat(&cli->output, "warning: nothing is measured: %s", why);
        return true;
    }
    const struct shadow_facts *const facts = shadow_facts(shadowing.shadow);
    shadowing_tell(cli, "measured on an empty copy of the schema", facts);
    if (!xray_run(&cli->arena, shadowing.shadow, pending, count, &found, err) ||
        !cost_measure(&cli->arena, &found, shown->statements, shown->count, err))
        return false;
    report_failures(cli, &found, facts);
    return true;
}

/* ---- what it costs ---- */

/* Sizes that cannot be read are no reason to say nothing of the rest. */
static bool ask_server(struct cli *cli, struct session *session, struct plan_shown *shown,
                       struct err *err)
{
    struct deploy_options options;
    CLEANUP(err_release) struct err here = {0};
    prepare_deploy(&cli->config, &cli->target, &options);
    if (!cost_read(&cli->arena, shown->statements, shown->count, err) ||
        !xray(cli, session, shown->plan, shown, err))
        return false;
    if (cost_ask(&cli->arena, session->ledger.pg, options.limits.search_path, shown->statements,
                 shown->count, &here))
        return true;
    if (here.code != ERR_FAILED) {
        *err = here;
        here = (struct err){0};
        return false;
    }
    output_chat(&cli->output, "warning: the sizes of tables cannot be read: %s", here.message);
    return true;
}

/* ---- findings ---- */

static bool lint(struct cli *cli, const struct workspace *workspace, const struct plan_shown *shown,
                 struct err *err)
{
    const struct plan *const plan = shown->plan;
    const struct lint_options options = {.dialect = workspace->options.dialect};
    size_t count;
    const struct migration **const items = pending_to_run(cli, plan, &count);
    if (items == NULL)
        return err_nomem(err);
    if (!lint_run(&cli->arena, &options, items, count, &cli->findings, err))
        return false;
    cost_weigh(&cli->arena, shown->statements, shown->count, &cli->findings);
    return allow_apply(&cli->arena, &workspace->set, ALLOW_OF_NONE, &cli->findings, err) &&
           (findings_sort(&cli->arena, &cli->findings) || err_nomem(err));
}

/* ---- the command ---- */

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct deploy_result result = {0};
    struct plan_shown shown = {0};
    CLEANUP(session_close) struct session session = {0};
    if (!workspace_load(cli, &workspace, err) ||
        !pending_read(cli, &workspace, &session, &result, err) ||
        !list_statements(cli, &result.plan, &shown, err))
        return false;
    shown.plan = &result.plan;
    if (session.ledger.pg != NULL && shown.count > 0 && !ask_server(cli, &session, &shown, err))
        return false;
    if (!lint(cli, &workspace, &shown, err))
        return false;
    cli_result(cli, "plan", plan_json(&shown));
    if (cli_flag(cli, "markdown") ? !plan_say_markdown(cli, &shown, err)
                                  : !plan_say(cli, &shown, err))
        return false;
    return summary_tell(cli, result.plan.items.count, "pending migration", "", err);
}

static const struct option options[] = {
    {.name = "to",
     .argument = "ID",
     .text = "plan up to this migration",
     .offers = OFFER_MIGRATIONS},
    {.name = "markdown", .text = "as a page to paste into a pull request"},
};

static const struct example examples[] = {
    {"pawl plan", "shows what a deploy would do"},
    {"pawl plan --target production --markdown", "the same for a pull request"},
};

const struct command command_plan = {
    .name = "plan",
    .group = GROUP_CHECK,
    .summary = "show what a deploy would do, and what it would cost",
    .usage = "",
    .about =
        "Lists the pending migrations of a target with each statement: which lock it takes on\n"
        "which table, how large and how busy that is, who waits, and roughly for how long.\n"
        "Then what `pawl lint` finds in them. Reads catalogs and statistics only. Exits 3 when\n"
        "there is an error, or a deploy would be refused.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .finds = true,
    .run = run,
};
