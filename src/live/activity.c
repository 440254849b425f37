/* Journal, process, mutex and sessions as one picture. */
#include "live/activity.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/sqlstate.h"
#include "ledger/detail.h"

bool activity_read(struct ledger *ledger, struct arena *arena, struct journal *ret, struct err *err)
{
    if (ledger->pg == NULL)
        return ledger_read(ledger, arena, ret, err);
    const bool ok = sessions_enter(ledger->pg, arena, err) && ledger_read(ledger, arena, ret, err);
    if (!ok && sqlstate_timed_out(err->sqlstate))
        err->code = ERR_BUSY;
    return pg_roll_back(ledger->pg, ok, err);
}

/* The last attempt without an end whose backend this is; without one the last that may live. */
static const struct attempt *attempt_of(const struct state *state, int64_t backend)
{
    const struct attempt *found = NULL;
    for (size_t i = state->attempts.count; i > 0; i--) {
        const struct attempt *const attempt = &state->attempts.items[i - 1];
        if (attempt->ended != EVENT_BEGIN)
            continue;
        if (!attempt->pooled && attempt->backend == backend)
            return attempt;
        if (found == NULL && attempt_living(attempt) != LIVING_NO)
            found = attempt;
    }
    return found;
}

/* Whose migrations come in the order of its pending list; another deploy's are passed over. */
static void find_migration(const struct journal *journal, const json_t *pending,
                           const struct attempt *attempt, size_t *ret_done)
{
    const size_t total = json_array_size(pending);
    size_t done = 0;
    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_row *const row = &journal->items[i];
        if (row->seq <= attempt->seq || row->event != EVENT_APPLIED || row->migration == NULL)
            continue;
        for (size_t k = done; k < total; k++)
            if (strcmp(json_string_value(json_array_get(pending, k)), row->migration) == 0) {
                done = k + 1;
                break;
            }
    }
    *ret_done = done;
}

static bool all_strings(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_string(json_array_get(array, i)))
            return false;
    return true;
}

static bool read_migration(struct arena *arena, const struct journal *journal, struct activity *ret,
                           struct err *err)
{
    const char *detail = NULL;
    CLEANUP(json_release) json_t *begin = NULL;
    for (size_t i = 0; i < journal->count; i++)
        if (journal->items[i].seq == ret->attempt->seq)
            detail = journal->items[i].detail;
    if (detail == NULL)
        return true;
    if (!detail_load(detail, &begin))
        return err_nomem(err);
    const json_t *const pending = json_object_get(begin, "pending");
    size_t done = 0;
    if (!all_strings(pending))
        return true;
    find_migration(journal, pending, ret->attempt, &done);
    ret->total = json_array_size(pending);
    if (done >= ret->total)
        return true;
    ret->number = done + 1;
    ret->migration = arena_strdup(arena, json_string_value(json_array_get(pending, done)));
    return ret->migration != NULL || err_nomem(err);
}

static bool same_session(const struct pg_session *a, const struct pg_session *b)
{
    if (a->pid != 0 || b->pid != 0)
        return a->pid == b->pid;
    return a->gid != NULL && b->gid != NULL && strcmp(a->gid, b->gid) == 0;
}

static bool among(const struct pg_sessions *list, const struct pg_session *session)
{
    for (size_t i = 0; i < list->count; i++)
        if (same_session(&list->items[i], session))
            return true;
    return false;
}

static bool in_picture(const struct sessions_watch *watch, const struct pg_session *session)
{
    return (watch->found && same_session(&watch->self, session)) ||
           among(&watch->blockers, session) || among(&watch->waiters, session);
}

/* A deploy's second connection, whose looks last for a moment. */
static bool is_watcher(const struct pg_session *session)
{
    return session->application != NULL && strcmp(session->application, "pawl watcher") == 0;
}

static bool add_others(struct arena *arena, const struct pg_sessions *list, bool old,
                       const struct pg_sessions *already, struct activity *ret, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct pg_session *const session = &list->items[i];
        if (in_picture(&ret->watch, session) || (already != NULL && among(already, session)) ||
            (!old && is_watcher(session)))
            continue;
        struct activity_other *const other = arena_push(arena, &ret->others);
        if (other == NULL)
            return err_nomem(err);
        *other = (struct activity_other){.session = *session, .old = old};
        ret->old += old;
        ret->snapshots += session->has_snapshot;
        ret->writers += !session->has_snapshot && session->has_written;
    }
    return true;
}

