/*
 * What is going on in a target right now: who deploys, what that waits for, and who waits for it.
 *
 * Put together from the journal (the begin row of an attempt that has no end), the process it
 * names, who holds the ledger's mutex, and the server's sessions. Only PostgreSQL tells of
 * sessions; SQLite knows no more than the journal.
 */
#ifndef PAWL_LIVE_ACTIVITY_H
#define PAWL_LIVE_ACTIVITY_H

#include "db/sessions.h"
#include "ledger/ledger.h"
#include "ledger/living.h"
#include "ledger/state.h"

/* A session that is no part of the picture around the deploy. */
struct activity_other {
    struct pg_session session;
    bool old; /* its transaction is older than asked for; else it only may hold up an index */
};

struct activity {
    bool deploying;                /* a deploy is under way, or what a killed one left behind */
    const struct attempt *attempt; /* of it, or one that was killed; NULL: it has not begun yet */
    enum living living;            /* the attempt's process */
    const char *migration;         /* that the attempt is at; NULL: at none, or not known */
    size_t number, total;          /* which of its migrations that is, from 1 */
    bool mutex;                    /* a backend holds the ledger's mutex: watch is around it */
    struct sessions_watch watch;
    struct {
        struct activity_other *items; /* the oldest transaction first */
        size_t count, capacity;
    } others;
    size_t old, snapshots, writers; /* how many of others */
    bool hidden;      /* our role may not see what some sessions do, nor how old they are */
    const char *role; /* our role; NULL on SQLite */
};

/* The journal and the state stay in use. older_than_ms: which transactions count as old; -1 leaves
 * others out. It takes five seconds at most and waits for no lock of anybody's; behind a pooler it
 * is safe too. Not within a transaction. */
bool activity_look(struct ledger *ledger, struct arena *arena, const struct journal *journal,
                   const struct state *state, int64_t older_than_ms, struct activity *ret,
                   struct err *err) MUST_CHECK;

/* ledger_read(), as bounded: ERR_BUSY when somebody keeps the journal locked. */
bool activity_read(struct ledger *ledger, struct arena *arena, struct journal *ret,
                   struct err *err) MUST_CHECK;

#endif
