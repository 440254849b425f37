/* What a deploy tells while it runs: for a person's terminal, a log, or a host program. */
#ifndef PAWL_DEPLOY_LISTENER_H
#define PAWL_DEPLOY_LISTENER_H

#include <stdint.h>

#include "ledger/ledger.h"

enum deploy_event_type {
    DEPLOY_WAITING,    /* for another deploy: text says for whom; or a backfill, and why */
    DEPLOY_MIGRATION,  /* a migration starts: id, number of total */
    DEPLOY_STATEMENT,  /* a statement is done: number of total */
    DEPLOY_PROGRESS,   /* a statement is still at work: text says how far, where it can be known; a
                          backfill: number of about total rows */
    DEPLOY_BLOCKED,    /* a statement waits for other sessions: text says for which */
    DEPLOY_BLOCKING,   /* other sessions wait behind a statement: text */
    DEPLOY_RETRY,      /* the transaction was rolled back and is tried again: text says why */
    DEPLOY_NOTICE,     /* of the server: text */
    DEPLOY_APPLIED,    /* id, elapsed_ms; text: "3 rows", where they are counted */
    DEPLOY_NOTE,       /* text */
    DEPLOY_RECOGNISED, /* id, a squash: all that it replaces is applied, nothing was run */
};

struct deploy_event {
    enum deploy_event_type type;
    const char *id, *text;
    size_t number, total; /* from 1 */
    int64_t elapsed_ms;
    bool with_next;   /* DEPLOY_STATEMENT: the answer came together with that of the next one */
    int line, column; /* DEPLOY_STATEMENT on SQLite: where it stands in its file */
};

struct deploy_listener {
    void (*on_event)(void *context, const struct deploy_event *event); /* NULL: nobody listens */
    void *context;
};

static inline void deploy_tell(const struct deploy_listener *listener,
                               const struct deploy_event *event)
{
    if (listener->on_event != NULL)
        listener->on_event(listener->context, event);
}

#endif
