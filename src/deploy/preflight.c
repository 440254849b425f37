/* The table of questions, and asking them in turn. */
#include "deploy/preflight.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "deploy/preflight_parts.h"

static const struct preflight_question questions[] = {
    {.id = "target",
     .title = "target",
     .asks = "Whether the database can be reached and written: an error where it cannot, or is a "
             "standby, of which the rest is asked as far as it can know it. It names the server's "
             "version, and says whether a pooler stands between.",
     .ask = preflight_target},
    {.id = "ledger",
     .title = "ledger",
     .asks = "Whether the journal can be read and its hash chain fits: an error where it does not, "
             "and where a database with tables has no ledger.",
     .needs = PREFLIGHT_NEEDS_TARGET,
     .ask = preflight_ledger},
    {.id = "plan",
     .title = "names and order",
     .asks = "What would be applied. An error where a deploy refuses the set: an applied file was "
             "edited or is missing, a pending one is out of order, a name cannot be read, a step "
             "outside transactions would go through a pooler.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_plan},
    {.id = "release",
     .title = "release",
     .asks = "Whether the release that `--release` names was recorded with another set: an error.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_release},
    {.id = "lint",
     .title = "pending statements",
     .asks = "What `pawl lint` finds in them, weighed with the target's own tables: what takes a "
             "moment there, or meets a table without rows that nobody has used, is a note. What "
             "is still an error can take others down or lose data, and stops a deploy. Not asked "
             "where nothing is applied and the database has no tables, and of a migration that an "
             "earlier deploy has begun.",
     .needs = PREFLIGHT_NEEDS_PENDING,
     .deploy = true,
     .ask = preflight_lint},
    {.id = "data",
     .title = "rows of the target",
     .asks = "Whether the rows that are there let the pending statements through, as `pawl probe` "
             "asks them: an error where they do not, and a deploy is refused; a warning where "
             "values would change, or a question has no answer (`probe_timeout`, a lock, a "
             "right). Not asked where the line before is not.",
     .needs = PREFLIGHT_NEEDS_PENDING,
     .postgres = true,
     .deploy = true,
     .ask = preflight_data},
    {.id = "sessions",
     .title = "sessions in the way",
     .asks = "Whether sessions, or prepared transactions, have held for a second or more what the "
             "pending statements will lock, or hold up a CREATE INDEX CONCURRENTLY: a warning. A "
             "deploy looks itself, before each migration, and waits and tries again.",
     .needs = PREFLIGHT_NEEDS_PENDING,
     .postgres = true,
     .primary = true,
     .ask = preflight_sessions},
    {.id = "deploys",
     .title = "other deploys",
     .asks = "Whether another deploy is at work, which the next one waits for: a warning. A note "
             "of one that did not say how it ended.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_deploys},
    {.id = "reservation",
     .title = "reservation",
     .asks = "Whether somebody has reserved the target with `pawl reserve`: an error where "
             "something is pending, as a deploy then ends with 5.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_reservation},
    {.id = "maintenance",
     .title = "maintenance",
     .asks = "Whether `pawl maintenance` is on: a note, as it stops nothing.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_maintenance},
    {.id = "releases",
     .title = "live releases",
     .asks = "Which releases live, and which pending contract migration waits for them: a note, as "
             "a deploy holds it and does the rest.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_releases},
    {.id = "gate",
     .title = "gate",
     .asks =
         "Whether the verdicts that `[gate] require` demands are there, signed, for these files "
         "and what is applied: an error for each that is missing, as a deploy is refused then.",
     .needs = PREFLIGHT_NEEDS_LEDGER,
     .ask = preflight_gate},
    {.id = "replicas",
     .title = "replicas",
     .asks = "How far each replica is behind: a warning from 10 seconds or 256 MB on, as a "
             "migration writes more; and where every commit waits for a synchronous standby that "
             "is not there. Who may not see it is told so (pg_monitor).",
     .needs = PREFLIGHT_NEEDS_TARGET,
     .postgres = true,
     .primary = true,
     .deploy = true,
     .ask = preflight_replicas},
    {.id = "slots",
     .title = "replication slots",
     .asks = "Whether a slot keeps write-ahead log for somebody who does not fetch it, or has lost "
             "it: a warning from 256 MB on, as a migration that writes much can fill the disk.",
     .needs = PREFLIGHT_NEEDS_TARGET,
     .postgres = true,
     .primary = true,
     .deploy = true,
     .ask = preflight_slots},
    {.id = "connections",
     .title = "connections",
     .asks = "Whether the server, the database and the role take a few more connections; a deploy "
             "needs a second one to watch itself: a warning where fewer than five are left.",
     .needs = PREFLIGHT_NEEDS_TARGET,
     .postgres = true,
     .primary = true,
     .deploy = true,
     .ask = preflight_connections},
    {.id = "wraparound",
     .title = "forced vacuum",
     .asks = "Whether a table that is to be changed has nearly reached "
             "`autovacuum_freeze_max_age`: a warning, as the vacuum that then comes gives way to "
             "nobody.",
     .needs = PREFLIGHT_NEEDS_PENDING,
     .postgres = true,
     .ask = preflight_wraparound},
    {.id = "leftovers",
     .title = "unfinished work",
     .asks = "INVALID indexes and constraints that are NOT VALID, each with its age where a deploy "
             "has seen it before: a note.",
     .needs = PREFLIGHT_NEEDS_TARGET,
     .postgres = true,
     .ask = preflight_leftovers},
};

const struct preflight_question *preflight_question_at(size_t index)
{
    return index < COUNT_OF(questions) ? &questions[index] : NULL;
}

const char *preflight_mark_name(enum preflight_mark mark)
{
    static const char *const names[] = {
        [PREFLIGHT_SKIPPED] = "not applicable",
        [PREFLIGHT_OK] = "ok",
        [PREFLIGHT_NOTE] = "note",
        [PREFLIGHT_WARNING] = "warning",
        [PREFLIGHT_ERROR] = "error",
    };
    return names[mark];
}

/* ---- answers ---- */

bool preflight_say(struct preflight_look *look, struct preflight_line *line,
                   enum preflight_mark mark, const char *command, struct err *err,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *const text = arena_vprintf(look->run->arena, format, args);
    va_end(args);
    struct preflight_said *const said = arena_push(look->run->arena, &line->said);
    const char *const copy = command != NULL ? arena_strdup(look->run->arena, command) : NULL;
    if (text == NULL || said == NULL || (command != NULL && copy == NULL))
        return err_nomem(err);
    *said = (struct preflight_said){mark, text, copy};
    line->mark = mark > line->mark ? mark : line->mark;
    return true;
}

bool preflight_refuse(struct preflight_look *look, struct preflight_line *line, const char *command,
                      struct err *why, struct err *err)
{
    const bool said = preflight_say(look, line, PREFLIGHT_ERROR, command, err, "%s",
                                    why->message != NULL ? why->message : "refused");
    if (look->ended.code == ERR_NONE) {
        look->ended = *why;
        *why = (struct err){0};
    }
    return said;
}

/* ---- the server ---- */

bool preflight_enter(struct preflight_look *look, struct err *err)
{
    struct pg *const pg = look->run->ledger->pg;
    return pg_in_transaction(pg) || sessions_enter(pg, look->run->arena, err);
}

bool preflight_leave(struct preflight_look *look, struct err *err)
{
    struct pg *const pg = look->run->ledger->pg;
    return pg == NULL || pg_roll_back(pg, true, err);
}

bool preflight_query(struct preflight_look *look, const char *sql, const char *const *params,
                     size_t count, struct rows *ret, struct err *err)
{
    return preflight_enter(look, err) &&
           pg_query(look->run->ledger->pg, look->run->arena, sql, params, count, ret, err);
}

/* ---- one after another ---- */

/* What ends the whole: the rest would find the same. */
static bool is_over(const struct preflight_look *look, const struct err *err)
{
    const struct pg *const pg = look->run->ledger->pg;
    return err->code == ERR_NOMEM || err->code == ERR_SIGNAL || (pg != NULL && pg_lost(pg));
}

/* Of what is pending, as far as that is known. */
static bool find_pending(struct preflight_look *look, const char **ret_why, struct err *err)
{
    if (!look->planned) {
        *ret_why = "there is no plan";
        return true;
    }
    if (!preflight_leave(look, err) || !preflight_read(look, err))
        return false;
    *ret_why = look->harmless ? look->why_harmless : NULL;
    return true;
}

/* *ret_why: why the question is not asked; NULL: it is. */
static bool find_needs(struct preflight_look *look, const struct preflight_question *question,
                       const char **ret_why, struct err *err)
{
    *ret_why = NULL;
    if (question->needs >= PREFLIGHT_NEEDS_TARGET && !look->connected)
        *ret_why = "the target does not answer";
    else if (question->postgres && look->run->ledger->pg == NULL)
        *ret_why = "SQLite has none of that";
    else if (question->primary && look->run->ledger->standby)
        *ret_why = "only the primary knows";
    else if (question->needs == PREFLIGHT_NEEDS_LEDGER && !look->readable)
        *ret_why = "the ledger is not readable";
    else if (question->needs == PREFLIGHT_NEEDS_PENDING)
        return find_pending(look, ret_why, err);
    return true;
}

static bool ask(struct preflight_look *look, struct preflight_line *line, struct err *err)
{
    CLEANUP(err_release) struct err failed = {0};
    const int64_t since_ms = clock_monotonic_ms();
    const char *skipped = NULL;
    bool ok = find_needs(look, line->question, &skipped, &failed);
    if (skipped != NULL)
        return preflight_say(look, line, PREFLIGHT_SKIPPED, NULL, err, "%s", skipped);
    ok = ok && line->question->ask(look, line, &failed);
    if (!ok && is_over(look, &failed)) {
        *err = failed;
        failed = (struct err){0};
        return false;
    }
    line->ms = clock_monotonic_ms() - since_ms;
    return (ok || preflight_say(look, line, PREFLIGHT_WARNING, NULL, err, "cannot be asked: %s",
                                failed.message != NULL ? failed.message : "no reason given")) &&
           (ok || preflight_leave(look, err));
}

static bool ask_all(struct preflight_look *look, struct err *err)
{
    struct run *const run = look->run;
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        if (look->deploying && !questions[i].deploy)
            continue;
        struct preflight_line *const line = arena_push(run->arena, &run->result->preflight.lines);
        if (line == NULL)
            return err_nomem(err);
        *line = (struct preflight_line){.question = &questions[i]};
        if (!ask(look, line, err))
            return false;
    }
    return preflight_leave(look, err);
}

/* What a deploy would end with is what the checklist ends with. */
static bool end(struct preflight_look *look, bool asked, struct err *err)
{
    if (!asked || look->ended.code == ERR_NONE) {
        err_release(&look->ended);
        return asked;
    }
    *err = look->ended;
    return false;
}

bool preflight_run(struct arena *arena, const struct ledger_options *target,
                   const struct wait *wait, struct ledger *ledger,
                   const struct deploy_options *options, struct deploy_result *result,
                   struct findings *findings, struct err *err)
{
    struct run run = run_start(arena, target, wait, ledger, options, result, findings);
    struct preflight_look look = {.run = &run};
    const bool asked = ask_all(&look, err);
    for (size_t i = 0; i < run.preflight.count; i++)
        finding_add(arena, findings, &run.preflight.items[i]);
    return end(&look, asked, err);
}

/* ---- for a deploy ---- */

static void tell_warnings(struct run *run)
{
    for (size_t i = 0; i < run->result->preflight.lines.count; i++) {
        const struct preflight_line *const line = &run->result->preflight.lines.items[i];
        for (size_t k = 0; k < line->said.count; k++)
            if (line->said.items[k].mark == PREFLIGHT_WARNING)
                deploy_tell(
                    &run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .text = line->said.items[k].text});
    }
}

bool preflight_pass(struct run *run, struct err *err)
{
    struct preflight_look look = {
        .run = run, .deploying = true, .connected = true, .readable = true, .planned = true};
    run->result->preflight = (struct preflight){0};
    run->preflight.count = 0;
    if (!run->options->preflight || plan_empty(&run->result->plan))
        return true;
    const bool asked = ask_all(&look, err);
    tell_warnings(run);
    return end(&look, asked, err);
}
