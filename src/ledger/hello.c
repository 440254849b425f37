/* What an instance says, and what keeps it from saying that in the middle of a closing. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ledger/actor.h"
#include "ledger/presence.h"
#include "ledger/schema.h"

/* ---- making ---- */

static bool is_made(struct ledger *ledger, struct arena *arena, bool *ret, struct err *err)
{
    struct rows rows;
    const char *const sql = ledger_sql(
        arena,
        "SELECT pg_catalog.to_regprocedure('{ledger}.bye(pg_catalog.text, pg_catalog.text)')"
        " IS NOT NULL",
        ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    if (!pg_query(ledger->pg, arena, sql, NULL, 0, &rows, err))
        return false;
    *ret = strcmp(rows_get(&rows, 0, 0), "t") == 0;
    return true;
}

static bool make_pg(struct ledger *ledger, struct arena *arena, struct err *err)
{
    struct pg_answers answers;
    if (!pg_pipeline_begin(ledger->pg, err) || !pg_pipeline_add(ledger->pg, "BEGIN", NULL, 0, err))
        return false;
    for (size_t i = 0; ledger_presence_pg[i] != NULL; i++) {
        const char *const sql = ledger_sql(arena, ledger_presence_pg[i], ledger->name);
        if (sql == NULL)
            return err_nomem(err);
        if (!pg_pipeline_add(ledger->pg, sql, NULL, 0, err))
            return false;
    }
    return pg_pipeline_add(ledger->pg, "COMMIT", NULL, 0, err) &&
           pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err);
}

bool presence_make(struct ledger *ledger, struct arena *arena, struct err *err)
{
    bool made = false;
    if (ledger->pg == NULL) {
        const char *const sql = ledger_sql(arena, ledger_presence_sqlite[0], ledger->name);
        return sql != NULL ? sqlite_exec(ledger->sqlite, sql, err) : err_nomem(err);
    }
    if (!is_made(ledger, arena, &made, err) || made)
        return made;
    if (make_pg(ledger, arena, err))
        return true;
    /* Somebody else may have made it in the same moment. */
    CLEANUP(err_release) struct err again = {0};
    if (pg_lost(ledger->pg) || !is_made(ledger, arena, &made, &again) || !made)
        return false;
    err_release(err);
    return true;
}

/* ---- hello and bye ---- */

static bool read_answer(struct arena *arena, const char *text, struct hello *ret, struct err *err)
{
    static const char wait[] = "wait ", blocked[] = "blocked ";
    *ret = (struct hello){0};
    if (text == NULL)
        return err_set(err, ERR_FAILED, "hello() gave no answer");
    if (strncmp(text, wait, sizeof wait - 1) == 0) {
        ret->answer = HELLO_WAIT;
        ret->migration = arena_strdup(arena, text + sizeof wait - 1);
    } else if (strncmp(text, blocked, sizeof blocked - 1) == 0) {
        ret->answer = HELLO_BLOCKED;
        ret->migration = arena_strdup(arena, text + sizeof blocked - 1);
    }
    return ret->answer == HELLO_OK || ret->migration != NULL || err_nomem(err);
}

const char *presence_application(struct arena *arena, const char *release)
{
    enum { MOST = 63 - (int)sizeof PRESENCE_APPLICATION + 1, DIGITS = 8 };
    const size_t len = strlen(release);
    const struct hash_hex hash = hash_bytes(release, len);
    bool plain = len <= MOST;
    char shown[MOST + 1] = "";
    for (size_t i = 0; i < len && i < MOST; i++) {
        const bool as_it_is = release[i] >= ' ' && release[i] <= '~';
        plain = plain && as_it_is;
        shown[i] = as_it_is ? release[i] : '?';
    }
    /* What the server would cut or replace must not make one name of two. */
    return plain ? arena_printf(arena, PRESENCE_APPLICATION "%s", shown)
                 : arena_printf(arena, PRESENCE_APPLICATION "%.*s-%.*s", MOST - DIGITS - 1, shown,
                                DIGITS, hash.text);
}

/* The name is set for this transaction alone: it is not this session's, but the program's. */
static bool hello_pg(struct ledger *ledger, struct arena *arena,
                     const struct presence_instance *instance, struct hello *ret, struct err *err)
{
    static const char template[] =
        "SELECT {ledger}.hello($1, $2, $3)"
        " FROM pg_catalog.set_config('application_name', $4, true) AS named";
    const char *const params[] = {instance->release, instance->instance,
                                  arena_printf(arena, "%" PRId64 " milliseconds", instance->ttl_ms),
                                  instance->application};
    const char *const sql = ledger_sql(arena, template, ledger->name);
    struct rows rows;
    if (params[2] == NULL || sql == NULL)
        return err_nomem(err);
    if (!pg_query(ledger->pg, arena, sql, params, 4, &rows, err)) {
        if (strcmp(err->sqlstate, "42883") != 0) /* undefined_function */
            return false;
        err_release(err);
        if (!presence_make(ledger, arena, err) ||
            !pg_query(ledger->pg, arena, sql, params, 4, &rows, err))
            return false;
    }
    return read_answer(arena, rows_get(&rows, 0, 0), ret, err);
}

static const char *number(struct arena *arena, int64_t value)
{
    return arena_printf(arena, "%" PRId64, value);
}

