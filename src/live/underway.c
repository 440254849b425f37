/* The mutex, and the attempts that have begun and not ended. */
#include "live/underway.h"

#include <inttypes.h>

#include "ledger/living.h"
#include "ledger/state.h"

/* NULL in *ret_what when nobody holds it. */
static bool look_at_mutex(struct ledger *ledger, struct arena *arena, const char **ret_what,
                          struct err *err)
{
    struct pg_session holder;
    bool held = false;
    if (!ledger_mutex_holder(ledger, arena, &held, &holder, err))
        return false;
    if (held)
        *ret_what = arena_printf(arena, "backend %" PRId64 " holds the mutex", holder.pid);
    return !held || *ret_what != NULL || err_nomem(err);
}

/* An attempt without an end whose process runs on this host; NULL. */
static const struct attempt *find_living(const struct state *state)
{
    for (size_t i = 0; i < state->attempts.count; i++) {
        const struct attempt *const attempt = &state->attempts.items[i];
        if (attempt->ended == EVENT_BEGIN && attempt_living(attempt) == LIVING_YES)
            return attempt;
    }
    return NULL;
}

/* SQLite: a large migration keeps even readers out, and its begin row cannot be read. Whose lock it
 * is cannot be known; to take it for another's would end a deploy, and the one after it, for ever.
 */
static bool is_written(const char **ret_what, struct err *err)
{
    if (err->code != ERR_BUSY)
        return false;
    err_release(err);
    *ret_what = "the file is locked by a writer, which may be a deploy";
    return true;
}

bool underway_look(struct ledger *ledger, struct arena *arena, const char **ret_what,
                   struct err *err)
{
    struct journal journal;
    struct state state;
    *ret_what = NULL;
    if (ledger->pg != NULL && !look_at_mutex(ledger, arena, ret_what, err))
        return false;
    if (*ret_what != NULL)
        return true;
    if (!ledger_read(ledger, arena, &journal, err))
        return ledger->sqlite != NULL && is_written(ret_what, err);
    if (!state_build(arena, &journal, &state, err))
        return false;
    const struct attempt *const attempt = find_living(&state);
    if (attempt == NULL)
        return true;
    *ret_what = arena_printf(arena, "process %" PRId64 " began at seq %" PRId64, attempt->pid,
                             attempt->seq);
    return *ret_what != NULL || err_nomem(err);
}
