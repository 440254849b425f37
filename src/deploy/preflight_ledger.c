/* Questions about the target and its ledger: what a deploy finds out first. */
#include <inttypes.h>

#include "base/clock.h"
#include "deploy/preflight_parts.h"
#include "ledger/holder.h"
#include "ledger/living.h"

/* What ends a deploy here ends the answer; what ends the process ends that. */
static bool refuse_unless_over(struct preflight_look *look, struct preflight_line *line,
                               struct err *why, struct err *err)
{
    if (why->code != ERR_NOMEM && why->code != ERR_SIGNAL)
        return preflight_refuse(look, line, why->hint, why, err);
    *err = *why;
    *why = (struct err){0};
    return false;
}

QUESTION(preflight_target)
{
    struct run *const run = look->run;
    struct ledger *const ledger = run->ledger;
    CLEANUP(err_release) struct err why = {0};
    struct rows rows;
    if (!ledger_open(run->arena, run->target, run->wait, ledger, &why) ||
        !ledger_prepare_plan(ledger, run->arena, &why))
        return refuse_unless_over(look, line, &why, err);
    look->connected = true;
    if (!ledger_check_writable(ledger, &why))
        return refuse_unless_over(look, line, &why, err);
    if (ledger->pg == NULL)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "a SQLite file");
    if (!pg_query(ledger->pg, run->arena, "SELECT pg_catalog.current_setting('server_version')",
                  NULL, 0, &rows, err))
        return false;
    return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "PostgreSQL %s, a primary, %s",
                         rows_get(&rows, 0, 0),
                         ledger->direct ? "reached directly" : "through a pooler");
}

QUESTION(preflight_ledger)
{
    struct run *const run = look->run;
    CLEANUP(err_release) struct err why = {0};
    if (!run_look(run, &why))
        return refuse_unless_over(look, line, &why, err);
    look->readable = true;
    if (run->ledger->exists)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err,
                             "%zu rows, each fits the one before it, at %s", run->journal.count,
                             run->result->head);
    if (!run_refuse_foreign(run, &why))
        return refuse_unless_over(look, line, &why, err);
    return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "none yet: a deploy makes it");
}

QUESTION(preflight_plan)
{
    struct run *const run = look->run;
    const struct plan *const plan = &run->result->plan;
    CLEANUP(err_release) struct err why = {0};
    if (!run_refuse_findings(run, &why) || !run_refuse_pooled_steps(run, &why))
        return refuse_unless_over(look, line, &why, err);
    look->planned = true;
    if (plan->comparison.older_code)
        return preflight_say(look, line, PREFLIGHT_NOTE, NULL, err,
                             "the target is ahead of this code: a deploy changes nothing");
    return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "%zu pending", plan->items.count);
}

QUESTION(preflight_release)
{
    struct run *const run = look->run;
    CLEANUP(err_release) struct err why = {0};
    if (run->options->release == NULL)
        return preflight_say(look, line, PREFLIGHT_SKIPPED, NULL, err, "no release is named");
    if (!release_check(run, &why))
        return refuse_unless_over(look, line, &why, err);
    return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "%s",
                         release_is_new(run) ? "new to the ledger" : "recorded with this set");
}

/* Only the deploy whose process is surely gone is over. */
static bool say_attempt(struct preflight_look *look, struct preflight_line *line,
                        const struct attempt *attempt, struct err *err)
{
    const bool living = attempt_may_live(attempt, look->run->journal.now_us);
    return preflight_say(
        look, line, living ? PREFLIGHT_WARNING : PREFLIGHT_NOTE,
        living ? "`pawl blockers` shows what it does" : "the next deploy settles it", err,
        "the deploy at seq %" PRId64 ", by %s on %s, %s", attempt->seq,
        attempt->user != NULL ? attempt->user : "?", attempt->host != NULL ? attempt->host : "?",
        living ? "is at work, or has not said how it ended" : "did not say how it ended");
}

