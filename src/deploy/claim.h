/*
 * What a unit is going to lock, as far as its statements say, and who is in the way of that.
 *
 * Two uses: a look at the sessions before the first try, so that nobody queues behind a statement
 * that has to wait anyway; and all locks first, in an order that is the same for everybody, where
 * every statement is short. A unit that is not understood has no claim: it is tried as it is.
 */
#ifndef PAWL_DEPLOY_CLAIM_H
#define PAWL_DEPLOY_CLAIM_H

#include "db/sessions.h"
#include "sql/facts.h"

struct run;
struct plan_item;

/* A relation that is there, and that a statement of the unit locks. */
struct claimed {
    int64_t oid;
    const char *relation; /* qualified and quoted */
    enum lock_mode mode;
    bool lockable; /* a table of the role that deploys, certain to be locked so */
};

struct claim {
    struct {
        struct claimed *items; /* by oid, each once */
        size_t count, capacity;
    } locks;
    bool all_short; /* nothing in the unit takes longer on a larger table */
    bool held;      /* as of claim_read(): somebody has had a lock on one of them for long */
    bool looked;    /* that was used up */
};

/* Asks the catalog over the deploy's own connection, outside a transaction. What the unit makes
 * itself is nobody else's and left out; a unit of only such statements asks nothing. */
bool claim_read(struct run *run, const struct plan_item *item, size_t unit, struct claim *ret,
                struct err *err) MUST_CHECK;

/* The same of what statements lock in all, in one go. */
bool claim_of_set(struct run *run, const struct facts_set *set, struct claim *ret,
                  struct err *err) MUST_CHECK;

/* Who has held a lock that conflicts with the claim for a second or more, by this connection. */
bool claim_holders(struct pg *pg, struct arena *arena, const struct claim *claim,
                   struct pg_sessions *ret, struct err *err) MUST_CHECK;

/* Who has held a lock that conflicts with the claim for a second or more, with nothing of ours in
 * its way: those in *ret. Empty where there is nothing to look at. */
bool claim_look(struct run *run, struct arena *arena, struct claim *claim, struct pg_sessions *ret,
                struct err *err) MUST_CHECK;

/* How many LOCK statements claim_queue() adds in front of the unit's own. */
size_t claim_queue_count(const struct claim *claim);
bool claim_queue(struct run *run, const struct claim *claim, struct err *err) MUST_CHECK;

#endif
