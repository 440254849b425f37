/*
 * What the sessions of a PostgreSQL server do to each other: who holds which lock, who waits for
 * whom, how far a long statement is.
 *
 * Everything comes from the server's statistics views and its lock table: no function here waits
 * for a lock of anybody's tables. Each is one statement, so that its parts fit together; call it
 * outside a transaction, as the server keeps pg_stat_activity as it was until a transaction ends.
 * How long it may take is the caller's matter: sessions_bound().
 *
 * A role without pg_read_all_stats sees other roles' sessions with their pid, user, application and
 * locks only: then hidden is set, query is "<insufficient privilege>", other texts are NULL and
 * times -1.
 */
#ifndef PAWL_DB_SESSIONS_H
#define PAWL_DB_SESSIONS_H

#include "db/pg.h"

/* One session, or a prepared transaction, which belongs to none. Texts may be NULL, times are -1
 * where they are not known. Names and queries were chosen by others: print them as such. */
struct pg_session {
    int64_t pid;               /* of the backend; 0: a prepared transaction */
    const char *gid;           /* of a prepared transaction */
    const char *backend_start; /* UTC with microseconds; with the pid it names a backend for ever */
    const char *user, *application, *database;
    const char *address;                 /* "local" for a socket */
    const char *type;                    /* "client backend", "autovacuum worker"; "prepared
                                            transaction" */
    const char *state;                   /* "active", "idle in transaction", ...; "prepared" */
    const char *wait_type, *wait_event;  /* as in pg_stat_activity */
    const char *query;                   /* its first 200 characters; of an idle one the last */
    int64_t leader;                      /* the pid that this parallel worker works for; 0: none */
    int64_t xact_ms, state_ms, query_ms; /* since its transaction, its state, its query began */
    /* The lock that it waits for. */
    const char *lock_type, *lock_mode; /* "relation", "AccessExclusiveLock"; NULL: for none */
    const char *lock_object;           /* "public.users", "transaction 735" */
    int64_t lock_ms;                   /* for how long; on PostgreSQL 13 since its state began */
    bool hidden;                       /* this role may not see what it does */
    bool autovacuum, wraparound;       /* wraparound: never gives way by itself */
    bool superuser;                    /* belongs to a superuser, or to the server itself */
    bool may_end;                      /* our role may end it */
    bool has_snapshot; /* every CREATE INDEX CONCURRENTLY of its database waits for its end */
    bool has_written;  /* ... and those on tables that it wrote */
    bool direct, root; /* of a blocker: without one between; waits for nobody itself */
};

struct pg_sessions {
    struct pg_session *items;
    size_t count, capacity;
};

/* What a long statement says of itself. */
struct pg_session_progress {
    const char *command; /* "CREATE INDEX CONCURRENTLY"; NULL: it says nothing */
    const char *relation;
    const char *phase;   /* "building index: scanning table"; NULL for COPY */
    int64_t done, total; /* total 0: not known */
    const char *unit;    /* "blocks", "tuples", "bytes" */
    int64_t lockers_done, lockers_total, locker_pid; /* whom CONCURRENTLY waits for; 0: nobody */
};

/* Bounds what follows in this session: statement_timeout 5 s, lock_timeout 2 s (somebody may lock
 * the catalog itself), and no jit, which takes eight times as long to compile these statements as
 * they run. */
bool sessions_bound(struct pg *pg, struct err *err) MUST_CHECK;
/* The same for a transaction that it begins: behind a pooler a session's setting is somebody else's
 * next. ROLLBACK ends it. */
bool sessions_enter(struct pg *pg, struct arena *arena, struct err *err) MUST_CHECK;

/* The picture around one backend. */
struct sessions_watch {
    bool found; /* it is there, and it is the one that was asked for */
    struct pg_session self;
    struct pg_session_progress progress;
    struct pg_sessions blockers; /* the roots first, the oldest transaction first */
    struct pg_sessions waiters;  /* who waits behind it; the longest wait first, 100 at most */
    size_t waiting;              /* how many there are */
    int64_t longest_wait_ms;     /* -1: nobody waits */
};

/* backend_start as of an earlier look, so that another backend with the same pid is not taken for
 * it; NULL asks by the pid alone. Of more than a thousand waiting sessions the others are left out.
 */
bool sessions_watch(struct pg *pg, struct arena *arena, int64_t pid, const char *backend_start,
                    struct sessions_watch *ret, struct err *err) MUST_CHECK;

/* Who holds the advisory lock with this 64-bit key, whether a session or a transaction of it;
 * *ret_found is false when nobody does. */
bool sessions_advisory_holder(struct pg *pg, struct arena *arena, int64_t key, bool *ret_found,
                              struct pg_session *ret, struct err *err) MUST_CHECK;

/* How a deploy that waits between two tries is called, with the pids that it waits for behind it:
 * it has no lock then that would show whom it waits for. */
#define SESSIONS_WAITS_FOR "pawl waits for "

/* A relation that is to be locked. */
struct sessions_wanted {
    const char *relation; /* quoted as in SQL; found by search_path when it names no schema */
    const char *mode;     /* as in pg_locks, "AccessExclusiveLock" */
};

/* A lock on a wanted relation. */
struct pg_session_lock {
    struct pg_session session;
    size_t wanted;    /* which one, from 0 */
    const char *mode; /* "RowExclusiveLock" */
    bool granted;
    bool conflicts; /* with the wanted mode; granted or not */
};

struct sessions_on {
    struct {
        struct pg_session_lock *items;
        size_t count, capacity;
    } locks;
    struct pg_sessions old; /* transactions of this database older than asked for, the oldest
                            first */
    struct pg_sessions
        snapshots; /* what may hold up a CREATE INDEX CONCURRENTLY of this database */
};

/* Who holds or awaits a lock on these relations, ourselves excepted, and what else is old. A
 * relation that does not exist is nobody's; count may be 0. */
bool sessions_on(struct pg *pg, struct arena *arena, const struct sessions_wanted *wanted,
                 size_t count, int64_t older_than_ms, struct sessions_on *ret,
                 struct err *err) MUST_CHECK;

/* How a session is made to let go. */
struct pg_session_end {
    const char *command; /* the SQL, without a semicolon */
    bool cancels;        /* its statement only; else its connection or prepared transaction ends */
    const char *right;   /* who may: "the role \"app\", a member of pg_signal_backend, ..." */
};

/* An idle transaction cannot be cancelled, and a parallel worker ends with its leader. */
bool pg_session_end(struct arena *arena, const struct pg_session *session,
                    struct pg_session_end *ret, struct err *err) MUST_CHECK;

#endif
