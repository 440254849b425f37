/* Asking the server to cancel or end sessions, and remembering it. */
#include "deploy/oust.h"

#include <inttypes.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "db/sessions_text.h"
#include "deploy/run.h"
#include "ledger/detail.h"

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

static bool ask_server(struct run *run, struct pg *pg, const struct pg_session *session,
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
        run->options->oust.on_blocked == ON_BLOCKED_CANCEL ? "pg_cancel_backend"
                                                           : "pg_terminate_backend");
    if (params[0] == NULL || sql == NULL)
        return err_nomem(err);
    return pg_query(pg, &scratch, sql, params, COUNT_OF(params), &rows, err);
}

static bool remember(struct run *run, const struct pg_session *session, bool *ret_again)
{
    json_t *const list = run->ousted != NULL ? run->ousted : json_array();
    CLEANUP(json_release) json_t *item = pg_session_json(session);
    size_t i;
    json_t *known;
    run->ousted = list;
    *ret_again = false;
    json_array_foreach(list, i, known) *ret_again =
        *ret_again || json_equal(json_object_get(known, "pid"), json_object_get(item, "pid"));
    return *ret_again || (item != NULL &&
                          json_object_set_new(
                              item, "by", json_string(words[run->options->oust.on_blocked])) == 0 &&
                          json_array_append(list, item) == 0);
}

static void tell(struct run *run, const struct pg_session *session, const struct err *failed)
{
    CLEANUP(str_release) struct str text = {0};
    const bool cancelled = run->options->oust.on_blocked == ON_BLOCKED_CANCEL;
    str_puts(&text, failed->code == ERR_NONE ? (cancelled ? "cancelled: " : "ended: ")
                                             : (cancelled ? "cannot cancel " : "cannot end "));
    pg_session_put(&text, session);
    if (failed->code != ERR_NONE)
        str_printf(&text, ": %s", failed->message != NULL ? failed->message : "?");
    if (!text.failed)
        deploy_tell(&run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .text = str_text(&text)});
}

void oust(struct run *run, struct pg *pg, const struct pg_sessions *sessions)
{
    const struct oust_options *const options = &run->options->oust;
    if (options->on_blocked < ON_BLOCKED_CANCEL)
        return;
    for (size_t i = 0; i < sessions->count; i++) {
        const struct pg_session *const session = &sessions->items[i];
        CLEANUP(err_release) struct err failed = {0};
        bool again = false;
        /* First the record of it: a session is never ended without one. */
        if (!is_meant(options, session) || !remember(run, session, &again))
            continue;
        if (!ask_server(run, pg, session, &failed) && again)
            continue; /* told before */
        if (!again)
            tell(run, session, &failed);
    }
}

bool oust_journal(struct run *run, struct err *err)
{
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    for (size_t i = 0; i < json_array_size(run->ousted); i++) {
        struct receipt receipt;
        CLEANUP(json_release) json_t *detail = attempt_detail(run);
        if (detail == NULL || json_object_update(detail, json_array_get(run->ousted, i)) != 0)
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
    }
    json_decref(run->ousted);
    run->ousted = NULL;
    return true;
}
