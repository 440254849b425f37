/* What goes on in a target, as lines of text. */
#include "cli/activity_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "db/sessions_text.h"

/* The list of who waits behind a deploy shows so many; --json shows all that there are. */
enum { SHOWN_WAITERS = 10 };

/* Of a transaction that is hardly older than its state, one age is told. */
enum { ALIKE_MS = 1000 };

static void put_member(struct str *out, const char *before, const char *text, const char *after)
{
    if (text == NULL || text[0] == '\0')
        return;
    str_puts(out, before);
    pg_put_line(out, text);
    str_puts(out, after);
}

static void put_elapsed(struct str *out, const char *before, int64_t ms)
{
    char text[CLOCK_ISO_BYTES];
    if (ms < 0)
        return;
    clock_format_elapsed_ms(ms, text);
    str_printf(out, "%s%s", before, text);
}

/* Who it is and what it does, without its query. */
static void put_session(struct str *out, const struct pg_session *session)
{
    pg_session_put_who(out, session);
    if (session->pid == 0)
        return;
    if (session->type != NULL && strcmp(session->type, "client backend") != 0 &&
        !session->autovacuum)
        put_member(out, ", ", session->type, "");
    if (session->leader != 0)
        str_printf(out, " of backend %" PRId64, session->leader);
    if (session->wraparound)
        str_puts(out, " (it does not give way by itself)");
    if (session->hidden)
        str_puts(out, ", what it does is hidden from this role");
    put_member(out, ", ", session->state, "");
    put_elapsed(out, " for ", session->state_ms);
    if (session->xact_ms >= session->state_ms + ALIKE_MS)
        put_elapsed(out, ", its transaction has been open for ", session->xact_ms);
}

static void put_wait(struct str *out, const struct pg_session *session)
{
    if (session->lock_mode != NULL) {
        str_printf(out, "waits for %s on ", session->lock_mode);
        put_member(out, "", session->lock_object != NULL ? session->lock_object : "?", "");
        put_elapsed(out, " for ", session->lock_ms);
    } else if (session->wait_type != NULL && session->wait_event != NULL &&
               strcmp(session->wait_event, "ClientRead") != 0) {
        str_printf(out, "waits for %s/%s", session->wait_type, session->wait_event);
    }
}

static bool flush(struct output *output, struct str *text, struct err *err)
{
    if (text->failed)
        return err_nomem(err);
    output_result(output, "%s\n", str_text(text));
    str_clear(text);
    return true;
}

/* A line of its own for each thing that is known beside who it is. */
static bool say_query(struct output *output, const char *indent, const struct pg_session *session,
                      struct err *err)
{
    CLEANUP(str_release) struct str line = {0};
    if (session->hidden || session->query == NULL || session->query[0] == '\0')
        return true;
    const bool runs = session->state != NULL && strcmp(session->state, "active") == 0;
    str_printf(&line, "%s%s", indent, runs ? "runs" : "last ran");
    if (runs)
        put_elapsed(&line, " for ", session->query_ms);
    put_member(&line, ": ", session->query, "");
    return flush(output, &line, err);
}

static bool say_end(struct output *output, struct arena *arena, const char *indent,
                    const struct pg_session *session, struct err *err)
{
    struct pg_session_end end;
    if (!pg_session_end(arena, session, &end, err))
        return false;
    CLEANUP(str_release) struct str line = {0};
    str_printf(&line, "%sto end it: %s;", indent, end.command);
    if (!session->may_end)
        put_member(&line, "  -- not as this role: takes ", end.right, "");
    return flush(output, &line, err);
}

static bool say_session(struct output *output, struct arena *arena, const char *word,
                        const struct pg_session *session, struct err *err)
{
    static const char indent[] = "          ";
    CLEANUP(str_release) struct str line = {0};
    str_printf(&line, "  %-6s  ", word);
    put_session(&line, session);
    if (!flush(output, &line, err))
        return false;
    str_puts(&line, indent);
    put_wait(&line, session);
    if ((line.failed || line.len > strlen(indent)) && !flush(output, &line, err))
        return false;
    return say_query(output, indent, session, err) && say_end(output, arena, indent, session, err);
}

