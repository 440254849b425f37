/* pawl deploy: takes a target forward. */
#include "base/clock.h"

#include "cli/backup_text.h"
#include "cli/commands.h"
#include "cli/deploy_events.h"
#include "cli/pending.h"
#include "cli/preflight_text.h"
#include "cli/presence_text.h"
#include "cli/session.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"
#include <string.h>

/* Younger transactions are no reason to end anybody. */
enum { BLOCKER_AGE_MS = 10 * 1000 };

static json_t *json_one(const struct deploy_done *done)
{
    json_t *const item =
        json_pack("{so so so sI}", "id", cli_json_text(done->migration->id), "checksum",
                  cli_json_text(done->migration->checksum.text), "receipt",
                  cli_json_text(done->receipt), "ms", (json_int_t)done->ms);
    if (!done->recognised)
        (void)json_object_set_new(item, "rows",
                                  done->rows >= 0 ? json_integer(done->rows) : json_null());
    return item;
}

static json_t *json_done(const struct deploy_result *result, bool recognised)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < result->done.count; i++)
        if (result->done.items[i].recognised == recognised &&
            json_array_append_new(array, json_one(&result->done.items[i])) != 0)
            break;
    return array;
}

static json_t *json_pending(const struct plan *plan, size_t skip)
{
    json_t *array = json_array();
    for (size_t i = skip; array != NULL && i < plan->items.count; i++)
        (void)json_array_append_new(array, cli_json_text(plan->items.items[i].migration->id));
    return array;
}

static json_t *json_held(const struct plan *plan)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < plan->held.count; i++) {
        const struct plan_held *const held = &plan->held.items[i];
        json_t *const holders = json_array();
        for (size_t h = 0; holders != NULL && h < held->holders.count; h++)
            (void)json_array_append_new(holders, live_release_json(held->holders.items[h]));
        (void)json_array_append_new(array, json_pack("{so so so}", "id",
                                                     cli_json_text(held->item.migration->id), "why",
                                                     cli_json_text(held->why), "for", holders));
    }
    return array;
}

static json_t *json_missing(const struct comparison *comparison)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < comparison->missing.count; i++)
        (void)json_array_append_new(array,
                                    cli_json_text(applied_name(comparison->missing.items[i])));
    return array;
}

static json_t *json_debt(const struct leftovers *debt)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < debt->count; i++) {
        const struct leftover *const item = &debt->items[i];
        char since[CLOCK_ISO_BYTES] = "";
        if (item->since_us != 0)
            clock_format_us(item->since_us, since);
        (void)json_array_append_new(
            array, json_pack("{so so so so so}", "kind", cli_json_text(item->kind), "name",
                             cli_json_text(item->name), "table", cli_json_text(item->table),
                             "since", cli_json_text(item->since_us != 0 ? since : NULL),
                             "migration", cli_json_text(item->migration)));
    }
    return array;
}

/* Each with its age, where an earlier deploy has seen it. */
static void report_debt(struct cli *cli, const struct leftovers *debt)
{
    if (debt->count > 0)
        output_chat(&cli->output, "left unfinished in this database:");
    for (size_t i = 0; i < debt->count; i++) {
        const struct leftover *const item = &debt->items[i];
        char since[CLOCK_ISO_BYTES] = "";
        if (item->since_us != 0)
            clock_format_s(item->since_us, since);
        output_chat(&cli->output, "%s%s%s%s%s%s", item->line, since[0] != '\0' ? ", since " : "",
                    since, item->migration != NULL ? ", of \"" : "",
                    item->migration != NULL ? item->migration : "",
                    item->migration != NULL ? "\"" : "");
    }
}

static void report_json(struct cli *cli, const struct deploy_result *result, bool dry_run)
{
    cli_result(cli, "applied", json_done(result, false));
    cli_result(cli, "recognised", json_done(result, true));
    cli_result(cli, "pending", json_pending(&result->plan, deploy_first_pending(result)));
    cli_result(cli, "held", json_held(&result->plan));
    cli_result(cli, "missing", json_missing(&result->plan.comparison));
    cli_result(cli, "older_code", json_boolean(result->plan.comparison.older_code));
    cli_result(cli, "renamed", json_integer((json_int_t)result->renamed));
    cli_result(cli, "release_recorded", json_boolean(result->release_recorded));
    cli_result(cli, "waited", json_boolean(result->waited));
    cli_result(cli, "dry_run", json_boolean(dry_run));
    cli_result(cli, "head", cli_json_text(result->head));
    cli_result(cli, "leftover", cli_json_text(result->leftover));
    cli_result(cli, "debt", json_debt(&result->debt));
    cli_result(cli, "preflight", preflight_json(&result->preflight));
    cli_result(cli, "backup", backup_json(result->backup));
}

