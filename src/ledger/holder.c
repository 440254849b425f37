/* The mutex, the open attempt and the last row in words. */
#include "ledger/holder.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/detail.h"

static const char *or_unknown(const char *text)
{
    return text != NULL ? text : "?";
}

/* "process 12 of alice on db1, at "20250703075850_users"" */
static const char *attempt_text(struct arena *arena, const struct attempt *open)
{
    return arena_printf(arena, "process %" PRId64 " of %s on %s%s%s%s", open->pid,
                        or_unknown(open->user), or_unknown(open->host),
                        open->last_migration != NULL ? ", at \"" : "",
                        open->last_migration != NULL ? open->last_migration : "",
                        open->last_migration != NULL ? "\"" : "");
}

const char *holder_text(struct arena *arena, const struct pg_session *holder,
                        const struct attempt *open)
{
    const char *const attempt = open != NULL ? attempt_text(arena, open) : "";
    if (attempt == NULL)
        return NULL;
    if (holder == NULL)
        return arena_printf(arena, "another deploy holds the mutex%s%s", open != NULL ? ": " : "",
                            attempt);
    return arena_printf(arena,
                        "another deploy holds the mutex: backend %" PRId64
                        ", user %s, from %s, since %s%s%s",
                        holder->pid, or_unknown(holder->user), or_unknown(holder->address),
                        or_unknown(holder->backend_start), open != NULL ? "; " : "", attempt);
}

static const struct attempt *attempt_of_row(const struct state *state, const char *id)
{
    for (size_t i = state->attempts.count; id != NULL && i > 0; i--)
        if (strcmp(state->attempts.items[i - 1].id, id) == 0)
            return &state->attempts.items[i - 1];
    return NULL;
}

const char *holder_row_text(struct arena *arena, const struct state *state,
                            const struct journal_row *row)
{
    char at[CLOCK_ISO_BYTES];
    const struct attempt *const attempt =
        attempt_of_row(state, detail_string(arena, row->detail, "attempt"));
    const char *const user =
        attempt != NULL ? attempt->user : detail_string(arena, row->detail, "user");
    const char *const host =
        attempt != NULL ? attempt->host : detail_string(arena, row->detail, "host");
    const int64_t pid = attempt != NULL ? attempt->pid : detail_number(row->detail, "pid", 0);
    clock_format_s(row->at_us, at);
    return arena_printf(arena, "%s by %s on %s (process %" PRId64 ") at %s", row->event_name,
                        or_unknown(user), or_unknown(host), pid, at);
}

static const struct journal_row *last_change(const struct journal *journal)
{
    for (size_t i = journal->count; i > 0; i--)
        if (event_changes_set(journal->items[i - 1].event))
            return &journal->items[i - 1];
    return NULL;
}

/* NULL: nothing is known. */
static const char *who(struct ledger *ledger, struct arena *arena, bool changed)
{
    CLEANUP(err_release) struct err ignored = {0};
    struct journal journal;
    struct state state;
    struct pg_session holder;
    bool found = false;
    if (!ledger_read(ledger, arena, &journal, &ignored) ||
        !state_build(arena, &journal, &state, &ignored))
        return NULL;
    const struct journal_row *const row = last_change(&journal);
    if (changed)
        return row != NULL ? holder_row_text(arena, &state, row) : NULL;
    if (ledger->pg != NULL && !ledger_mutex_holder(ledger, arena, &found, &holder, &ignored))
        return NULL;
    const struct attempt *const open = state_open_attempt(&state);
    return found || open != NULL ? holder_text(arena, found ? &holder : NULL, open) : NULL;
}

void holder_explain(struct ledger *ledger, struct arena *arena, struct err *err)
{
    const char *const text = who(ledger, arena, strcmp(err->sqlstate, "PW002") == 0);
    if (text != NULL)
        err_detail(err, "%s", text);
}
