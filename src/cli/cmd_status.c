/* pawl status: what is applied, what is pending, and what is odd. */
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/status_report.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"

/* A role that may read the journal and not who lives is shown what it may. */
static bool look_who_lives(struct cli *cli, struct ledger *ledger, struct status *ret,
                           struct err *err)
{
    const struct presence_options options = prepare_presence(&cli->config);
    if (!ret->look.exists || presence_read(ledger, &cli->arena, &ret->look.state, &options,
                                           presence_newest(&ret->look.state), &ret->presence, err))
        return true;
    if (strcmp(err->sqlstate, "42501") != 0) /* insufficient_privilege */
        return false;
    err_release(err);
    ret->presence = (struct presence){0};
    return true;
}

/* The migrations are the point: where the server refuses to show its sessions, they are shown. */
static bool look_at_deploy(struct cli *cli, struct ledger *ledger, struct status *ret,
                           struct err *err)
{
    CLEANUP(err_release) struct err here = {0};
    if (activity_look(ledger, &cli->arena, &ret->look.journal, &ret->look.state, -1, &ret->activity,
                      &here))
        return true;
    if (here.code != ERR_FAILED) {
        *err = here;
        here = (struct err){0};
        return false;
    }
    output_chat(&cli->output, "warning: cannot see whether a deploy is at work: %s", here.message);
    return true;
}

static bool read_target(struct cli *cli, const struct target *target, const struct url *url,
                        struct status *ret, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    return session_open_target(cli, target, url, false, &session, err) &&
           look_read(&session.ledger, &cli->arena, &ret->look, err) &&
           look_at_deploy(cli, &session.ledger, ret, err) &&
           look_who_lives(cli, &session.ledger, ret, err) &&
           (!ret->look.exists ||
            checkpoint_list(&session.ledger, &cli->arena, &ret->backfills, err));
}

/* The set is there once it is needed; what is wrong with it is told before what the target said. */
static bool compare(struct cli *cli, struct workspace_loading *loading, bool read,
                    struct look *look, struct err *err)
{
    return workspace_finish(loading, err) && set_demand_scheme(&loading->findings, err) && read &&
           look_compare(&cli->arena, &loading->workspace.set, &loading->findings, look, err);
}

/* --expect SEQ:HASH: a ledger that was rewritten whole has another hash there. */
static bool check_expected(const struct look *look, const char *expected, struct err *err)
{
    const char *const colon = expected != NULL ? strchr(expected, ':') : NULL;
    if (expected == NULL)
        return true;
    if (colon == NULL || !hash_hex_valid(colon + 1, strlen(colon + 1)))
        return err_set(err, ERR_USAGE, "--expect takes SEQ:HASH as a deploy has printed it");
    const int64_t seq = strtoll(expected, NULL, 10);
    for (size_t i = 0; i < look->journal.count; i++)
        if (look->journal.items[i].seq == seq &&
            strcmp(look->journal.items[i].hash, colon + 1) == 0)
            return true;
    (void)err_set(err, ERR_CHAIN, "the ledger is not the one that had %s", expected);
    err_hint(err, "It was rewritten, restored from an older copy, or is another target's.");
    return false;
}

static bool one_target(struct cli *cli, const struct target *target,
                       struct workspace_loading *loading, json_t *targets, struct err *err)
{
    const struct set *const set = &loading->workspace.set;
    struct url url;
    struct status status = {0};
    const struct value *const value = &target->values[SETTING_URL];
    if (!url_parse(&cli->arena, value->text, config_folder_of(&cli->config, value), &url, err))
        return false;
    if (!compare(cli, loading, read_target(cli, target, &url, &status, err), &status.look, err))
        return false;
    const struct comparison *const comparison = &status.look.comparison;
    if (cli_flag(cli, "exit-code") && comparison->pending - comparison->held +
                                              comparison->doubtful + comparison->changed +
                                              set->odd.count >
                                          0)
        cli->outcome = ERR_NOT_READY;
    return status_report(cli, target, &url, &status, set, targets, err) &&
           check_expected(&status.look, cli_option(cli, "expect"), err);
}

/* Every target is shown; the first that cannot be read gives the error. */
static bool all_targets(struct cli *cli, struct workspace_loading *loading, json_t *targets,
                        struct err *err)
{
    bool ok = true;
    if (cli->config.targets.count == 0)
        return err_set(err, ERR_USAGE, "no target is configured");
    if (!workspace_finish(loading, err))
        return false;
    for (size_t i = 0; i < cli->config.targets.count; i++) {
        CLEANUP(err_release) struct err here = {0};
        if (one_target(cli, &cli->config.targets.items[i], loading, targets, &here))
            continue;
        output_result(&cli->output, "target %s: %s\n", cli->config.targets.items[i].name,
                      here.message);
        (void)json_array_append_new(targets,
                                    json_pack("{so so}", "target",
                                              cli_json_text(cli->config.targets.items[i].name),
                                              "error", cli_json_text(here.message)));
        if (ok) {
            *err = here;
            here = (struct err){0};
        }
        ok = false;
    }
    return ok;
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(workspace_loading_release) struct workspace_loading loading = {0};
    json_t *targets = json_array();
    struct target target;
    bool ok = targets != NULL || err_nomem(err);
    ok = ok && workspace_start(cli, &loading, err);
    if (ok && cli_flag(cli, "all"))
        ok = all_targets(cli, &loading, targets, err);
    else
        ok = ok &&
             config_target(&cli->arena, &cli->config, cli_option(cli, "target"),
                           cli_option(cli, "url"), &target, err) &&
             one_target(cli, &target, &loading, targets, err);
    cli_result(cli, "targets", targets);
    return ok;
}

static const struct option options[] = {
    {.name = "all", .text = "every configured target"},
    {.name = "exit-code", .text = "exit with 4 when something is pending"},
    {.name = "expect", .argument = "SEQ:HASH", .text = "fail when the ledger never had this row"},
};

static const struct example examples[] = {
    {"pawl status", "each migration with its state"},
    {"pawl status --all --json", "all targets, for a script"},
    {"pawl status --exit-code", "exit code 4 when something is pending"},
};

const struct command command_status = {
    .name = "status",
    .group = GROUP_SEE,
    .summary = "show what is applied and what is pending",
    .usage = "",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_CONFIG,
    .run = run,
};
