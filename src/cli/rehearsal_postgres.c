/* A rehearsal on PostgreSQL: in a scratch database with the target's schema (check/shadow.h). */
#include <string.h>

#include "base/process.h"
#include "check/added_keys.h"
#include "cli/rehearsal.h"
#include "cli/shadowing.h"

/* foreign_key_violation */
static const char MISSING_PARENT[] = "23503";

/* ---- what was run ---- */

static bool add_statements(struct cli *cli, const struct xray *xray, const struct xray_unit *unit,
                           struct rehearsal *ret)
{
    for (size_t i = 0; i < unit->count; i++) {
        const struct xray_statement *const x = &xray->statements.items[unit->first + i];
        struct rehearsed_statement *const one = arena_push(&cli->arena, &ret->statements);
        if (one == NULL)
            return false;
        *one = (struct rehearsed_statement){.text = x->text,
                                            .line = x->line,
                                            .column = x->column,
                                            .ms = x->source == XRAY_NOT_RUN ? -1 : x->ms,
                                            .xray = x};
    }
    return true;
}

/* A sample has what its rows refer to, as far as statements say what that is. */
static void take_failure(const struct xray_failure *failure, const struct migration *migration,
                         bool is_sample, struct rehearsal *ret)
{
    if (failure->sqlstate[0] == '\0')
        return;
    (void)err_set(&ret->failure, ERR_FAILED, "%s", failure->message);
    memcpy(ret->failure.sqlstate, failure->sqlstate, sizeof ret->failure.sqlstate);
    if (failure->detail != NULL)
        err_detail(&ret->failure, "%s", failure->detail);
    if (is_sample && strcmp(failure->sqlstate, MISSING_PARENT) == 0)
        err_hint(&ret->failure, "--data full says whether it is the sample that lacks the row.");
    err_at(&ret->failure, migration->path, failure->line, failure->column);
}

static bool collect(struct cli *cli, const struct plan *plan, const struct xray *xray,
                    bool is_sample, struct rehearsal *ret, struct err *err)
{
    for (size_t i = 0, unit = 0; i < plan->items.count; i++) {
        const struct migration *const migration = plan->items.items[i].migration;
        struct rehearsed *const one = arena_push(&cli->arena, &ret->migrations);
        if (one == NULL)
            return err_nomem(err);
        *one = (struct rehearsed){.migration = migration, .first = ret->statements.count};
        if (ret->failure.code != ERR_NONE)
            one->outcome = REHEARSED_NOT_REACHED;
        for (; unit < xray->units.count && xray->units.items[unit].migration == migration; unit++) {
            const struct xray_unit *const u = &xray->units.items[unit];
            one->ms += u->ms;
            if (!add_statements(cli, xray, u, ret))
                return err_nomem(err);
            for (size_t s = 0; s < u->count; s++)
                take_failure(&xray->statements.items[u->first + s].failure, migration, is_sample,
                             ret);
            take_failure(&u->failure, migration, is_sample, ret);
            if (ret->failure.code != ERR_NONE)
                one->outcome = REHEARSED_FAILED;
        }
        one->count = ret->statements.count - one->first;
    }
    return true;
}

/* ---- running ---- */

struct telling {
    struct cli *cli;
    size_t total;
};

static void tell(void *context, const struct migration *migration, size_t number)
{
    struct telling *const telling = context;
    output_chat(&telling->cli->output, "rehearsing %s (%zu of %zu)", migration->id, number,
                telling->total);
}

static bool run(struct cli *cli, const struct plan *plan, struct shadow *shadow, bool is_sample,
                const struct migration *const *pending, size_t count, struct rehearsal *ret,
                struct err *err)
{
    struct telling telling = {cli, count};
    const struct shadow_facts *const facts = shadow_facts(shadow);
    struct xray *const xray = arena_alloc(&cli->arena, sizeof *xray);
    const struct xray_rehearsal rehearsal = {
        .role = facts->lacks_role ? NULL : shadowing_role(cli),
        .first_units = pending_first_units(cli, plan),
        .tell = tell,
        .context = &telling,
    };
    const char *before, *after, *why = NULL;
    if (xray == NULL || rehearsal.first_units == NULL)
        return err_nomem(err);
    if (!shadow_schema(shadow, &before, &ret->why_no_changes, err) ||
        !xray_rehearse(&cli->arena, shadow, pending, count, &rehearsal, xray, err) ||
        !collect(cli, plan, xray, is_sample, ret, err) ||
        (before != NULL && !shadow_schema(shadow, &after, &why, err)))
        return false;
    if (ret->why_no_changes == NULL)
        ret->why_no_changes = why;
    if (ret->why_no_changes != NULL)
        return true;
    ret->changes = rehearsal_diff(&cli->arena, before, after);
    return ret->changes != NULL || err_nomem(err);
}

