/* The rows of the sessions' statements as structures. */
#include "db/sessions.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "db/sessions_sql.h"

struct row {
    const struct rows *rows;
    size_t number;
};

static const char *text(struct row row, size_t column)
{
    return rows_get(row.rows, row.number, column);
}

static int64_t number(struct row row, size_t column, int64_t fallback)
{
    const char *const cell = text(row, column);
    return cell != NULL ? strtoll(cell, NULL, 10) : fallback;
}

static bool flag(struct row row, size_t column)
{
    const char *const cell = text(row, column);
    return cell != NULL && strcmp(cell, "t") == 0;
}

static bool is(const char *cell, const char *wanted)
{
    return cell != NULL && strcmp(cell, wanted) == 0;
}

static struct pg_session read_session(struct row row)
{
    return (struct pg_session){
        .pid = number(row, COLUMN_PID, 0),
        .gid = text(row, COLUMN_GID),
        .backend_start = text(row, COLUMN_BACKEND_START),
        .user = text(row, COLUMN_USER),
        .application = text(row, COLUMN_APPLICATION),
        .database = text(row, COLUMN_DATABASE),
        .address = text(row, COLUMN_ADDRESS),
        .type = text(row, COLUMN_TYPE),
        .state = text(row, COLUMN_STATE),
        .wait_type = text(row, COLUMN_WAIT_TYPE),
        .wait_event = text(row, COLUMN_WAIT_EVENT),
        .query = text(row, COLUMN_QUERY),
        .leader = number(row, COLUMN_LEADER, 0),
        .xact_ms = number(row, COLUMN_XACT_MS, -1),
        .state_ms = number(row, COLUMN_STATE_MS, -1),
        .query_ms = number(row, COLUMN_QUERY_MS, -1),
        .lock_type = text(row, COLUMN_LOCK_TYPE),
        .lock_mode = text(row, COLUMN_LOCK_MODE),
        .lock_object = text(row, COLUMN_LOCK_OBJECT),
        .lock_ms = number(row, COLUMN_LOCK_MS, -1),
        .hidden = flag(row, COLUMN_HIDDEN),
        .autovacuum = is(text(row, COLUMN_TYPE), "autovacuum worker"),
        .wraparound = flag(row, COLUMN_WRAPAROUND),
        .superuser = flag(row, COLUMN_SUPERUSER),
        .may_end = flag(row, COLUMN_MAY_END),
        .has_snapshot = flag(row, COLUMN_HAS_SNAPSHOT),
        .has_written = flag(row, COLUMN_HAS_WRITTEN),
    };
}

static bool add_session(struct arena *arena, struct pg_sessions *list, struct pg_session session,
                        struct err *err)
{
    struct pg_session *const added = arena_push(arena, list);
    if (added == NULL)
        return err_nomem(err);
    *added = session;
    return true;
}

static struct pg_session_progress read_progress(struct row row)
{
    return (struct pg_session_progress){
        .command = text(row, WATCH_COMMAND),
        .relation = text(row, WATCH_RELATION),
        .phase = text(row, WATCH_PHASE),
        .done = number(row, WATCH_DONE, 0),
        .total = number(row, WATCH_TOTAL, 0),
        .unit = text(row, WATCH_UNIT),
        .lockers_done = number(row, WATCH_LOCKERS_DONE, 0),
        .lockers_total = number(row, WATCH_LOCKERS_TOTAL, 0),
        .locker_pid = number(row, WATCH_LOCKER_PID, 0),
    };
}

static bool run(struct pg *pg, struct arena *arena, const struct str *sql,
                const char *const *params, size_t count, struct rows *ret, struct err *err)
{
    if (sql->failed)
        return err_nomem(err);
    return pg_query(pg, arena, str_text(sql), params, count, ret, err);
}

static const char bounds[] = "SELECT pg_catalog.set_config('statement_timeout', '5000', $1),"
                             " pg_catalog.set_config('lock_timeout', '2000', $1),"
                             " pg_catalog.set_config('jit', 'off', $1)";

bool sessions_bound(struct pg *pg, struct err *err)
{
    static const char *const session = "false";
    return pg_query(pg, NULL, bounds, &session, 1, NULL, err);
}

bool sessions_enter(struct pg *pg, struct arena *arena, struct err *err)
{
    static const char *const local = "true";
    struct pg_answers answers;
    /* In one go: a role may allow its transactions no idle moment. */
    return pg_pipeline_begin(pg, err) && pg_pipeline_add(pg, "BEGIN READ ONLY", NULL, 0, err) &&
           pg_pipeline_add(pg, "SET LOCAL idle_in_transaction_session_timeout = 0", NULL, 0, err) &&
           pg_pipeline_add(pg, bounds, &local, 1, err) &&
           pg_pipeline_run(pg, arena, &answers, NULL, NULL, err);
}

/* Of a session whose start this role may not see nothing says that it is another one. */
static bool same_backend(const struct pg_session *session, const char *backend_start)
{
    return backend_start == NULL || session->backend_start == NULL ||
           strcmp(session->backend_start, backend_start) == 0;
}

static bool add_to_picture(struct arena *arena, struct row row, const char *backend_start,
                           struct sessions_watch *ret, struct err *err)
{
    struct pg_session session = read_session(row);
    if (is(text(row, WATCH_KIND), "self")) {
        ret->found = same_backend(&session, backend_start);
        ret->self = session;
        ret->progress = read_progress(row);
        ret->waiting = (size_t)number(row, WATCH_WAITING, 0);
        ret->longest_wait_ms = number(row, WATCH_LONGEST_MS, -1);
        return true;
    }
    session.direct = flag(row, WATCH_DIRECT);
    session.root = flag(row, WATCH_ROOT);
    return add_session(arena, is(text(row, WATCH_KIND), "blocker") ? &ret->blockers : &ret->waiters,
                       session, err);
}

