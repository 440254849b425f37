/*
 * What people announce about a target: reservations, maintenance, backfills that are to wait. Each
 * is one row of the journal, and none takes the mutex, but to give a backfill up: what is announced
 * while a deploy runs holds up the next one.
 */
#ifndef PAWL_LIVE_ANNOUNCE_H
#define PAWL_LIVE_ANNOUNCE_H

#include "ledger/checkpoint.h"
#include "ledger/ledger.h"
#include "ledger/state.h"

struct announcer {
    struct arena *arena;
    struct ledger *ledger;
    struct journal journal;
    struct state state; /* before what is announced */
};

/* Reads the ledger, which is open for writing. ERR_REFUSED where there is none, ERR_CHAIN. */
bool announce_open(struct arena *arena, struct ledger *ledger, struct announcer *ret,
                   struct err *err) MUST_CHECK;

/* A duration from now, or a moment with its zone; ERR_USAGE for anything else, and for what is not
 * within the next RESERVATION_MAX_DAYS. */
bool announce_until(struct arena *arena, const char *text, int64_t now_us, int64_t *ret_us,
                    struct err *err) MUST_CHECK;

/* These append the row; *ret_head is "seq:hash". A reservation's seq is its id. */
bool announce_reservation(struct announcer *announcer, int64_t until_us, const char *reason,
                          const char **ret_head, struct err *err) MUST_CHECK;
bool announce_end(struct announcer *announcer, int64_t id, const char *reason,
                  const char **ret_head, struct err *err) MUST_CHECK;
bool announce_maintenance(struct announcer *announcer, bool on, const char *reason,
                          const char **ret_head, struct err *err) MUST_CHECK;

/* The release is over: what was seen of it until now holds nothing any more. */
bool announce_retired(struct announcer *announcer, const char *release, const char *reason,
                      const char **ret_head, struct err *err) MUST_CHECK;

/* Code of the release (NULL: of none) starts although the contract migration has passed it by. */
bool announce_override(struct announcer *announcer, const char *release, const char *migration,
                       const char *reason, const char **ret_head, struct err *err) MUST_CHECK;

/* A backfill that has begun waits before its next batch, or goes on. Errors as above; ERR_BUSY when
 * it is done, or was switched by somebody else, since it was read. */
bool announce_backfill(struct announcer *announcer, const struct checkpoint *checkpoint, bool pause,
                       const char *reason, const char **ret_head, struct err *err) MUST_CHECK;

/* One that no deploy is at work on is given up: what it has done stands, and it is as if it had
 * never begun. Errors as above; ERR_BUSY while a deploy is at work. */
bool announce_backfill_cancelled(struct announcer *announcer, const struct checkpoint *checkpoint,
                                 const char *reason, const char **ret_head,
                                 struct err *err) MUST_CHECK;

#endif
