/* From a target and its plan to a scratch database. */
#include "cli/shadowing.h"

#include "deploy/prepare.h"

bool shadowing_read_place(struct cli *cli, const char *on, struct shadow_place *ret,
                          struct err *err)
{
    const struct value *const setting = &cli->config.values[SETTING_SHADOW];
    const char *const text = on != NULL ? on : setting->text[0] != '\0' ? setting->text : "local";
    const bool is_setting = text == setting->text;
    return shadow_place_read(&cli->arena, is_setting ? "[check] shadow" : "--on", text,
                             is_setting ? config_folder_of(&cli->config, setting) : ".", &cli->url,
                             ret, err);
}

bool shadowing_no_place(const struct shadowing *shadowing, const char *verb, const char *why,
                        struct err *err)
{
    const bool is_local = shadowing->place.is_local;
    if (is_local)
        (void)err_set(err, ERR_REFUSED, "there is no server to %s on: %s", verb, why);
    else
        (void)err_set(err, ERR_REFUSED, "cannot %s on %s: %s", verb,
                      shadowing->place.server->display, why);
    err_state(err, "Nothing was changed.");
    err_hint(err, is_local
                      ? "Install the server's package, or name a server: --on URL; --on target "
                        "makes a scratch database on the target's own."
                      : "Give the role CREATEDB on that server, or take another: --on "
                        "local, or --on URL.");
    return false;
}

const char *shadowing_role(struct cli *cli)
{
    struct deploy_options options;
    prepare_deploy(&cli->config, &cli->target, &options);
    return options.limits.role;
}

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
                                 .rights = shadowing->rights,
                                 .rows = shadowing->rows,
                                 .connect_timeout_ms = session->target.connect_timeout_ms,
                                 .wait = session->wait};
    how.applied = pending_applied(cli, plan, &how.applied_count);
    if (how.applied == NULL)
        return err_nomem(err);
    return shadow_open(&cli->arena, &how, &shadowing->shadow, ret_why, err);
}

void shadowing_tell(struct cli *cli, const char *where, const struct shadow_facts *facts)
{
    output_chat(&cli->output, "%s, %s%s%s", where,
                facts->source == SHADOW_COPIED ? "as the target has it"
                                               : "made by the applied migrations",
                facts->why_replayed != NULL ? ": " : "",
                facts->why_replayed != NULL ? facts->why_replayed : "");
    if (facts->lacks_role)
        output_chat(&cli->output, "without the target's role, which is not to be had there");
    shadowing_tell_gaps(cli, facts);
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
