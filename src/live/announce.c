/* Rows that hold deploys up, or only show. */
#include "live/announce.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "ledger/actor.h"
#include "ledger/detail.h"
#include "ledger/holder.h"

static const int64_t longest_us = RESERVATION_MAX_DAYS * 86400LL * 1000000;

bool announce_open(struct arena *arena, struct ledger *ledger, struct announcer *ret,
                   struct err *err)
{
    struct journal_break broken;
    *ret = (struct announcer){.arena = arena, .ledger = ledger};
    if (!ledger_prepare_writer(ledger, arena, err) ||
        !ledger_read(ledger, arena, &ret->journal, err))
        return false;
    if (!ledger->exists) {
        (void)err_set(err, ERR_REFUSED, "the target has no ledger \"%s\"", ledger->name);
        err_state(err, "Nothing was changed.");
        err_hint(err, "Deploy, or adopt what is there: pawl adopt --as-of none.");
        return false;
    }
    if (!journal_verify(&ret->journal, &broken, err)) {
        err_state(err, "Nothing was changed.");
        return false;
    }
    return state_build(arena, &ret->journal, &ret->state, err);
}

bool announce_until(struct arena *arena, const char *text, int64_t now_us, int64_t *ret_us,
                    struct err *err)
{
    int64_t ms = 0;
    char now[CLOCK_ISO_BYTES];
    const char *const shown = fs_printable(arena, text);
    if (shown == NULL)
        return err_nomem(err);
    if (clock_parse_duration_ms(text, &ms)) {
        /* Far enough is too far: no overflow. */
        *ret_us = now_us + (ms <= longest_us / 1000 ? ms * 1000 : longest_us + 1);
    } else if (!clock_parse_iso_us(text, ret_us)) {
        (void)err_set(err, ERR_USAGE, "\"%s\" is no time until which to reserve", shown);
        err_hint(err, "Give a duration from now, 90m or 2h, or a time with its zone, "
                      "2025-07-03T14:00:00+02:00.");
        return false;
    }
    if (*ret_us > now_us && *ret_us <= now_us + longest_us)
        return true;
    clock_format_s(now_us, now);
    (void)err_set(err, ERR_USAGE, "a reservation ends within the next %d days, not at \"%s\"",
                  RESERVATION_MAX_DAYS, shown);
    err_hint(err, "By the database's clock it is %s.", now);
    return false;
}

/* Rows that say nothing of the applied set have no digest: a start-up check finds them by that. */
static bool record(struct announcer *announcer, enum ledger_event event, const char *migration,
                   json_t *detail, const char *reason, const char **ret_head, struct err *err)
{
    CLEANUP(json_release) json_t *owned = detail;
    struct receipt receipt;
    if (owned == NULL ||
        (reason != NULL && json_object_set_new(owned, "reason", json_string(reason)) != 0) ||
        !actor_describe(announcer->arena, owned))
        return err_nomem(err);
    const struct entry entry = {
        .event = event, .migration = migration, .detail = detail_text(announcer->arena, owned)};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("announce");
    if (!ledger_append(announcer->ledger, announcer->arena, &entry, -1, &receipt, err))
        return false;
    *ret_head = receipt.text;
    return true;
}

bool announce_reservation(struct announcer *announcer, int64_t until_us, const char *reason,
                          const char **ret_head, struct err *err)
{
    char until[CLOCK_ISO_BYTES];
    clock_format_us(until_us, until);
    return record(announcer, EVENT_RESERVED, NULL, json_pack("{s:s}", "until", until), reason,
                  ret_head, err);
}

bool announce_end(struct announcer *announcer, int64_t id, const char *reason,
                  const char **ret_head, struct err *err)
{
    return record(announcer, EVENT_RESERVATION_ENDED, NULL,
                  json_pack("{s:I}", "reservation", (json_int_t)id), reason, ret_head, err);
}

bool announce_maintenance(struct announcer *announcer, bool on, const char *reason,
                          const char **ret_head, struct err *err)
{
    return record(announcer, on ? EVENT_MAINTENANCE_ON : EVENT_MAINTENANCE_OFF, NULL, json_object(),
                  reason, ret_head, err);
}

