/*
 * Recorded corrections: each is a row of the journal, none changes a row. First the proof is looked
 * for and can be shown; then it is recorded, unless the ledger has changed since.
 */
#ifndef PAWL_ADOPT_REPAIR_H
#define PAWL_ADOPT_REPAIR_H

#include "history/set.h"
#include "ledger/ledger.h"

enum repair_kind {
    REPAIR_ACCEPT_BREAK, /* first: the seq */
    REPAIR_ACCEPT_EDIT,  /* first: the id */
    REPAIR_RENAMED,      /* first: the old id, second: the new one */
    REPAIR_NEW,          /* first: the id */
};

struct repair {
    enum repair_kind kind;
    const char *first, *second;
    const char *reason; /* NULL: none given */
};

struct repair_found {
    const char *proof; /* what makes the repair right, a sentence without capital and stop */
    struct {
        const char **items; /* the facts behind it, a sentence each */
        size_t count, capacity;
    } facts;
    const char *diff; /* accept-edit: kept text against the file; NULL: nothing to compare with */
    bool recorded;    /* it is in the ledger already: nothing is to be done */
    struct entry entry;
    int64_t last_change; /* what the proof was made from */
};

/* Looks for the proof. Writes nothing. Odd names that are applied are admitted to the set. Errors:
 * ERR_REFUSED when there is none, ERR_USAGE for an unknown id or a seq that is no number,
 * ERR_CHAIN, those of reading. */
bool repair_find(struct arena *arena, struct ledger *ledger, struct set *set,
                 const struct repair *repair, struct repair_found *ret, struct err *err) MUST_CHECK;

/* Appends the row; *ret_head is "seq:hash". ERR_BUSY: the ledger has changed since the proof. */
bool repair_record(struct arena *arena, struct ledger *ledger, const struct repair_found *found,
                   const char **ret_head, struct err *err) MUST_CHECK;

#endif
