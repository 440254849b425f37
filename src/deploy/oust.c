/* Asking the server to cancel or end sessions, and remembering it. */
#include "deploy/oust.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/str.h"
#include "db/sessions_text.h"
#include "deploy/run.h"
#include "ledger/detail.h"
#include "ledger/living.h"

/* How long a session may take to end. */
enum { DEAF_AFTER_MS = 2000 };

static const char *const words[] = {
    [ON_BLOCKED_WAIT] = "wait",
    [ON_BLOCKED_FAIL] = "fail",
    [ON_BLOCKED_CANCEL] = "cancel",
    [ON_BLOCKED_TERMINATE] = "terminate",
};

bool on_blocked_parse(const char *word, enum on_blocked *ret)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(words[i], word) == 0) {
            *ret = (enum on_blocked)i;
            return true;
        }
    return false;
}

const char *on_blocked_name(enum on_blocked on_blocked)
{
    return words[on_blocked];
}

/* Whether the options name it; what one may not see is not hit. */
static bool is_meant(const struct oust_options *options, const struct pg_session *session)
{
    if (session->pid <= 0 || session->xact_ms < options->older_than_ms)
        return false;
    if (options->user != NULL &&
        (session->user == NULL || strcmp(session->user, options->user) != 0))
        return false;
    /* There is nothing to cancel in an idle transaction. */
    return options->on_blocked == ON_BLOCKED_TERMINATE ||
           (session->state != NULL && strcmp(session->state, "active") == 0);
}

static bool ask_server(struct pg *pg, const struct pg_session *session, enum on_blocked how,
                       struct err *err)
{
    struct rows rows;
    CLEANUP(arena_release) struct arena scratch = {0};
    /* By its start too: the number may have gone to another session since. */
    const char *const params[] = {arena_printf(&scratch, "%" PRId64, session->pid),
                                  session->backend_start};
    const char *const sql = arena_printf(
        &scratch,
        "SELECT pg_catalog.%s(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = $1"
        " AND (a.backend_start AT TIME ZONE 'UTC')::pg_catalog.text"
        " = coalesce($2::pg_catalog.timestamp::pg_catalog.text,"
        " (a.backend_start AT TIME ZONE 'UTC')::pg_catalog.text)",
        how == ON_BLOCKED_CANCEL ? "pg_cancel_backend" : "pg_terminate_backend");
    if (params[0] == NULL || sql == NULL)
        return err_nomem(err);
    return pg_query(pg, &scratch, sql, params, COUNT_OF(params), &rows, err);
}

/* What was done to this session before; NULL: nothing. */
static struct ousted *find(const struct run *run, const struct pg_session *session)
{
    for (size_t i = 0; i < run->ousted.count; i++) {
        struct ousted *const known = &run->ousted.items[i];
        if (known->pid == session->pid && session->backend_start != NULL &&
            strcmp(known->backend_start, session->backend_start) == 0)
            return known;
    }
    return NULL;
}

static struct ousted *remember(struct run *run, const struct pg_session *session,
                               enum on_blocked how)
{
    CLEANUP(json_release) json_t *facts = pg_session_json(session);
    const char *const by = words[how];
    const char *const start = session->backend_start;
    struct ousted *const added = arena_push(run->arena, &run->ousted);
    if (added == NULL)
        return NULL;
    *added = (struct ousted){.pid = session->pid,
                             .backend_start = arena_strdup(run->arena, start != NULL ? start : ""),
                             .asked_ms = clock_monotonic_ms()};
    if (facts != NULL && json_object_set_new(facts, "by", json_string(by)) == 0)
        added->facts = detail_text(run->arena, facts);
    if (added->backend_start != NULL && added->facts != NULL)
        return added;
    run->ousted.count--;
    return NULL;
}

static void tell(struct run *run, const char *what, const struct pg_session *session,
                 const struct err *failed)
{
    CLEANUP(str_release) struct str text = {0};
    str_puts(&text, what);
    pg_session_put(&text, session);
    if (failed->code != ERR_NONE)
        str_printf(&text, ": %s", failed->message != NULL ? failed->message : "?");
    if (!text.failed)
        deploy_tell(&run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .text = str_text(&text)});
}

/* It was asked to end and is still there. */
static void look_again(struct run *run, struct ousted *known, const struct pg_session *session)
{
    static const struct err none = {0};
    if (!known->done || known->deaf || clock_monotonic_ms() < known->asked_ms + DEAF_AFTER_MS)
        return;
    known->deaf = true;
    tell(run, "does not respond, its process may be stopped: ", session, &none);
}

static void end_one(struct run *run, struct pg *pg, const struct pg_session *session,
                    enum on_blocked how)
{
    const bool cancels = how == ON_BLOCKED_CANCEL;
    CLEANUP(err_release) struct err failed = {0};
    struct ousted *const known = find(run, session);
    /* First the memory of it: a session is never ended without a record. */
    struct ousted *const now = known == NULL ? remember(run, session, how) : NULL;
    if (known != NULL)
        look_again(run, known, session);
    if (now == NULL)
        return;
    now->done = ask_server(pg, session, how, &failed);
    black_box_session_ended(run, session, &failed);
    if (now->done)
        tell(run, cancels ? "cancelled: " : "ended: ", session, &failed);
    else
        tell(run, cancels ? "cannot cancel " : "cannot end ", session, &failed);
}

void oust(struct run *run, struct pg *pg, const struct pg_sessions *sessions)
{
    for (size_t i = 0; i < sessions->count; i++)
        if (run->options->oust.on_blocked >= ON_BLOCKED_CANCEL &&
            is_meant(&run->options->oust, &sessions->items[i]))
            end_one(run, pg, &sessions->items[i], run->options->oust.on_blocked);
}

/* Its process is gone, and this is the backend that the begin row names: it was there before the
 * row, so that no other one has come by its number. */
static bool is_orphan(const struct attempt *open, const struct pg_session *holder)
{
    char at[CLOCK_ISO_BYTES];
    if (open == NULL || open->pooled || open->backend != holder->pid ||
        holder->backend_start == NULL || attempt_living(open) != LIVING_NO)
        return false;
    clock_format_us(open->at_us, at);
    return strcmp(holder->backend_start, at) < 0;
}

void oust_orphan(struct run *run, const struct pg_session *holder)
{
    if (is_orphan(state_open_attempt(&run->state), holder))
        end_one(run, run->ledger->pg, holder, ON_BLOCKED_TERMINATE);
}

static bool append(struct run *run, const char *facts, struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct receipt receipt;
    CLEANUP(json_release) json_t *session = json_loads(facts, 0, NULL);
    CLEANUP(json_release) json_t *detail = attempt_detail(run);
    if (session == NULL || detail == NULL || json_object_update(detail, session) != 0)
        return err_nomem(err);
    const struct entry entry = {.event = EVENT_SESSION_ENDED,
                                .migration = run->watcher.id,
                                .detail = detail_text(run->arena, detail),
                                .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("ousted");
    if (!ledger_append(run->ledger, run->arena, &entry, -1, &receipt, err))
        return false;
    run->result->head = receipt.text;
    return true;
}

bool oust_journal(struct run *run, struct err *err)
{
    for (size_t i = 0; i < run->ousted.count; i++) {
        struct ousted *const one = &run->ousted.items[i];
        if (!one->done || one->journalled)
            continue;
        if (!append(run, one->facts, err))
            return false;
        one->journalled = true;
    }
    return true;
}
