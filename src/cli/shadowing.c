/* From a target and its plan to a scratch database. */
#include "cli/shadowing.h"

#include "deploy/prepare.h"

bool shadowing_open(struct cli *cli, struct session *session, const struct plan *plan,
                    struct shadowing *shadowing, const char **ret_why, struct err *err)
{
    struct deploy_options options;
    prepare_deploy(&cli->config, &cli->target, &options);
    if (!shadow_place_start(&cli->arena, session->ledger.pg, &session->wait, &shadowing->place,
                            ret_why, err))
        return false;
    if (shadowing->place.server == NULL)
        return true;
    struct shadow_options how = {.server = shadowing->place.server,
                                 .target = &cli->url,
                                 .target_connection = session->ledger.pg,
                                 .once = true,
                                 .own_server = shadowing->place.is_local,
                                 .search_path = options.limits.search_path,
                                 .role = shadowing->role,
                                 .rows = shadowing->rows,
                                 .connect_timeout_ms = session->target.connect_timeout_ms,
                                 .wait = session->wait};
    how.applied = pending_applied(cli, plan, &how.applied_count);
    if (how.applied == NULL)
        return err_nomem(err);
    return shadow_open(&cli->arena, &how, &shadowing->shadow, ret_why, err);
}

void shadowing_tell_gaps(struct cli *cli, const struct shadow_facts *facts)
{
    for (size_t i = 0; i < facts->gaps.count; i++)
        output_chat(&cli->output, "not in the copy: %s: %s", facts->gaps.items[i].statement,
                    facts->gaps.items[i].message);
}

void shadowing_close(struct shadowing *shadowing)
{
    shadow_close(&shadowing->shadow);
    shadow_place_close(&shadowing->place);
}