bool sessions_watch(struct pg *pg, struct arena *arena, int64_t pid, const char *backend_start,
                    struct sessions_watch *ret, struct err *err)
{
    static const struct sessions_watch nothing = {.longest_wait_ms = -1};
    CLEANUP(str_release) struct str sql = {0};
    struct rows rows;
    const char *const param = arena_printf(arena, "%" PRId64, pid);
    *ret = nothing;
    if (param == NULL)
        return err_nomem(err);
    sessions_sql_watch(&sql, pg_server_version(pg));
    if (!run(pg, arena, &sql, &param, 1, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (!add_to_picture(arena, (struct row){&rows, i}, backend_start, ret, err))
            return false;
    if (!ret->found)
        *ret = nothing;
    return true;
}

bool sessions_advisory_holder(struct pg *pg, struct arena *arena, int64_t key, bool *ret_found,
                              struct pg_session *ret, struct err *err)
{
    CLEANUP(str_release) struct str sql = {0};
    struct rows rows;
    const char *const param = arena_printf(arena, "%" PRId64, key);
    *ret = (struct pg_session){0};
    if (param == NULL)
        return err_nomem(err);
    sessions_sql_advisory(&sql, pg_server_version(pg));
    if (!run(pg, arena, &sql, &param, 1, &rows, err))
        return false;
    *ret_found = rows.count > 0;
    if (*ret_found)
        *ret = read_session((struct row){&rows, 0});
    return true;
}

static bool add_lock(struct arena *arena, struct row row, struct sessions_on *ret, struct err *err)
{
    struct pg_session_lock *const added = arena_push(arena, &ret->locks);
    if (added == NULL)
        return err_nomem(err);
    *added = (struct pg_session_lock){.session = read_session(row),
                                      .wanted = (size_t)number(row, ON_WANTED, 0),
                                      .mode = text(row, ON_MODE),
                                      .granted = flag(row, ON_GRANTED),
                                      .conflicts = flag(row, ON_CONFLICTS)};
    return true;
}

bool sessions_on(struct pg *pg, struct arena *arena, const struct sessions_wanted *wanted,
                 size_t count, int64_t older_than_ms, struct sessions_on *ret, struct err *err)
{
    CLEANUP(str_release) struct str sql = {0};
    struct rows rows;
    const char **const params = arena_alloc(arena, (2 * count + 1) * sizeof *params);
    *ret = (struct sessions_on){0};
    if (params == NULL)
        return err_nomem(err);
    params[0] = arena_printf(arena, "%" PRId64, older_than_ms);
    if (params[0] == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        params[2 * i + 1] = wanted[i].relation;
        params[2 * i + 2] = wanted[i].mode;
    }
    sessions_sql_on(&sql, pg_server_version(pg), count);
    if (!run(pg, arena, &sql, params, 2 * count + 1, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const struct row row = {&rows, i};
        const char *const kind = text(row, ON_KIND);
        if (is(kind, "lock") ? !add_lock(arena, row, ret, err)
                             : !add_session(arena, is(kind, "old") ? &ret->old : &ret->snapshots,
                                            read_session(row), err))
            return false;
    }
    return true;
}

static bool is_control(char c)
{
    return (c >= 0 && c < ' ') || c == '\x7f';
}

/* A text as SQL writes it, printable: E'...' where a backslash means something, as that before a
 * control character does. */
static const char *quote_text(struct arena *arena, const char *text)
{
    CLEANUP(str_release) struct str quoted = {0};
    bool escape = false;
    for (const char *c = text; *c != '\0'; c++) {
        escape = escape || *c == '\\' || is_control(*c);
        if (*c == '\'' || *c == '\\')
            str_putc(&quoted, *c);
        if (is_control(*c))
            str_printf(&quoted, "\\x%02x", (unsigned)*c);
        else
            str_putc(&quoted, *c);
    }
    return quoted.failed ? NULL
                         : arena_printf(arena, "%s'%s'", escape ? "E" : "", str_text(&quoted));
}

/* Whether there is a statement to cancel, which is then enough: with it go its locks. */
static bool can_be_cancelled(const struct pg_session *session)
{
    if (session->lock_mode != NULL || session->autovacuum)
        return true;
    return is(session->state, "active") && !is(session->type, "walsender");
}

static bool end_prepared(struct arena *arena, const struct pg_session *session,
                         struct pg_session_end *ret, struct err *err)
{
    const char *const gid = session->gid != NULL ? quote_text(arena, session->gid) : "...";
    ret->command = gid != NULL ? arena_printf(arena, "ROLLBACK PREPARED %s", gid) : NULL;
    ret->right = arena_printf(arena, "in the database \"%s\", the role \"%s\" or a superuser",
                              session->database != NULL ? session->database : "?",
                              session->user != NULL ? session->user : "?");
    return (ret->command != NULL && ret->right != NULL) || err_nomem(err);
}

bool pg_session_end(struct arena *arena, const struct pg_session *session,
                    struct pg_session_end *ret, struct err *err)
{
    *ret = (struct pg_session_end){0};
    if (session->pid == 0)
        return end_prepared(arena, session, ret, err);
    ret->cancels = can_be_cancelled(session);
    ret->command = arena_printf(arena, "SELECT pg_%s_backend(%" PRId64 ")",
                                ret->cancels ? "cancel" : "terminate",
                                session->leader != 0 ? session->leader : session->pid);
    ret->right =
        session->superuser || session->user == NULL
            ? "a superuser"
            : arena_printf(
                  arena, "the role \"%s\", a member of it or of pg_signal_backend, or a superuser",
                  session->user);
    return (ret->command != NULL && ret->right != NULL) || err_nomem(err);
}