static bool look_at_others(struct ledger *ledger, struct arena *arena, int64_t older_than_ms,
                           struct activity *ret, struct err *err)
{
    struct sessions_on on;
    return sessions_on(ledger->pg, arena, NULL, 0, older_than_ms, &on, err) &&
           add_others(arena, &on.old, true, NULL, ret, err) &&
           add_others(arena, &on.snapshots, false, &on.old, ret, err);
}

/* Who we are, and whether there is anything that we may not see: an old transaction may be among
 * that. */
static bool look_at_ourselves(struct ledger *ledger, struct arena *arena, struct activity *ret,
                              struct err *err)
{
    struct rows rows;
    if (!pg_query(ledger->pg, arena,
                  "SELECT current_user, EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity AS a"
                  " WHERE a.datname IS NOT NULL AND a.state IS NULL"
                  " AND a.query = '<insufficient privilege>')",
                  NULL, 0, &rows, err))
        return false;
    ret->role = rows_get(&rows, 0, 0);
    ret->hidden = strcmp(rows_get(&rows, 0, 1), "t") == 0;
    return true;
}

/* Between two tries a deploy waits without a lock; its name says for whom. */
static bool add_named(struct ledger *ledger, struct arena *arena, struct sessions_watch *watch,
                      struct err *err)
{
    const char *const name = watch->self.application;
    const size_t prefix = strlen(SESSIONS_WAITS_FOR);
    if (watch->blockers.count > 0 || name == NULL || strncmp(name, SESSIONS_WAITS_FOR, prefix) != 0)
        return true;
    for (const char *at = name + prefix; *at != '\0';) {
        char *end = NULL;
        struct sessions_watch seen;
        const long long pid = strtoll(at, &end, 10);
        if (end == at || pid <= 0)
            return true; /* cut off, or somebody else's idea of a name */
        at = end + strspn(end, " ");
        if (!sessions_watch(ledger->pg, arena, pid, NULL, &seen, err))
            return false;
        struct pg_session *const added = seen.found ? arena_push(arena, &watch->blockers) : NULL;
        if (seen.found && added == NULL)
            return err_nomem(err);
        if (added != NULL)
            *added = seen.self;
        if (added != NULL)
            added->root = seen.blockers.count == 0;
    }
    return true;
}

static bool look_at_sessions(struct ledger *ledger, struct arena *arena, int64_t older_than_ms,
                             struct activity *ret, struct err *err)
{
    struct pg_session holder;
    bool held = false;
    if (!sessions_enter(ledger->pg, arena, err) || !look_at_ourselves(ledger, arena, ret, err))
        return false;
    if (!ledger_mutex_holder(ledger, arena, &held, &holder, err))
        return false;
    if (held &&
        !sessions_watch(ledger->pg, arena, holder.pid, holder.backend_start, &ret->watch, err))
        return false;
    ret->mutex = ret->watch.found; /* else it went between the two */
    if (ret->mutex && !add_named(ledger, arena, &ret->watch, err))
        return false;
    return older_than_ms < 0 || look_at_others(ledger, arena, older_than_ms, ret, err);
}

bool activity_look(struct ledger *ledger, struct arena *arena, const struct journal *journal,
                   const struct state *state, int64_t older_than_ms, struct activity *ret,
                   struct err *err)
{
    *ret = (struct activity){.watch = {.longest_wait_ms = -1}};
    if (ledger->pg != NULL &&
        !pg_roll_back(ledger->pg, look_at_sessions(ledger, arena, older_than_ms, ret, err), err))
        return false;
    ret->attempt = ret->mutex ? attempt_of(state, ret->watch.self.pid) : state_open_attempt(state);
    ret->deploying = ret->mutex;
    if (ret->attempt == NULL)
        return true;
    ret->living = attempt_living(ret->attempt);
    /* A deploy on a direct connection has the mutex, or has lost its connection. */
    if (ledger->pg == NULL || ret->attempt->pooled || ret->living == LIVING_YES)
        ret->deploying = ret->mutex || attempt_may_live(ret->attempt, clock_utc_us());
    return read_migration(arena, journal, ret, err);
}