/* What explains sessions is said once, whatever they hold. */
static void report_held(struct cli *cli, const struct plan *plan)
{
    const struct live_release *unknown = NULL;
    bool waits = false;
    for (size_t i = 0; i < plan->held.count; i++) {
        const struct plan_held *const held = &plan->held.items[i];
        output_result(&cli->output, "held  %s  (%s)\n", held->item.migration->id, held->why);
        waits = waits || held->holders.count > 0;
        for (size_t h = 0; h < held->holders.count; h++)
            if (held->holders.items[h]->how == PRESENCE_UNKNOWN)
                unknown = held->holders.items[h];
    }
    if (waits)
        output_chat(
            &cli->output,
            "next: `pawl deploy` runs what is held once they are gone; `pawl release` shows "
            "who lives");
    if (unknown != NULL)
        live_release_say_advice(cli, unknown);
}

static void report_plan(struct cli *cli, const struct plan *plan)
{
    for (size_t i = 0; i < plan->renames.count; i++)
        output_result(&cli->output, "would record  %s  (was %s)\n",
                      plan->renames.items[i]->migration->id,
                      applied_name(plan->renames.items[i]->applied));
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        const size_t statements = item->script.statements.count;
        if (item->recognised) {
            output_result(&cli->output, "would recognise  %s  (all that it replaces is applied)\n",
                          item->migration->id);
            continue;
        }
        output_result(&cli->output, "would apply  %s  (%zu statement%s%s)\n", item->migration->id,
                      statements, statements == 1 ? "" : "s",
                      item->script.units.count > 1 ? ", in steps"
                      : item->script.units.count == 1 && item->script.units.items->alone
                          ? ", outside a transaction"
                          : "");
    }
    if (plan_empty(plan))
        output_result(&cli->output, "nothing to do%s\n", plan->held.count > 0 ? " now" : "");
    report_held(cli, plan);
}

static size_t count_recognised(const struct deploy_result *result)
{
    size_t count = 0;
    for (size_t i = 0; i < result->done.count; i++)
        count += result->done.items[i].recognised;
    return count;
}

static void report(struct cli *cli, const struct deploy_result *result, const struct url *url)
{
    const size_t recognised = count_recognised(result);
    if (result->plan.comparison.older_code && result->done.count == 0)
        output_result(&cli->output, "%s: the target is ahead of this code\n",
                      result->renamed > 0 ? "names recorded" : "nothing was changed");
    else if (result->done.count == 0 && result->renamed == 0)
        output_result(&cli->output, "nothing to do%s: %s is up to date\n",
                      result->plan.held.count > 0 ? " now" : "", url->display);
    else
        output_result(&cli->output, "%zu applied%s%s\n", result->done.count - recognised,
                      recognised > 0 ? ", squashes recognised" : "",
                      result->renamed > 0 ? ", names recorded" : "");
    report_held(cli, &result->plan);
    if (result->release_recorded && result->done.count == 0)
        output_result(&cli->output, "release \"%s\" recorded with this set\n",
                      session_release(cli));
    if (result->head != NULL)
        output_result(&cli->output, "ledger at %s\n", result->head);
    report_debt(cli, &result->debt);
}

/* Each that was given: they add up. */
static bool read_override(struct cli *cli, struct deploy_options *ret, struct err *err)
{
    for (size_t i = 0; i < cli->given.count; i++) {
        const struct given_option *const given = &cli->given.items[i];
        if (strcmp(given->option->name, "override") == 0 &&
            !override_parse(given->text, &ret->overrides))
            return err_set(err, ERR_USAGE,
                           "--override takes reservation, lint, data, backup, hold or gate");
    }
    if (ret->overrides == 0 && cli_option(cli, "reason") != NULL)
        return err_set(err, ERR_USAGE, "--reason goes with --override");
    return ret->overrides == 0 || session_reason(cli, true, &ret->override_reason, err);
}

