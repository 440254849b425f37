/* The rows that frame a deploy, and the ones that a killed deploy could not write. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/host.h"
#include "base/str.h"
#include "deploy/black_box_line.h"
#include "deploy/run.h"
#include "ledger/actor.h"
#include "ledger/detail.h"
#include "ledger/living.h"

/* How long the last row may wait for others: not to hold up a stop; or else only until something
 * must be wrong. */
enum { LAST_WORDS_MS = 800, END_MS = 10 * 1000 };

struct json_t *attempt_detail(const struct run *run)
{
    return json_pack("{s:s}", "attempt", run->attempt);
}

static bool make_id(char ret[ATTEMPT_ID_BYTES], struct err *err)
{
    unsigned char bytes[(ATTEMPT_ID_BYTES - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_errno(err, ERR_FAILED, "cannot make a random number");
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static json_t *pending_ids(const struct run *run)
{
    json_t *list = json_array();
    const struct plan *const plan = &run->result->plan;
    for (size_t i = 0; list != NULL && i < plan->items.count; i++)
        (void)json_array_append_new(list, json_string(plan->items.items[i].migration->id));
    return list;
}

/* What it went over, and why. */
static bool describe_overrides(const struct run *run, json_t *detail)
{
    CLEANUP(str_release) struct str names = {0};
    if (run->overridden == 0)
        return true;
    for (unsigned i = 0; i < OVERRIDE_BITS; i++)
        if ((run->overridden & 1U << i) != 0)
            str_printf(&names, "%s%s", names.len > 0 ? " " : "", override_name(i));
    return !names.failed &&
           json_object_set_new(detail, "overrides", json_string(str_text(&names))) == 0 &&
           ((run->overridden & OVERRIDE_HOLD) == 0 ||
            json_object_set_new(detail, "hold", json_string(run->went_over)) == 0) &&
           (run->reservation == 0 ||
            json_object_set_new(detail, "reservation", json_integer(run->reservation)) == 0) &&
           ((run->overridden & OVERRIDE_LINT) == 0 ||
            json_object_set_new(detail, "lint", preflight_overridden(run)) == 0) &&
           ((run->overridden & OVERRIDE_GATE) == 0 ||
            json_object_set_new(detail, "gate", gate_overridden(run)) == 0) &&
           json_object_set_new(detail, "reason", json_string(run->options->override_reason)) == 0;
}

static const char *begin_detail(struct run *run, struct err *err)
{
    char start[HOST_START_BYTES];
    const bool started = host_process_start(getpid(), start); /* without /proc: not known */
    CLEANUP(json_release) json_t *detail = attempt_detail(run);
    if (detail == NULL || json_object_set_new(detail, "pawl", json_string(PAWL_VERSION)) != 0 ||
        !actor_describe(run->arena, detail) || !describe_overrides(run, detail) ||
        json_object_set_new(detail, "set", json_string(run->options->set->digest.text)) != 0 ||
        json_object_set_new(detail, "pending", pending_ids(run)) != 0)
        goto nomem;
    if (started && json_object_set_new(detail, "process_start", json_string(start)) != 0)
        goto nomem;
    const char *const path = run->black_box.file.open ? run->black_box.file.path : NULL;
    if (path != NULL &&
        json_object_set_new(detail, "black_box", black_box_text(path, strlen(path))) != 0)
        goto nomem;
    if (run->options->release != NULL &&
        json_object_set_new(detail, "release", json_string(run->options->release)) != 0)
        goto nomem;
    if (run->ledger->pg != NULL &&
        (json_object_set_new(detail, "backend", json_integer(pg_backend_pid(run->ledger->pg))) !=
             0 ||
         json_object_set_new(detail, "pooled", json_boolean(!run->ledger->direct)) != 0))
        goto nomem;
    const char *const text = detail_text(run->arena, detail);
    if (text != NULL)
        return text;
nomem:
    (void)err_nomem(err);
    return NULL;
}

bool attempt_begin(struct run *run, struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct receipt receipt;
    if (run->attempt[0] == '\0' && !make_id(run->attempt, err))
        return false;
    black_box_begin(run);
    const struct entry entry = {
        .event = EVENT_BEGIN, .detail = begin_detail(run, err), .digest = digest.text};
    if (entry.detail == NULL)
        return false;
    fault_point("begin");
    if (!ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->begun = true;
    run->result->head = receipt.text;
    black_box_row(run, event_name(entry.event), receipt.text);
    fault_point("begun");
    return true;
}

static enum ledger_event end_event(const struct err *why, const struct wait *wait)
{
    if (why->code == ERR_NONE)
        return EVENT_END;
    /* Partial: a paused backfill that was told to stop. */
    return why->code == ERR_SIGNAL || why->code == ERR_BUSY ||
                   (why->code == ERR_PARTIAL && wait_cancelled(wait))
               ? EVENT_STOPPED
               : EVENT_FAILED;
}

static const char *end_detail(struct run *run, const struct err *why)
{
    CLEANUP(json_release) json_t *detail = attempt_detail(run);
    if (detail == NULL)
        return NULL;
    bool ok = json_object_set_new(detail, "applied",
                                  json_integer((json_int_t)run->result->done.count)) == 0;
    ok = ok && tally_describe(&run->black_box.all, detail) &&
         leftover_describe(&run->result->debt, detail);
    if (why->message != NULL)
        ok = ok && json_object_set_new(detail, "message", json_string(why->message)) == 0;
    if (why->sqlstate[0] != '\0')
        ok = ok && json_object_set_new(detail, "sqlstate", json_string(why->sqlstate)) == 0;
    if (why->code != ERR_NONE && run->watcher.blockers != NULL)
        ok = ok && json_object_set(detail, "blockers", run->watcher.blockers) == 0;
    if (run->step_begun)
        ok = ok && json_object_set_new(detail, "step_open", json_true()) == 0;
    if (why->line > 0)
        ok = ok && json_object_set_new(detail, "line", json_integer(why->line)) == 0;
    return ok ? detail_text(run->arena, detail) : NULL;
}

void attempt_end(struct run *run, const struct err *why)
{
    CLEANUP(err_release) struct err failed = {0};
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    const struct migration *const m = run->failed != NULL ? run->failed->migration : NULL;
    const struct entry entry = {
        .event = end_event(why, run->wait),
        .migration = m != NULL ? m->id : NULL,
        .checksum = m != NULL ? m->checksum.text : NULL,
        .detail = end_detail(run, why),
        .digest = digest.text,
    };
    struct receipt receipt;
    black_box_end(run, event_name(entry.event), why);
    if (!run->begun || entry.detail == NULL)
        return;
    if (run->ledger->pg == NULL && run->ledger->sqlite == NULL)
        return; /* the server has not come back */
    fault_point("end");
    /* A request to stop must not keep us from saying so; nor, when it came too late to stop
     * anything, from saying that all is done. */
    const bool stopped = why->code == ERR_SIGNAL || wait_cancelled(run->wait);
    const struct wait last_words = {.cancel_fd = stopped ? -1 : run->wait->cancel_fd,
                                    .deadline_ms =
                                        clock_monotonic_ms() + (stopped ? LAST_WORDS_MS : END_MS)};
    if (run->ledger->pg != NULL) {
        pg_set_wait(run->ledger->pg, &last_words);
    } else {
        sqlite_set_wait(run->ledger->sqlite, &last_words);
        sqlite_set_patience(run->ledger->sqlite, -1);
    }
    /* A step that failed may have left another role. */
    if (run->ledger->pg != NULL &&
        !pg_exec(run->ledger->pg, "RESET SESSION AUTHORIZATION", &failed))
        return;
    if (ledger_append(run->ledger, run->arena, &entry, -1, &receipt, &failed)) {
        run->result->head = receipt.text;
        black_box_row(run, event_name(entry.event), receipt.text);
    }
    fault_point("ended");
}

static bool surely_dead(const struct run *run, const struct attempt *attempt, int64_t now_us)
{
    /* Whoever holds the mutex knows that no direct deploy is under way but its own. */
    if (run->mutex && !attempt->pooled)
        return true;
    /* Wrongly so at worst: nothing but the log depends on it. */
    return !attempt_may_live(attempt, now_us);
}

const struct attempt *attempt_alive(const struct run *run)
{
    for (size_t i = 0; i < run->state.attempts.count; i++) {
        const struct attempt *const attempt = &run->state.attempts.items[i];
        if (attempt->ended == EVENT_BEGIN && strcmp(attempt->id, run->attempt) != 0 &&
            attempt_living(attempt) == LIVING_YES)
            return attempt;
    }
    return NULL;
}

/* What happened before this deploy, for whoever runs it now. */
static void tell_buried(struct run *run, const struct attempt *attempt, const char *last)
{
    CLEANUP(str_release) struct str text = {0};
    str_printf(&text, "the deploy that began at seq %" PRId64, attempt->seq);
    if (attempt->release != NULL)
        str_printf(&text, ", release %s", attempt->release);
    if (attempt->user != NULL && attempt->host != NULL)
        str_printf(&text, ", by %s on %s,", attempt->user, attempt->host);
    str_puts(&text, " did not say how it ended");
    if (last != NULL)
        str_printf(&text, "; the last that it wrote is about \"%s\"", last);
    if (!text.failed)
        deploy_tell(&run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .text = str_text(&text)});
}

static bool bury(struct run *run, const struct attempt *attempt, struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct receipt receipt;
    CLEANUP(json_release)
    json_t *detail =
        json_pack("{s:s, s:I}", "attempt", attempt->id, "begin", (json_int_t)attempt->seq);
    if (detail != NULL && attempt->last_migration != NULL &&
        json_object_set_new(detail, "after", json_string(attempt->last_migration)) != 0)
        return err_nomem(err);
    /* Where it was: the steps that stand, and the one whose end is not known. */
    const struct partial *const partial =
        run->state.partials.count > 0 ? &run->state.partials.items[0] : NULL;
    if (detail != NULL && partial != NULL &&
        (json_object_set_new(detail, "migration", json_string(partial->id)) != 0 ||
         json_object_set_new(detail, "steps_done", json_integer(partial->steps_done)) != 0 ||
         json_object_set_new(detail, "step_open", json_boolean(partial->step_open)) != 0))
        return err_nomem(err);
    const struct entry entry = {.event = EVENT_ABANDONED,
                                .migration =
                                    partial != NULL ? partial->id : attempt->last_migration,
                                .detail = detail_text(run->arena, detail),
                                .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("bury");
    if (!ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->result->head = receipt.text;
    tell_buried(run, attempt, entry.migration);
    return true;
}

/* A process that is gone has written all that it will, but maybe after we read the journal and
 * before we looked at the process. Under the mutex nobody writes in between. */
static bool still_open(struct run *run, const struct attempt *attempt, bool *ret, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct journal journal;
    struct state state;
    *ret = run->mutex && !attempt->pooled;
    if (*ret)
        return true;
    if (!ledger_read(run->ledger, &scratch, &journal, err) ||
        !state_build(&scratch, &journal, &state, err))
        return false;
    for (size_t i = 0; i < state.attempts.count; i++)
        if (strcmp(state.attempts.items[i].id, attempt->id) == 0)
            *ret = state.attempts.items[i].ended == EVENT_BEGIN;
    return true;
}

bool attempt_bury_dead(struct run *run, struct err *err)
{
    const int64_t now_us = clock_utc_us();
    for (size_t i = 0; i < run->state.attempts.count; i++) {
        const struct attempt *const attempt = &run->state.attempts.items[i];
        bool open = false;
        if (attempt->ended != EVENT_BEGIN || !surely_dead(run, attempt, now_us))
            continue;
        if (!still_open(run, attempt, &open, err) || (open && !bury(run, attempt, err)))
            return false;
    }
    return true;
}