bool announce_retired(struct announcer *announcer, const char *release, const char *reason,
                      const char **ret_head, struct err *err)
{
    return record(announcer, EVENT_RETIRED, NULL, json_pack("{s:s}", "release", release), reason,
                  ret_head, err);
}

bool announce_override(struct announcer *announcer, const char *release, const char *migration,
                       const char *reason, const char **ret_head, struct err *err)
{
    return record(announcer, EVENT_OVERRIDE, migration,
                  release != NULL ? json_pack("{s:s}", "release", release) : json_object(), reason,
                  ret_head, err);
}

/* detail: what the row has beside the backfill, who and why; taken over. */
static bool backfill_entry(struct announcer *announcer, enum ledger_event event,
                           const struct checkpoint *checkpoint, json_t *detail, const char *reason,
                           struct entry *ret, struct err *err)
{
    CLEANUP(json_release) json_t *owned = detail;
    if (owned == NULL || !actor_describe(announcer->arena, owned) ||
        (reason != NULL && json_object_set_new(owned, "reason", json_string(reason)) != 0))
        return err_nomem(err);
    *ret = (struct entry){.event = event,
                          .migration = checkpoint->migration,
                          .checksum = checkpoint->checksum,
                          .detail = detail_text(announcer->arena, owned)};
    return ret->detail != NULL || err_nomem(err);
}

bool announce_backfill(struct announcer *announcer, const struct checkpoint *checkpoint, bool pause,
                       const char *reason, const char **ret_head, struct err *err)
{
    struct arena *const arena = announcer->arena;
    const char *const user = actor_user(arena), *const host = actor_host(arena);
    const char *const by =
        user != NULL && host != NULL ? arena_printf(arena, "%s on %s", user, host) : NULL;
    struct entry entry;
    struct receipt receipt;
    if (by == NULL)
        return err_nomem(err);
    if (!backfill_entry(announcer, pause ? EVENT_BACKFILL_PAUSED : EVENT_BACKFILL_RESUMED,
                        checkpoint, json_object(), reason, &entry, err))
        return false;
    fault_point("announce");
    if (checkpoint_pause(announcer->ledger, arena, checkpoint->migration, pause ? by : NULL,
                         pause ? reason : NULL, &entry, &receipt, err)) {
        *ret_head = receipt.text;
        return true;
    }
    if (strcmp(err->sqlstate, LEDGER_NOT_ONE_ROW) == 0)
        (void)err_set(err, ERR_BUSY, "\"%s\" is done, or was %s by somebody else just now",
                      checkpoint->migration, pause ? "paused" : "resumed");
    return false;
}

bool announce_backfill_cancelled(struct announcer *announcer, const struct checkpoint *checkpoint,
                                 const char *reason, const char **ret_head, struct err *err)
{
    struct arena *const arena = announcer->arena;
    json_t *const detail = json_pack(
        "{ss? sI sI sI}", "reached", checkpoint->reached, "walked", (json_int_t)checkpoint->walked,
        "changed", (json_int_t)checkpoint->changed, "estimate", (json_int_t)checkpoint->estimate);
    struct entry entry;
    struct receipt receipt;
    if (!backfill_entry(announcer, EVENT_BACKFILL_CANCELLED, checkpoint, detail, reason, &entry,
                        err))
        return false;
    fault_point("announce");
    if (checkpoint_cancel(announcer->ledger, arena, checkpoint, &entry,
                          announcer->state.last_change, &receipt, err)) {
        *ret_head = receipt.text;
        return true;
    }
    if (strcmp(err->sqlstate, LEDGER_NOT_ONE_ROW) == 0)
        (void)err_set(err, ERR_BUSY, "\"%s\" has gone on, or is done", checkpoint->migration);
    if (err->code == ERR_BUSY) {
        holder_explain(announcer->ledger, arena, err);
        err_state(err, "Nothing was changed.");
        err_hint(err, "Stop the deploy that is at work, or wait for it; then type it again.");
    }
    return false;
}