/* "release 1.1, by dev on build, process 20373 (running), since 2025-07-08 09:44:34Z (2.1 s)" */
static void put_attempt(struct str *out, const struct activity *activity)
{
    static const char *const words[] = {
        [LIVING_YES] = " (running)", [LIVING_NO] = " (gone)", [LIVING_UNKNOWN] = ""};
    const struct attempt *const attempt = activity->attempt;
    char since[CLOCK_ISO_BYTES];
    clock_format_s(attempt->at_us, since);
    put_member(out, "release ", attempt->release, ", ");
    put_member(out, "by ", attempt->user != NULL ? attempt->user : "?", "");
    put_member(out, " on ", attempt->host, "");
    str_printf(out, ", process %" PRId64 "%s, since %s", attempt->pid, words[activity->living],
               since);
    const int64_t age_ms = (clock_utc_us() - attempt->at_us) / 1000;
    if (age_ms >= 0 && activity->deploying)
        put_elapsed(out, ", for ", age_ms);
    if (attempt->pooled)
        str_puts(out, ", through a pooler");
}

static bool say_attempt(struct output *output, const struct activity *activity, struct err *err)
{
    CLEANUP(str_release) struct str line = {0};
    const struct attempt *const attempt = activity->attempt;
    if (!activity->deploying && attempt == NULL)
        return true;
    if (activity->deploying)
        str_puts(&line, activity->living == LIVING_NO && attempt != NULL
                            ? "a killed deploy still runs in the server: "
                            : "deploy in progress: ");
    else
        str_printf(&line, "a deploy that began at seq %" PRId64 " has no end: ", attempt->seq);
    if (attempt != NULL)
        put_attempt(&line, activity);
    else
        str_puts(&line, "it has not begun a migration yet");
    if (!flush(output, &line, err))
        return false;
    if (activity->migration == NULL)
        return true;
    put_member(&line, activity->deploying ? "  at " : "  was at ", activity->migration, "");
    str_printf(&line, ", %zu of %zu", activity->number, activity->total);
    return flush(output, &line, err);
}

static const struct pg_session *first_root(const struct activity *activity)
{
    const struct pg_sessions *const blockers = &activity->watch.blockers;
    return blockers->count > 0 ? &blockers->items[0] : NULL;
}

bool activity_say_deploy(struct output *output, const struct activity *activity, struct err *err)
{
    CLEANUP(str_release) struct str line = {0};
    const struct sessions_watch *const watch = &activity->watch;
    const struct pg_session *const root = first_root(activity);
    if (!say_attempt(output, activity, err))
        return false;
    if (root == NULL)
        return true;
    str_puts(&line, "  ");
    put_wait(&line, &watch->self);
    if (!flush(output, &line, err))
        return false;
    str_puts(&line, "  in its way: ");
    pg_session_put(&line, root);
    if (watch->blockers.count > 1)
        str_printf(&line, ", and %zu more", watch->blockers.count - 1);
    if (!flush(output, &line, err))
        return false;
    if (watch->waiting > 0)
        str_printf(&line, "  %zu %s behind it; ", watch->waiting,
                   watch->waiting == 1 ? "session waits" : "sessions wait");
    else
        str_puts(&line, "  ");
    str_puts(&line, "`pawl blockers` says more, and how to end what is in the way");
    return flush(output, &line, err);
}

static void put_progress(struct str *out, const struct pg_session_progress *progress)
{
    put_member(out, "", progress->command, "");
    put_member(out, " on ", progress->relation, "");
    put_member(out, ": ", progress->phase, "");
    if (progress->total > 0)
        str_printf(out, ", %" PRId64 " of %" PRId64 " %s", progress->done, progress->total,
                   progress->unit);
    if (progress->lockers_total > 0)
        str_printf(out, ", has waited for %" PRId64 " of %" PRId64 " transactions",
                   progress->lockers_done, progress->lockers_total);
    if (progress->locker_pid != 0)
        str_printf(out, ", now for backend %" PRId64, progress->locker_pid);
}

/* A living pawl is asked to stop: it rolls back and writes down that it did. */
static bool can_be_stopped(const struct activity *activity)
{
    return activity->deploying && activity->attempt != NULL && activity->attempt->pid > 0 &&
           activity->living != LIVING_NO;
}

static bool say_stop(struct output *output, const struct activity *activity, struct err *err)
{
    CLEANUP(str_release) struct str line = {0};
    if (!can_be_stopped(activity))
        return true;
    str_puts(&line, "  to stop it");
    put_member(&line, ", on ", activity->attempt->host, "");
    str_printf(&line, ": kill -INT %" PRId64, activity->attempt->pid);
    return flush(output, &line, err);
}

/* pawl's own backend. */
static bool say_backend(struct output *output, struct arena *arena, const struct activity *activity,
                        struct err *err)
{
    const struct pg_session *const self = &activity->watch.self;
    CLEANUP(str_release) struct str line = {0};
    if (!activity->mutex)
        return true;
    str_puts(&line, "  its ");
    put_session(&line, self);
    if (!flush(output, &line, err) || !say_query(output, "    ", self, err))
        return false;
    str_puts(&line, "    ");
    put_wait(&line, self);
    if ((line.failed || line.len > strlen("    ")) && !flush(output, &line, err))
        return false;
    str_clear(&line);
    if (activity->watch.progress.command != NULL) {
        str_puts(&line, "    ");
        put_progress(&line, &activity->watch.progress);
        if (!flush(output, &line, err))
            return false;
    }
    return can_be_stopped(activity) || say_end(output, arena, "    ", self, err);
}

