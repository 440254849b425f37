/* A ledger read whole and held against a set: what there is to see of a target. */
#ifndef PAWL_LEDGER_LOOK_H
#define PAWL_LEDGER_LOOK_H

#include "ledger/ledger.h"
#include "ledger/match.h"

struct look {
    struct journal journal;
    struct state state;
    struct comparison comparison;
    bool exists, whole; /* whole: the hash chain fits, or there is no ledger */
    const char *broken; /* what is wrong with the chain, in the arena; NULL when whole */
    const char *head;   /* "seq:hash"; NULL without a ledger */
};

/* Where a migration of the set stands, or one that is not in the set. */
enum look_state {
    LOOK_PENDING,
    LOOK_APPLIED,
    LOOK_ADOPTED,
    LOOK_RENAMED,
    LOOK_EDITED,
    LOOK_DOUBTFUL,
    LOOK_CHANGED,
    LOOK_OUT_OF_ORDER,
    LOOK_PARTIAL,
    LOOK_NOT_IN_SET,
    LOOK_RECOGNISED,
    LOOK_SPLIT,
    LOOK_HELD,
};

/* Reads the whole ledger. A broken chain is no error here. Errors: those of ledger_read(). */
bool look_read(struct ledger *ledger, struct arena *arena, struct look *ret,
               struct err *err) MUST_CHECK;

/* Holds the set against it. The set's odd names that are applied are admitted to the set. */
bool look_compare(struct arena *arena, struct set *set, struct findings *findings,
                  struct look *look, struct err *err) MUST_CHECK;

enum look_state look_state(const struct look *look, const struct match *match);

#endif
