/* What a repair works with, and how it says what it has found; for repair.c. */
#ifndef PAWL_ADOPT_REPAIR_PARTS_H
#define PAWL_ADOPT_REPAIR_PARTS_H

#include "adopt/repair.h"
#include "base/fs.h"
#include "ledger/match.h"

struct repairer {
    struct arena *arena;
    struct ledger *ledger;
    const struct set *set;
    const struct repair *repair;
    const char *first; /* repair->first as it may be printed */
    struct journal journal;
    struct state state;
    struct comparison comparison;
    struct repair_found *found;
};

/* All false only with err. */
bool found_proof(struct repairer *r, struct err *err, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;
/* The same for what is in the ledger already. */
bool found_recorded(struct repairer *r, struct err *err, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;
bool found_fact(struct repairer *r, struct err *err, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/* When it was applied, by whom, with which checksums. */
bool found_applied(struct repairer *r, const struct applied *applied, struct err *err) MUST_CHECK;
/* The field that does not fit, and the row. */
bool found_break(struct repairer *r, const struct journal_break *broken,
                 struct err *err) MUST_CHECK;
/* The kept text of that checksum against the file. */
bool found_diff(struct repairer *r, const struct applied *applied, const char *checksum,
                const struct migration *m, struct err *err) MUST_CHECK;
/* The file's text goes into the ledger with the row. */
bool found_keep_text(struct repairer *r, const struct migration *m, struct err *err) MUST_CHECK;

#endif
