/* Between the files that ask the queries of probes. */
#ifndef PAWL_CHECK_PROBE_ASKING_H
#define PAWL_CHECK_PROBE_ASKING_H

#include "check/probe/probe.h"

struct asking {
    struct arena *arena;
    struct pg *pg;
    const struct probe_options *options;
    struct err *err;
    bool standby;
};

/* --- ask.c --- */
/* Begins the transaction of one query. */
bool asking_begin(const struct asking *a) MUST_CHECK;

/* --- bisect.c --- */
/* Gives a probe whose query failed on a value the rows that it fails on, as far as that can be, and
 * their number. The transaction is left open, failed or not. */
void asking_find_rows(const struct asking *a, struct probe *probe);

#endif
