/* One look at the sessions each quarter of a second, and what follows from it. */
#include "deploy/watcher.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/sessions_text.h"
#include "deploy/blank.h"
#include "deploy/run.h"

enum {
    CONNECT_MS = 2000, /* how long connecting may keep the answer of a statement waiting */
    LOOK_MS = 1000,    /* the same of one look */
    REPEAT_MS = 5000,  /* between two words about the same thing */
    FAILURES = 3,      /* in a row, then it is given up */
    PROGRESS_AFTER_MS = 1000,
    DEAD_AFTER_MS = 5000, /* a slow network has delivered by then */
};

static void keep_text(char **place, const char *text)
{
    free(*place);
    *place = NULL;
    if (text == NULL)
        return;
    *place = mem_alloc(strlen(text) + 1);
    if (*place != NULL) /* NULL: one word less is told */
        memcpy(*place, text, strlen(text) + 1);
}

static void tell(struct run *run, enum deploy_event_type type, const char *text)
{
    if (text != NULL)
        deploy_tell(&run->options->listener,
                    &(struct deploy_event){.type = type, .id = run->watcher.id, .text = text});
}

/* ---- the connection ---- */

static bool connect_watcher(struct run *run, struct err *err)
{
    struct watcher *const w = &run->watcher;
    const struct wait limited = {.cancel_fd = run->wait->cancel_fd,
                                 .deadline_ms = clock_monotonic_ms() + CONNECT_MS};
    const struct pg_options options = {.location = run->target->location,
                                       .display = run->target->display,
                                       .application = "pawl watcher",
                                       .connect_timeout_ms = CONNECT_MS};
    if (w->pg != NULL)
        return true;
    /* Behind a pooler a setting of the session would be somebody else's next. */
    return pg_open(&options, &limited, &w->pg, err) &&
           (!run->ledger->direct || sessions_bound(w->pg, err));
}

/* The backend that works for us: behind a pooler it is the one that holds the mutex. */
static bool find_backend(struct run *run, struct arena *arena, int64_t *ret, struct err *err)
{
    struct pg_session holder;
    bool found = false;
    *ret = pg_backend_pid(run->ledger->pg);
    if (run->ledger->direct)
        return true;
    if (!sessions_advisory_holder(run->watcher.pg, arena, ledger_mutex_key(run->ledger->name),
                                  &found, &holder, err))
        return false;
    *ret = found ? holder.pid : 0;
    return true;
}

static bool look(struct run *run, struct arena *arena, struct sessions_watch *ret, struct err *err)
{
    struct watcher *const w = &run->watcher;
    int64_t pid = 0;
    if (!connect_watcher(run, err))
        return false;
    const struct wait limited = {.cancel_fd = run->wait->cancel_fd,
                                 .deadline_ms = clock_monotonic_ms() + LOOK_MS};
    pg_set_wait(w->pg, &limited);
    *ret = (struct sessions_watch){.longest_wait_ms = -1};
    if (!run->ledger->direct && !sessions_enter(w->pg, arena, err))
        return false;
    return find_backend(run, arena, &pid, err) &&
           (pid == 0 || sessions_watch(w->pg, arena, pid, NULL, ret, err)) &&
           (run->ledger->direct || pg_exec(w->pg, "ROLLBACK", err));
}

void watcher_failed(struct run *run, const struct err *err)
{
    struct watcher *const w = &run->watcher;
    if (err->code == ERR_SIGNAL || err->code == ERR_NONE)
        return;
    pg_close(&w->pg);
    w->given_up = ++w->failures >= FAILURES;
    CLEANUP(arena_release) struct arena scratch = {0};
    if (w->given_up)
        tell(run, DEPLOY_NOTE,
             arena_printf(&scratch, "nobody watches this deploy: %s",
                          err->message != NULL ? err->message : "no second connection"));
}

struct pg *watcher_connection(struct run *run)
{
    struct watcher *const w = &run->watcher;
    CLEANUP(err_release) struct err failed = {0};
    if (w->given_up)
        return NULL;
    if (!connect_watcher(run, &failed)) {
        watcher_failed(run, &failed);
        return NULL;
    }
    pg_set_wait(w->pg, run->wait);
    return w->pg;
}

/* ---- what was seen ---- */

/* True when it is time to tell of it: at once, and every few seconds while it lasts. */
static bool due(struct watcher *w, int64_t about_pid)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (about_pid == w->noted_pid && now_ms < w->next_note_ms)
        return false;
    w->noted_pid = about_pid;
    w->next_note_ms = now_ms + REPEAT_MS;
    return true;
}