static bool read_options(struct cli *cli, struct workspace *workspace, struct deploy_options *ret,
                         struct err *err)
{
    prepare_deploy(&cli->config, &cli->target, ret);
    ret->set = &workspace->set;
    ret->plan.to = cli_option(cli, "to");
    ret->release = session_release(cli);
    ret->dry_run = cli_flag(cli, "dry-run");
    return session_duration(cli, "wait", ret->wait_ms, &ret->wait_ms, err) &&
           session_duration(cli, "wait", 0, &ret->reservation_wait_ms, err) &&
           pending_phase(cli, &ret->expand_only, err) && read_override(cli, ret, err);
}

/* What is done about sessions in the way: only what was typed for this run. */
static bool read_oust(struct cli *cli, struct oust_options *ret, struct err *err)
{
    const char *const word = cli_option(cli, "on-blocked");
    *ret = (struct oust_options){.user = cli_option(cli, "blocker-user")};
    if (word != NULL && !on_blocked_parse(word, &ret->on_blocked))
        return err_set(err, ERR_USAGE,
                       "--on-blocked takes wait, fail, cancel or terminate, not "
                       "\"%s\"",
                       word);
    return session_duration(cli, "blocker-age", BLOCKER_AGE_MS, &ret->older_than_ms, err);
}

static bool run(struct cli *cli, struct err *err)
{
    struct workspace workspace;
    struct deploy_options options;
    struct deploy_result result = {0};
    struct deploy_events events = deploy_events_start(cli);
    CLEANUP(session_close) struct session session = {0};
    if (!workspace_load(cli, &workspace, err) ||
        !session_check_dialect(cli, cli->url.engine, workspace.options.dialect == DIALECT_SQLITE,
                               err) ||
        !prepare_sum(&cli->arena, &workspace.set, workspace.sum_path, err) ||
        !read_options(cli, &workspace, &options, err) || !read_oust(cli, &options.oust, err) ||
        !session_open(cli, !options.dry_run, &session, err))
        return false;
    options.listener = (struct deploy_listener){.on_event = deploy_events_show, .context = &events};
    const bool ok = deploy_run(&cli->arena, &session.target, &session.wait, &session.ledger,
                               &options, &result, &cli->findings, err);
    progress_clear(&events.progress);
    report_json(cli, &result, options.dry_run);
    if (!ok)
        return false;
    if (options.dry_run)
        report_plan(cli, &result.plan);
    else
        report(cli, &result, &cli->url);
    return true;
}

static const struct option options[] = {
    {.name = "release", .argument = "R", .text = "the release that is being deployed"},
    {.name = "to",
     .argument = "ID",
     .text = "the last migration to apply",
     .offers = OFFER_MIGRATIONS},
    {.name = "dry-run", .text = "only say what would be done"},
    {.name = "wait",
     .argument = "D",
     .text = "how long to wait for another deploy, or a reservation: 30s, 10m"},
    {.name = "json-lines",
     .text = "--json, and before the object each event as an object on a line of its own"},
    {.name = "phase",
     .argument = "PHASE",
     .text = "expand leaves contract migrations to a later deploy",
     .choices = "expand|all"},
    {.name = "on-blocked",
     .argument = "WORD",
     .text = "about sessions in the way: wait, fail, cancel their statements, terminate them",
     .choices = "wait|fail|cancel|terminate"},
    {.name = "blocker-age",
     .argument = "D",
     .text = "cancel or terminate only transactions older than this: 10s"},
    {.name = "blocker-user",
     .argument = "USER",
     .text = "cancel or terminate only sessions of this user"},
    {.name = "override",
     .argument = "RULE",
     .text = "go over what is in the way, each time it is given",
     .choices = OVERRIDE_CHOICES},
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger: with --override"},
};

static const struct example examples[] = {
    {"pawl deploy", "applies what is pending"},
    {"pawl deploy --dry-run", "shows what would be applied"},
    {"pawl deploy --release 1.25 --target production --wait 2m",
     "names the release in the ledger, and waits for another deploy at most two minutes"},
    {"pawl deploy --override reservation --reason 'hotfix 80, agreed with the data team'",
     "goes on though the target is reserved"},
    {"pawl deploy --override lint --reason 'the table is read by nobody, asked in the team'",
     "goes on though a statement may take others down or lose data"},
};

const struct command command_deploy = {
    .name = "deploy",
    .group = GROUP_ACT,
    .summary = "apply pending migrations, each exactly once",
    .usage = "",
    .about =
        "Each migration and its row in the ledger are committed together. Whoever else deploys at\n"
        "the same time waits, finds the work done and succeeds. What stopped part-way is resumed.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