QUESTION(preflight_deploys)
{
    struct run *const run = look->run;
    const struct attempt *const open = state_open_attempt(&run->state);
    struct pg_session holder;
    bool found = false;
    if (run->ledger->pg != NULL && !run->ledger->standby &&
        (!preflight_enter(look, err) ||
         !ledger_mutex_holder(run->ledger, run->arena, &found, &holder, err)))
        return false;
    if (!found && open != NULL)
        return say_attempt(look, line, open, err);
    if (!found && run->ledger->standby)
        return preflight_say(look, line, PREFLIGHT_NOTE, NULL, err,
                             "the journal has none, and only the primary knows who is about to");
    if (!found)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "none is at work");
    const char *const text = holder_text(run->arena, &holder, open);
    if (text == NULL)
        return err_nomem(err);
    return preflight_say(look, line, PREFLIGHT_WARNING, "`pawl blockers` shows what it does", err,
                         "%s", text);
}

QUESTION(preflight_reservation)
{
    struct run *const run = look->run;
    const struct reservation *const last =
        reservations_last(&run->state.reservations, run->journal.now_us, INT64_MAX);
    CLEANUP(err_release) struct err why = {0};
    if (last == NULL)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "none is in force");
    if (look->planned && reservation_standing(run) != NULL) {
        (void)reservation_refuse(run, last, &why);
        return refuse_unless_over(look, line, &why, err);
    }
    const char *const text = reservation_text(run->arena, last);
    if (text == NULL)
        return err_nomem(err);
    return preflight_say(look, line, PREFLIGHT_NOTE, NULL, err, "the target is reserved %s", text);
}

QUESTION(preflight_maintenance)
{
    const struct maintenance *const maintenance = &look->run->state.maintenance;
    char since[CLOCK_ISO_BYTES];
    if (!maintenance->on)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "is off");
    clock_format_s(maintenance->since_us, since);
    return preflight_say(look, line, PREFLIGHT_NOTE, "`pawl maintenance off` ends it", err,
                         "is on since %s, by %s on %s: %s", since,
                         maintenance->user != NULL ? maintenance->user : "?",
                         maintenance->host != NULL ? maintenance->host : "?",
                         maintenance->reason != NULL ? maintenance->reason : "?");
}

/* A plan that contracts has looked already. */
QUESTION(preflight_releases)
{
    struct run *const run = look->run;
    struct presence presence;
    CLEANUP(str_release) struct str text = {0};
    if (look->planned && run->result->plan.held.count > 0) {
        const struct plan_held *const held = &run->result->plan.held.items[0];
        return preflight_say(look, line, PREFLIGHT_NOTE, "`pawl release` shows who lives", err,
                             "%zu held; the first, \"%s\", %s", run->result->plan.held.count,
                             held->item.migration->id, held->why);
    }
    if (!run->ledger->exists)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "none");
    if (!presence_read(run->ledger, run->arena, &run->state, &run->options->presence,
                       presence_newest(&run->state), &presence, err))
        return false;
    for (size_t i = 0; i < presence.releases.count; i++) {
        if (presence.releases.items[i].how == PRESENCE_UNKNOWN)
            continue;
        const char *const one = live_release_text(run->arena, &presence.releases.items[i]);
        if (one == NULL)
            return err_nomem(err);
        str_printf(&text, "%s%s", text.len > 0 ? ", " : "", one);
    }
    if (text.failed)
        return err_nomem(err);
    return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "%s",
                         text.len > 0 ? str_text(&text) : "none is registered or seen");
}

QUESTION(preflight_gate)
{
    struct run *const run = look->run;
    struct gate_lacks lacks;
    bool asked;
    CLEANUP(err_release) struct err why = {0};
    if (!look->planned)
        return preflight_say(look, line, PREFLIGHT_SKIPPED, NULL, err, "there is no plan");
    if (!gate_look(run, &lacks, &asked, &why))
        return refuse_unless_over(look, line, &why, err);
    if (!asked)
        return preflight_say(look, line, PREFLIGHT_OK, NULL, err, "nothing is demanded");
    for (size_t i = 0; i < lacks.count; i++) {
        (void)err_set(&why, ERR_REFUSED, "%s", lacks.items[i].what);
        if (!preflight_refuse(look, line, lacks.items[i].command, &why, err))
            return false;
    }
    return lacks.count > 0 || preflight_say(look, line, PREFLIGHT_OK, NULL, err,
                                            "every verdict that is demanded is there");
}