static bool only_autovacuum(const struct pg_sessions *blockers)
{
    for (size_t i = 0; i < blockers->count; i++)
        if (!blockers->items[i].autovacuum || blockers->items[i].wraparound)
            return false;
    return blockers->count > 0;
}

static void keep_name(struct watcher *w, const struct pg_sessions *blockers)
{
    CLEANUP(str_release) struct str name = {0};
    str_puts(&name, SESSIONS_WAITS_FOR);
    for (size_t i = 0; i < blockers->count; i++)
        if (blockers->items[i].pid > 0)
            str_printf(&name, "%" PRId64 " ", blockers->items[i].pid);
    keep_text(&w->name, name.failed ? NULL : str_text(&name));
}

void watcher_blocked(struct run *run, struct arena *arena, const struct pg_sessions *blockers,
                     const char *what_for)
{
    struct watcher *const w = &run->watcher;
    const struct pg_session *const first = &blockers->items[0];
    CLEANUP(err_release) struct err ignored = {0};
    struct pg_session_end end = {0};
    w->autovacuum = only_autovacuum(blockers);
    keep_text(&w->blocked, pg_sessions_text(arena, blockers));
    keep_name(w, blockers);
    json_decref(w->blockers);
    w->blockers = pg_sessions_json(blockers);
    if (due(w, first->pid) && pg_session_end(arena, first, &end, &ignored))
        tell(run, DEPLOY_BLOCKED,
             arena_printf(arena, "\"%s\" waits%s; in the way: %s; to end it: %s", w->id, what_for,
                          w->blocked != NULL ? w->blocked : "?", end.command));
}

static void see_blockers(struct run *run, struct arena *arena, const struct sessions_watch *seen)
{
    const struct pg_session *const self = &seen->self;
    char elapsed[CLOCK_ISO_BYTES];
    clock_format_elapsed_ms(self->lock_ms, elapsed);
    const char *const what_for = arena_printf(
        arena, " for %s on %s for %s", self->lock_mode != NULL ? self->lock_mode : "a lock",
        self->lock_object != NULL ? self->lock_object : "something", elapsed);
    watcher_blocked(run, arena, &seen->blockers, what_for != NULL ? what_for : "");
    black_box_blocked(run, self, &seen->blockers);
    oust(run, run->watcher.pg, &seen->blockers);
}

/* Whether others have waited too long behind us. */
static bool see_waiters(struct run *run, struct arena *arena, const struct sessions_watch *seen)
{
    struct watcher *const w = &run->watcher;
    char elapsed[CLOCK_ISO_BYTES];
    clock_format_elapsed_ms(seen->longest_wait_ms, elapsed);
    keep_text(&w->held_up,
              arena_printf(arena, "%zu session%s behind \"%s\", the longest for %s", seen->waiting,
                           seen->waiting == 1 ? " waits" : "s wait", w->id, elapsed));
    if (seen->longest_wait_ms >= run->options->block_budget_ms)
        return true;
    if (due(w, -1))
        tell(run, DEPLOY_BLOCKING, w->held_up);
    return false;
}

static void see_progress(struct run *run, struct arena *arena, const struct sessions_watch *seen)
{
    const struct pg_session_progress *const p = &seen->progress;
    CLEANUP(str_release) struct str text = {0};
    char elapsed[CLOCK_ISO_BYTES];
    if (seen->self.query_ms < PROGRESS_AFTER_MS)
        return;
    clock_format_elapsed_ms(seen->self.query_ms, elapsed);
    str_printf(&text, "\"%s\" runs for %s", run->watcher.id, elapsed);
    if (p->command != NULL) {
        str_printf(&text, ": %s%s%s", p->command, p->phase != NULL ? ", " : "",
                   p->phase != NULL ? p->phase : "");
        if (p->total > 0)
            str_printf(&text, ", %d %% of %" PRId64 " %s", (int)(100 * p->done / p->total),
                       p->total, p->unit);
    }
    if (!text.failed)
        tell(run, DEPLOY_PROGRESS, arena_strdup(arena, str_text(&text)));
}

/* ---- what follows ---- */