/* ---- what is left ---- */

static bool leave_database(struct cli *cli, const struct url *server, const char *name,
                           struct rehearsal *ret, struct err *err)
{
    const char *conninfo;
    if (!pg_conninfo(&cli->arena, server->location, name, &conninfo, err))
        return false;
    const char *const word = shell_word(&cli->arena, conninfo);
    ret->kept = arena_printf(&cli->arena, "database %s on %s", name, server->display);
    ret->kept_connect = word != NULL ? arena_printf(&cli->arena, "psql %s", word) : NULL;
    return (ret->kept != NULL && ret->kept_connect != NULL) || err_nomem(err);
}

static bool leave_server(struct cli *cli, struct scratch_server **server, const char *name,
                         struct rehearsal *ret, struct err *err)
{
    CLEANUP(str_release) struct str conninfo = {0};
    const char *folder, *start;
    if (!scratch_server_leave(server, &folder, &start, err))
        return false;
    pg_put_parameter(&conninfo, "host", folder);
    str_printf(&conninfo, " port=5432 user=postgres dbname=%s", name);
    const char *const word = conninfo.failed ? NULL : shell_word(&cli->arena, str_text(&conninfo));
    ret->kept = arena_printf(&cli->arena, "database %s in %s", name, folder);
    ret->kept_connect = word != NULL ? arena_printf(&cli->arena, "%s; psql %s", start, word) : NULL;
    return (ret->kept != NULL && ret->kept_connect != NULL) || err_nomem(err);
}

static bool leave(struct cli *cli, struct shadowing *shadowing, struct rehearsal *ret,
                  struct err *err)
{
    struct shadow_place *const place = &shadowing->place;
    const char *name;
    if (!shadow_leave(&shadowing->shadow, &name, err))
        return false;
    return place->is_local ? leave_server(cli, &place->local, name, ret, err)
                           : leave_database(cli, place->server, name, ret, err);
}

bool rehearsal_postgres(struct cli *cli, struct session *session,
                        const struct deploy_result *result, const struct rehearsal_options *options,
                        struct rehearsal *ret, struct err *err)
{
    CLEANUP(shadowing_close) struct shadowing shadowing = {.rows = options->rows};
    const bool is_sample = options->rows.data == SHADOW_SAMPLE;
    const char *why = NULL;
    size_t count;
    const struct migration **const pending = pending_to_run(cli, &result->plan, &count);
    if (pending == NULL)
        return err_nomem(err);
    shadowing.rows.ledger = session->target.name;
    shadowing.role = shadowing_role(cli);
    if (!shadowing_read_place(cli, options->on, &shadowing.place, err) ||
        (is_sample && !added_keys(&cli->arena, pending, count, &shadowing.rows, err)) ||
        !shadowing_open(cli, session, &result->plan, &shadowing, &why, err))
        return false;
    if (shadowing.shadow == NULL)
        return shadowing_no_place(&shadowing, "rehearse", why, err);
    struct shadow_facts *const facts = arena_alloc(&cli->arena, sizeof *facts);
    ret->where =
        arena_strdup(&cli->arena, shadowing.place.is_local ? "a server for this run alone"
                                                           : shadowing.place.server->display);
    if (facts == NULL || ret->where == NULL)
        return err_nomem(err);
    *facts = *shadow_facts(shadowing.shadow);
    ret->facts = facts;
    shadowing_tell(cli, "in a copy of the schema", facts);
    return run(cli, &result->plan, shadowing.shadow, is_sample, pending, count, ret, err) &&
           (!options->keep || leave(cli, &shadowing, ret, err));
}
