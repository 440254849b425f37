/* Planning without a deploy. */
#include "cli/pending.h"

#include <string.h>

#include "deploy/prepare.h"

bool pending_phase(const struct cli *cli, bool *ret_expand_only, struct err *err)
{
    const char *const word = cli_option(cli, "phase");
    *ret_expand_only = word != NULL && strcmp(word, "expand") == 0;
    return word == NULL || *ret_expand_only || strcmp(word, "all") == 0 ||
           err_set(err, ERR_USAGE, "--phase takes expand or all");
}

bool pending_read(struct cli *cli, struct workspace *workspace, struct session *session,
                  struct deploy_result *ret, struct err *err)
{
    struct deploy_options options;
    prepare_deploy(&cli->config, &cli->target, &options);
    options.set = &workspace->set;
    options.plan.to = cli_option(cli, "to");
    options.dry_run = true;
    if (!pending_phase(cli, &options.expand_only, err) ||
        !session_check_dialect(cli, cli->url.engine, workspace->options.dialect == DIALECT_SQLITE,
                               err) ||
        !prepare_sum(&cli->arena, &workspace->set, workspace->sum_path, err) ||
        !session_open(cli, false, session, err) ||
        !deploy_look(&cli->arena, &session->wait, &session->ledger, &options, ret, &cli->findings,
                     err))
        return false;
    if (session->ledger.standby)
        output_chat(&cli->output,
                    "the target is a standby: this is as of what it has replayed so far");
    return true;
}

const struct migration **pending_to_run(struct cli *cli, const struct plan *plan, size_t *ret_count)
{
    const struct migration **const items =
        arena_alloc(&cli->arena, (plan->items.count + 1) * sizeof *items);
    *ret_count = 0;
    for (size_t i = 0; items != NULL && i < plan->items.count; i++)
        if (!plan->items.items[i].recognised)
            items[(*ret_count)++] = plan->items.items[i].migration;
    return items;
}

const struct migration **pending_applied(struct cli *cli, const struct plan *plan,
                                         size_t *ret_count)
{
    const struct comparison *const comparison = &plan->comparison;
    const struct migration **const items =
        arena_alloc(&cli->arena, (comparison->count + 1) * sizeof *items);
    *ret_count = 0;
    for (size_t i = 0; items != NULL && i < comparison->count; i++)
        if (comparison->items[i].applied != NULL)
            items[(*ret_count)++] = comparison->items[i].migration;
    return items;
}

const int64_t *pending_first_units(struct cli *cli, const struct plan *plan)
{
    int64_t *const units = arena_alloc(&cli->arena, (plan->items.count + 1) * sizeof *units);
    size_t count = 0;
    for (size_t i = 0; units != NULL && i < plan->items.count; i++)
        if (!plan->items.items[i].recognised)
            units[count++] = plan->items.items[i].first_unit;
    return units;
}
