/* What a transaction has done so far, read off between two of its statements; for check/xray.c. */
#ifndef PAWL_CHECK_XRAY_READING_H
#define PAWL_CHECK_XRAY_READING_H

#include "check/xray.h"

/* A relation of the shadow as it was last seen. */
struct seen {
    unsigned oid, file; /* file 0: it has none */
    const char *name, *table;
    char kind;
    enum lock_mode mode; /* held in the unit at hand */
    long long scans;
};

struct seen_list {
    struct seen *items; /* by oid */
    size_t count, capacity;
};

struct reading {
    struct arena *arena;
    struct pg *pg;
    struct seen_list seen;
    struct seen_list before; /* the last reading_start() */
};

/* Outside a transaction, or at the start of one: all relations as they are, no lock held. */
bool reading_start(struct reading *reading, struct err *err) MUST_CHECK;

/* At the start of a unit: no lock is held, and the counts of scans may have been set back. */
bool reading_unit(struct reading *reading, struct err *err) MUST_CHECK;

/* After a return to a savepoint: all relations, and the locks that are left. */
bool reading_again(struct reading *reading, struct err *err) MUST_CHECK;

/* What has changed since the last call, locks and work, for one statement. emptying: the new files
 * are empty, and no work. */
bool reading_statement(struct reading *reading, bool emptying, struct xray_relations *ret,
                       struct err *err) MUST_CHECK;

/* The same after a statement outside a transaction, whose locks are gone. */
bool reading_alone(struct reading *reading, bool emptying, struct xray_relations *ret,
                   struct err *err) MUST_CHECK;

/* Adds a statement's relations to the sums of its unit. */
bool reading_sum(struct arena *arena, const struct xray_relations *relations,
                 struct xray_relations *sums, struct err *err) MUST_CHECK;

#endif