static bool run_lite(struct ledger *ledger, struct arena *arena, const char *template,
                     const char *const *params, size_t count, struct rows *ret, struct err *err)
{
    const char *const sql = ledger_sql(arena, template, ledger->name);
    for (size_t i = 0; i < count; i++)
        if (params[i] == NULL)
            return err_nomem(err);
    return sql != NULL ? sqlite_query(ledger->sqlite, arena, sql, strlen(sql), params, count, ret,
                                      NULL, err)
                       : err_nomem(err);
}

/* Whether this release has to wait for a closing, or was passed by: as the function of PostgreSQL
 * says it. since_us: the first registration of the release. */
static bool judge_lite(struct ledger *ledger, struct arena *arena, const char *name,
                       int64_t since_us, struct hello *ret, struct err *err)
{
    struct journal journal;
    struct state state;
    if (!ledger_read(ledger, arena, &journal, err) || !state_build(arena, &journal, &state, err))
        return false;
    const struct release *const release = state_release(&state, name);
    const struct closing *const closing = &state.closing;
    ret->migration = release_passed_by(release, &journal, since_us);
    if (ret->migration != NULL)
        ret->answer = HELLO_BLOCKED;
    else if (closing->id != NULL && !release_has(release, closing->id, closing->checksum)) {
        ret->answer = HELLO_WAIT;
        ret->migration = closing->id;
    }
    return true;
}

static bool hello_lite(struct ledger *ledger, struct arena *arena,
                       const struct presence_instance *instance, struct hello *ret, struct err *err)
{
    static const char known[] =
        "SELECT coalesce(max(instance = ?2), 0), coalesce(max(instance = ?2 AND left_at IS NULL"
        " AND seen_at + ttl > CAST(?3 AS INTEGER)), 0), min(registered_at) FROM {ledger}_instance "
        "WHERE release = ?1";
    static const char upsert[] =
        "INSERT INTO {ledger}_instance VALUES (?1, ?2, ?4, ?5, 'pawl', ?6, ?3, ?3, ?7, NULL)"
        " ON CONFLICT (release, instance) DO UPDATE SET \"user\" = excluded.\"user\","
        " host = excluded.host, backend = excluded.backend, seen_at = excluded.seen_at,"
        " ttl = excluded.ttl, left_at = NULL";
    const int64_t now_us = clock_utc_us();
    const char *const params[] = {instance->release,
                                  instance->instance,
                                  number(arena, now_us),
                                  actor_user(arena),
                                  actor_host(arena),
                                  number(arena, getpid()),
                                  number(arena, instance->ttl_ms * 1000)};
    struct rows rows;
    *ret = (struct hello){0};
    if (!run_lite(ledger, arena, ledger_presence_sqlite[0], NULL, 0, NULL, err) ||
        !run_lite(ledger, arena, known, params, 3, &rows, err))
        return false;
    const bool was_known = strcmp(rows_get(&rows, 0, 0), "1") == 0;
    const bool was_live = strcmp(rows_get(&rows, 0, 1), "1") == 0;
    const char *const since = rows_get(&rows, 0, 2);
    if (!judge_lite(ledger, arena, instance->release,
                    since != NULL ? strtoll(since, NULL, 10) : now_us, ret, err))
        return false;
    if (ret->answer == HELLO_WAIT && was_live)
        *ret = (struct hello){0};
    return (ret->answer == HELLO_BLOCKED && !was_known) ||
           run_lite(ledger, arena, upsert, params, COUNT_OF(params), NULL, err);
}

bool presence_hello(struct ledger *ledger, struct arena *arena,
                    const struct presence_instance *instance, struct hello *ret, struct err *err)
{
    if (ledger->pg != NULL)
        return hello_pg(ledger, arena, instance, ret, err);
    if (!sqlite_exec(ledger->sqlite, "BEGIN IMMEDIATE", err))
        return false;
    if (hello_lite(ledger, arena, instance, ret, err) && sqlite_exec(ledger->sqlite, "COMMIT", err))
        return true;
    sqlite_rollback(ledger->sqlite);
    return false;
}

bool presence_bye(struct ledger *ledger, struct arena *arena, const char *release,
                  const char *instance, struct err *err)
{
    const char *const params[] = {release, instance, number(arena, clock_utc_us())};
    const char *const sql = ledger_sql(arena, "SELECT {ledger}.bye($1, $2)", ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    if (ledger->pg != NULL)
        return pg_query(ledger->pg, arena, sql, params, 2, NULL, err);
    return run_lite(ledger, arena,
                    "UPDATE {ledger}_instance SET seen_at = ?3, left_at = ?3"
                    " WHERE release = ?1 AND instance = ?2 AND left_at IS NULL",
                    params, 3, NULL, err);
}

/* ---- closing ---- */

const char *presence_lock_key(struct arena *arena, const struct ledger *ledger)
{
    const char *const scope = arena_printf(arena, "%s:hello", ledger->name);
    return scope != NULL ? number(arena, ledger_mutex_key(scope)) : NULL;
}

bool presence_close(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                    int64_t expected_change, struct receipt *ret, struct err *err)
{
    struct ledger_write writes[] = {
        {.sql = "SET LOCAL lock_timeout = '1s'"},
        {.sql = "SELECT pg_catalog.pg_advisory_xact_lock($1)", .count = 1},
    };
    if (ledger->pg == NULL) /* a writer is alone there */
        return ledger_append(ledger, arena, entry, expected_change, ret, err);
    writes[1].params[0] = presence_lock_key(arena, ledger);
    if (writes[1].params[0] == NULL)
        return err_nomem(err);
    return ledger_append_with(ledger, arena, writes, COUNT_OF(writes), entry, expected_change, ret,
                              err);
}
