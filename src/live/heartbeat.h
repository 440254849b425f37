/*
 * An instance of a release while its program runs: registered before, renewed by a thread, and
 * signed off behind. Each says so over a connection of its own, so that the database may come and
 * go: whoever is cut off learns how things are when it is back.
 */
#ifndef PAWL_LIVE_HEARTBEAT_H
#define PAWL_LIVE_HEARTBEAT_H

#include <pthread.h>

#include "ledger/presence.h"

enum { HEARTBEAT_EVERY_MS = 20 * 1000, HEARTBEAT_TTL_MS = 60 * 1000 };

struct heartbeat {
    const struct ledger_options *target; /* for writing */
    struct presence_instance instance;   /* release NULL: none is registered */
    /* Called by the thread, once, with the contract migration that has passed the release by. */
    void (*on_blocked)(void *context, const char *migration);
    void *context;
    pthread_t thread;
    int stop[2];     /* a pipe; -1: no thread runs */
    bool registered; /* a hello came through: a bye is due */
};

/* One hello, within the target's connect_timeout_ms; before the thread runs. */
bool heartbeat_once(struct heartbeat *heartbeat, struct arena *arena, const struct wait *wait,
                    struct hello *ret, struct err *err) MUST_CHECK;

/* Starts the thread. Used in place: it must not move. */
bool heartbeat_start(struct heartbeat *heartbeat, struct err *err) MUST_CHECK;

/* Ends it where it runs, and signs off where that is due; a database that does not answer is left
 * to the ttl. */
void heartbeat_end(struct heartbeat *heartbeat);

/* How the program's sessions are called: as PGAPPNAME says, else as the release does. Where it is
 * the release's, the program is to be given it. NULL when memory is out. */
const char *heartbeat_application(struct arena *arena, const char *release);

/* "web-1-4711-9f86d081": host, process and a random number; NULL when memory is out. */
const char *heartbeat_name(struct arena *arena);

#endif
