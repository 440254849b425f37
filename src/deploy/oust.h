/*
 * What a deploy does about sessions in its way, where it was told to: cancelling their statements
 * or ending their connections. Never by itself, a dead deploy's own session apart, and never
 * without a row in the journal.
 */
#ifndef PAWL_DEPLOY_OUST_H
#define PAWL_DEPLOY_OUST_H

#include "db/sessions.h"

struct run;

enum on_blocked {
    ON_BLOCKED_WAIT,      /* as long as the budget lasts */
    ON_BLOCKED_FAIL,      /* end at once */
    ON_BLOCKED_CANCEL,    /* their statements; an idle transaction has none and stays */
    ON_BLOCKED_TERMINATE, /* their connections; prepared transactions stay */
};

/* Whom this may hit. */
struct oust_options {
    enum on_blocked on_blocked;
    int64_t older_than_ms; /* their transaction's age */
    const char *user;      /* NULL: of any */
};

/* A session that was asked to end. */
struct ousted {
    int64_t pid;
    const char *backend_start;
    const char *facts; /* for the journal */
    int64_t asked_ms;
    bool done; /* the server took the request */
    bool journalled, deaf;
};

struct ousted_list {
    struct ousted *items;
    size_t count, capacity;
};

/* False for a word that is none of "wait", "fail", "cancel", "terminate". */
bool on_blocked_parse(const char *word, enum on_blocked *ret);
const char *on_blocked_name(enum on_blocked on_blocked);

/* Ends those that the options name, each once, over this connection. What was done waits for
 * oust_journal(), as the deploy's own connection may be in a transaction. */
void oust(struct run *run, struct pg *pg, const struct pg_sessions *sessions);

/* Ends the session that holds the mutex where it is surely that of a deploy whose process on this
 * machine is gone. The server does that itself within a second or two, from version 14 on; before,
 * the session goes on with its statement, or waits for a lock for ever. */
void oust_orphan(struct run *run, const struct pg_session *holder);

/* Appends a row for each session that was ended since the last call. Outside a transaction. */
bool oust_journal(struct run *run, struct err *err) MUST_CHECK;

#endif
