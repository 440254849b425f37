/*
 * Recorded corrections: each is a row of the journal with its reason, none changes a row.
 */
#ifndef PAWL_ADOPT_REPAIR_H
#define PAWL_ADOPT_REPAIR_H

#include "base/finding.h"
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
    const char *reason;
};

struct repair_result {
    const char *proof; /* what was found that makes the repair right, a sentence */
    const char *head;  /* "seq:hash" */
};

/* Looks for the proof, then journals. Without the proof: ERR_REFUSED, and nothing was changed. */
bool repair_run(struct arena *arena, struct ledger *ledger, const struct set *set,
                const struct repair *repair, struct repair_result *ret, struct err *err) MUST_CHECK;

#endif
