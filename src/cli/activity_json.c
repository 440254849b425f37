/* What goes on in a target, as JSON. */
#include "cli/activity_text.h"

#include "base/clock.h"
#include "ledger/detail.h"

static json_t *number_or_null(int64_t number, bool known)
{
    return known ? json_integer((json_int_t)number) : json_null();
}

static json_t *time_or_null(const struct attempt *attempt)
{
    char text[CLOCK_ISO_BYTES];
    if (attempt == NULL)
        return json_null();
    clock_format_us(attempt->at_us, text);
    return json_string(text);
}

static json_t *progress_json(const struct pg_session_progress *progress)
{
    if (progress->command == NULL)
        return json_null();
    return json_pack("{so so so sI sI so sI sI so}", "command", cli_json_text(progress->command),
                     "relation", cli_json_text(progress->relation), "phase",
                     cli_json_text(progress->phase), "done", (json_int_t)progress->done, "total",
                     (json_int_t)progress->total, "unit", cli_json_text(progress->unit),
                     "lockers_done", (json_int_t)progress->lockers_done, "lockers_total",
                     (json_int_t)progress->lockers_total, "locker_pid",
                     number_or_null(progress->locker_pid, progress->locker_pid != 0));
}

json_t *activity_json_deploy(const struct activity *activity)
{
    static const char *const words[] = {
        [LIVING_YES] = "running", [LIVING_NO] = "gone", [LIVING_UNKNOWN] = "unknown"};
    const struct attempt *const attempt = activity->attempt;
    const struct sessions_watch *const watch = &activity->watch;
    const bool begun = attempt != NULL, mutex = activity->mutex;
    const int64_t first = watch->blockers.count > 0 ? watch->blockers.items[0].pid : 0;
    if (!activity->deploying && !begun)
        return json_null();
    return json_pack(
        "{sb so so so so so so ss so sI sI so so so so sI so so}", "in_progress",
        (int)activity->deploying, "begin", number_or_null(begun ? attempt->seq : 0, begun), "at",
        time_or_null(attempt), "release", cli_json_text(begun ? attempt->release : NULL), "user",
        cli_json_text(begun ? attempt->user : NULL), "host",
        cli_json_text(begun ? attempt->host : NULL), "pid",
        number_or_null(begun ? attempt->pid : 0, begun), "process", words[activity->living],
        "migration", cli_json_text(activity->migration), "number", (json_int_t)activity->number,
        "total", (json_int_t)activity->total, "backend",
        number_or_null(mutex ? watch->self.pid : 0, mutex), "waits_for",
        cli_json_text(watch->self.lock_object), "waits_ms",
        number_or_null(watch->self.lock_ms, mutex && watch->self.lock_ms >= 0), "in_the_way",
        number_or_null(first, first != 0), "waiting", (json_int_t)watch->waiting, "longest_wait_ms",
        number_or_null(watch->longest_wait_ms, watch->longest_wait_ms >= 0), "progress",
        progress_json(&watch->progress));
}

static json_t *session_json(const struct pg_session *s, const struct pg_session_end *end,
                            const char *part, bool old)
{
    json_t *lock =
        s->lock_mode == NULL
            ? json_null()
            : json_pack("{so so so so}", "type", cli_json_text(s->lock_type), "mode",
                        cli_json_text(s->lock_mode), "object", cli_json_text(s->lock_object), "ms",
                        number_or_null(s->lock_ms, s->lock_ms >= 0));
    return json_pack(
        "{ss sb sb sb so so so so so so so so so so so so so so so so sb sb sb sb so so sb sb}",
        "part", part, "root", (int)s->root, "direct", (int)s->direct, "old", (int)old, "pid",
        number_or_null(s->pid, s->pid != 0), "gid", cli_json_text(s->gid), "backend_start",
        cli_json_text(s->backend_start), "user", cli_json_text(s->user), "application",
        cli_json_text(s->application), "database", cli_json_text(s->database), "address",
        cli_json_text(s->address), "type", cli_json_text(s->type), "state", cli_json_text(s->state),
        "transaction_ms", number_or_null(s->xact_ms, s->xact_ms >= 0), "state_ms",
        number_or_null(s->state_ms, s->state_ms >= 0), "query_ms",
        number_or_null(s->query_ms, s->query_ms >= 0), "wait_type", cli_json_text(s->wait_type),
        "wait_event", cli_json_text(s->wait_event), "query", cli_json_text(s->query), "lock", lock,
        "snapshot", (int)s->has_snapshot, "written", (int)s->has_written, "wraparound",
        (int)s->wraparound, "hidden", (int)s->hidden, "end", cli_json_text(end->command),
        "end_takes", cli_json_text(end->right), "end_cancels", (int)end->cancels, "may_end",
        (int)s->may_end);
}

static bool add(struct arena *arena, json_t *array, const struct pg_session *session,
                const char *part, bool old, struct err *err)
{
    struct pg_session_end end;
    return pg_session_end(arena, session, &end, err) &&
           (json_array_append_new(array, session_json(session, &end, part, old)) == 0 ||
            err_nomem(err));
}

static bool add_all(struct arena *arena, json_t *array, const struct pg_sessions *list,
                    const char *part, struct err *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (!add(arena, array, &list->items[i], part, false, err))
            return false;
    return true;
}

bool activity_json_sessions(struct arena *arena, const struct activity *activity, json_t **ret,
                            struct err *err)
{
    CLEANUP(json_release) json_t *array = json_array();
    *ret = NULL;
    if (array == NULL)
        return err_nomem(err);
    if (activity->mutex && !add(arena, array, &activity->watch.self, "deploy", false, err))
        return false;
    if (!add_all(arena, array, &activity->watch.blockers, "blocker", err) ||
        !add_all(arena, array, &activity->watch.waiters, "waiter", err))
        return false;
    for (size_t i = 0; i < activity->others.count; i++)
        if (!add(arena, array, &activity->others.items[i].session, "other",
                 activity->others.items[i].old, err))
            return false;
    *ret = json_incref(array);
    return true;
}