/* A deploy that gives way tries again after a pause; in a pause nothing is in its way. */
static bool pauses(const struct activity *activity)
{
    const struct pg_session *const self = &activity->watch.self;
    return activity->deploying && activity->role != NULL && activity->living != LIVING_NO &&
           (!activity->mutex || (self->state != NULL && strcmp(self->state, "idle") == 0));
}

static bool say_blockers(struct output *output, struct arena *arena,
                         const struct activity *activity, struct err *err)
{
    const struct pg_sessions *const blockers = &activity->watch.blockers;
    if (pauses(activity) && blockers->count == 0)
        output_result(output, "  between two statements at this moment, or before another try for"
                              " a lock: --watch sees the next one\n");
    if (blockers->count > 0)
        output_result(output, "in its way, what everybody waits for first:\n");
    for (size_t i = 0; i < blockers->count; i++) {
        const struct pg_session *const session = &blockers->items[i];
        if (!say_session(output, arena, session->root ? "root" : "waits", session, err))
            return false;
    }
    return true;
}

static bool say_waiters(struct output *output, const struct sessions_watch *watch, struct err *err)
{
    CLEANUP(str_release) struct str line = {0};
    if (watch->waiting == 0)
        return true;
    str_printf(&line, "behind it: %zu %s", watch->waiting,
               watch->waiting == 1 ? "session waits" : "sessions wait");
    put_elapsed(&line, ", the longest for ", watch->longest_wait_ms);
    if (!flush(output, &line, err))
        return false;
    for (size_t i = 0; i < watch->waiters.count && i < SHOWN_WAITERS; i++) {
        const struct pg_session *const session = &watch->waiters.items[i];
        str_puts(&line, "  ");
        put_session(&line, session);
        str_puts(&line, ", ");
        put_wait(&line, session);
        if (!flush(output, &line, err) || !say_query(output, "    ", session, err))
            return false;
    }
    if (watch->waiting > SHOWN_WAITERS)
        output_result(output, "  ... and %zu more\n", watch->waiting - SHOWN_WAITERS);
    return true;
}

static bool say_others(struct output *output, struct arena *arena, const struct activity *activity,
                       int64_t older_than_ms, struct err *err)
{
    char age[CLOCK_ISO_BYTES];
    clock_format_duration_ms(older_than_ms, age);
    if (activity->role == NULL)
        return true; /* SQLite cannot be asked */
    if (activity->old == 0)
        output_result(output, "no other transaction is older than %s\n", age);
    else
        output_result(output, "%zu other %s older than %s:\n", activity->old,
                      activity->old == 1 ? "transaction is" : "transactions are", age);
    for (size_t i = 0; i < activity->others.count; i++) {
        const struct activity_other *const other = &activity->others.items[i];
        if (other->old && !say_session(output, arena, "old", &other->session, err))
            return false;
    }
    if (activity->snapshots + activity->writers > 0)
        output_result(output,
                      "a CREATE INDEX CONCURRENTLY would wait for %zu of the other sessions, which"
                      " have a snapshot, and for %zu more on the tables that those wrote\n",
                      activity->snapshots, activity->writers);
    return true;
}

static bool say_hidden(struct output *output, struct arena *arena, const struct activity *activity,
                       struct err *err)
{
    if (!activity->hidden)
        return true;
    const char *const role = pg_quote_name(arena, activity->role);
    if (role == NULL)
        return err_nomem(err);
    output_result(output,
                  "what other roles' sessions do is hidden from this role; a superuser mends it:"
                  " GRANT pg_read_all_stats TO %s;\n",
                  role);
    return true;
}

bool activity_say(struct output *output, struct arena *arena, const struct activity *activity,
                  int64_t older_than_ms, struct err *err)
{
    if (!activity->deploying)
        output_result(output, "no deploy in progress\n");
    if (!say_attempt(output, activity, err))
        return false;
    if (!activity->deploying && activity->attempt != NULL)
        output_result(output,
                      "  nothing of it runs any more; the next deploy goes on from there\n");
    return say_stop(output, activity, err) && say_backend(output, arena, activity, err) &&
           say_blockers(output, arena, activity, err) &&
           say_waiters(output, &activity->watch, err) &&
           say_others(output, arena, activity, older_than_ms, err) &&
           say_hidden(output, arena, activity, err);
}