/* By the watched backend's number: a request over its own connection would open a third one. */
static void cancel(struct run *run, struct arena *arena, int64_t pid, enum watcher_verdict verdict)
{
    CLEANUP(err_release) struct err failed = {0};
    const char *const text = arena_printf(arena, "%" PRId64, pid);
    run->watcher.verdict = verdict;
    if (text == NULL || !pg_query(run->watcher.pg, arena, "SELECT pg_catalog.pg_cancel_backend($1)",
                                  &text, 1, NULL, &failed))
        watcher_failed(run, &failed); /* the next look tries again */
}

static bool is_waiting(const struct pg_session *self)
{
    return self->lock_mode != NULL ||
           (self->wait_type != NULL && strcmp(self->wait_type, "Lock") == 0);
}

static void judge(struct run *run, struct arena *arena, const struct sessions_watch *seen,
                  int64_t since_last_ms)
{
    struct watcher *const w = &run->watcher;
    const bool waiting = is_waiting(&seen->self);
    if (waiting) {
        w->waited_ms += since_last_ms;
        if (seen->blockers.count > 0)
            see_blockers(run, arena, seen);
    }
    if (seen->waiting > 0 && see_waiters(run, arena, seen))
        cancel(run, arena, seen->self.pid, waiting ? WATCHER_QUEUE : WATCHER_HOLDING);
    else if (w->step && w->waited_ms >= run->options->lock_budget_ms)
        cancel(run, arena, seen->self.pid, WATCHER_WAITED_LONG);
    else if (!waiting)
        see_progress(run, arena, seen);
}

/* Whether the connection carries nothing any more: the backend is gone, or it has waited for us for
 * long, while we wait for it. */
static bool is_dead(struct watcher *w, const struct sessions_watch *seen)
{
    const struct pg_session *const self = &seen->self;
    const bool waits_for_us = seen->found && self->wait_event != NULL &&
                              strcmp(self->wait_event, "ClientRead") == 0 &&
                              self->state_ms >= DEAD_AFTER_MS;
    /* Once it may have ended between the two. */
    w->missed = seen->found ? 0 : w->missed + 1;
    return waits_for_us || w->missed > 1;
}

static void on_quiet(void *context)
{
    struct run *const run = context;
    struct watcher *const w = &run->watcher;
    struct sessions_watch seen;
    CLEANUP(arena_release) struct arena scratch = {0};
    CLEANUP(err_release) struct err err = {0};
    black_box_write(run);
    if (w->given_up)
        return;
    const int64_t now_ms = clock_monotonic_ms();
    const int64_t since_last_ms = now_ms - w->last_look_ms;
    w->last_look_ms = now_ms;
    if (!look(run, &scratch, &seen, &err)) {
        watcher_failed(run, &err);
        return;
    }
    blank_passwords(&scratch, &seen.blockers);
    w->failures = 0;
    if (run->ledger->direct && is_dead(w, &seen)) {
        tell(run, DEPLOY_NOTE,
             seen.found ? "the connection is dead: the server waits for us as "
                          "we wait for it"
                        : "the connection is dead: its backend is gone");
        pg_hang_up(run->ledger->pg);
    } else if (seen.found) {
        judge(run, &scratch, &seen, since_last_ms);
    }
}

static void forget_blockers(struct watcher *w)
{
    w->autovacuum = false;
    keep_text(&w->blocked, NULL);
    keep_text(&w->name, NULL);
    keep_text(&w->held_up, NULL);
    json_decref(w->blockers);
    w->blockers = NULL;
}

void watcher_unit(struct run *run, const char *id, bool step)
{
    struct watcher *const w = &run->watcher;
    w->id = id;
    w->step = step;
    w->next_note_ms = w->noted_pid = 0;
    forget_blockers(w);
}

void watcher_begin(struct run *run)
{
    struct watcher *const w = &run->watcher;
    w->verdict = WATCHER_QUIET;
    keep_text(&w->held_up, NULL);
    w->missed = 0;
    w->waited_ms = 0;
    w->last_look_ms = clock_monotonic_ms();
    pg_on_quiet(run->ledger->pg, on_quiet, run);
    pg_on_notice(run->ledger->pg, black_box_notice, run);
}

void watcher_end(struct run *run)
{
    if (run->ledger->pg == NULL)
        return;
    pg_on_quiet(run->ledger->pg, NULL, NULL);
    pg_on_notice(run->ledger->pg, NULL, NULL);
}

void watcher_close(struct watcher *watcher)
{
    pg_close(&watcher->pg);
    forget_blockers(watcher);
    *watcher = (struct watcher){0};
}
