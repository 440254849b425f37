/*
 * May code that carries this set start? Read-only, one indexed lookup in the usual case.
 *
 * No for two reasons only: a migration that the set's digest covers was never applied (wait for the
 * deploy), or a contract migration that the set does not carry was applied (this code is too old,
 * for ever). Names, edits and the chain are warnings here.
 */
#ifndef PAWL_LIVE_READY_H
#define PAWL_LIVE_READY_H

#include "history/set.h"
#include "ledger/ledger.h"

struct ready_names {
    const char **items;
    size_t count, capacity;
};

/* What the question needs of the set. The whole set is asked for only when the usual case misses.
 */
struct ready_source {
    enum dialect dialect;
    struct hash_hex digest;
    struct {
        const struct hash_hex *items;
        size_t count;
    } repeatables;
    /* Whether the set has a migration, a contract step, under each of these ids; a NULL id it has
     * not. False with err when that cannot be read. */
    bool (*carries)(void *context, const struct ready_names *ids, bool *ret, struct err *err);
    /* NULL with err when it cannot be read. */
    const struct set *(*load)(void *context, struct err *err);
    void *context;
};

enum ready_verdict {
    READY_YES,
    READY_WAIT,  /* a deploy has to come first */
    READY_NEVER, /* a contract step has passed this code by */
};

struct ready_result {
    enum ready_verdict verdict;
    const char *reason;         /* a sentence without capital and full stop */
    struct ready_names missing; /* ids that were never applied */
    struct ready_names passed;  /* ids of contract migrations that the set does not carry */
    struct ready_names edited;  /* ids applied with another checksum: a warning */
    const char
        *closing; /* a contract migration that the set does not carry is about to run; NULL */
    bool quick;   /* one lookup was enough */
    int64_t maintenance_us; /* since when maintenance is on; 0: it is off. No part of the verdict */
};

/* Errors: ERR_UNREACHABLE, ERR_SIGNAL, ERR_BUSY (deadline), what load() gives. */
bool ready_check(struct ledger *ledger, struct arena *arena, const struct ready_source *source,
                 struct ready_result *ret, struct err *err) MUST_CHECK;

#endif
