/*
 * The second connection of a deploy: who is in the way of the statement at hand, and in whose way
 * that statement is.
 *
 * It is opened when a statement has been silent for a quarter of a second, and asked every quarter
 * of a second from then on, by the thread that waits for the statement: small migrations cost no
 * connection, and no event comes from another thread. A watcher that cannot be had is told once;
 * the deploy goes on without it.
 */
#ifndef PAWL_DEPLOY_WATCHER_H
#define PAWL_DEPLOY_WATCHER_H

#include <jansson.h>

#include "db/sessions.h"

struct run;

/* Why the watcher has had a statement cancelled. */
enum watcher_verdict {
    WATCHER_QUIET,   /* it has not */
    WATCHER_QUEUE,   /* others waited behind it for longer than block_budget, and it waited too */
    WATCHER_HOLDING, /* the same while it worked: a second try would take as long */
    WATCHER_WAITED_LONG, /* outside a transaction: it waited longer than lock_budget */
};

struct watcher {
    struct pg *pg;
    unsigned failures; /* looks in a row that brought nothing */
    bool given_up;
    unsigned missed; /* looks in a row that did not find the backend */
    /* of the unit at hand */
    const char *id;
    bool step; /* outside a transaction: it waits for others without a lock_timeout */
    enum watcher_verdict verdict;
    int64_t last_look_ms, waited_ms;
    int64_t next_note_ms; /* of the same thing */
    int64_t noted_pid;    /* the blocker that was told last */
    bool autovacuum;      /* nobody but autovacuum was in the way, which gives way in the end */
    char *blocked;        /* what was seen last of who is in the way, malloc; NULL: nobody */
    char *name;           /* of a session that waits for them: SESSIONS_WAITS_FOR, malloc */
    char *held_up;        /* ... of whom the last try held up, malloc */
    json_t *blockers;     /* the same for the journal; NULL: nobody was seen */
};

/* The unit that is next. */
void watcher_unit(struct run *run, const char *id, bool step);
/* Before and after each try of it. */
void watcher_begin(struct run *run);
void watcher_end(struct run *run);

/* Keeps who is in the way for the journal, and tells of it now and then. what_for: " for a lock".
 */
void watcher_blocked(struct run *run, struct arena *arena, const struct pg_sessions *blockers,
                     const char *what_for);

/* The second connection, opened now where it was not; NULL where it cannot be had. For a look
 * between two tries. */
struct pg *watcher_connection(struct run *run);
/* A look over it has failed: it is closed, and given up after some failures. */
void watcher_failed(struct run *run, const struct err *err);

void watcher_close(struct watcher *watcher);

#endif
