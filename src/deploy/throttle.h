/*
 * How large the next batch of a backfill may be, and whether it has to wait.
 *
 * Batches grow and shrink towards a time. Between them the server is asked, once a second and over
 * the deploy's own connection: how far standbys and subscribers are behind, what WAL replication
 * slots keep, how much WAL is written, whether vacuum is at work on the table, and what a query of
 * the user's says. On SQLite only the size is steered, and the backfill rests.
 */
#ifndef PAWL_DEPLOY_THROTTLE_H
#define PAWL_DEPLOY_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct run;

struct throttle_options {
    int64_t target_ms;           /* what a batch should take */
    int64_t rest_percent;        /* of a batch's time, after it */
    int64_t max_lag_ms;          /* of standbys; 0: neither they nor slots are looked at */
    int64_t max_wal_bytes_per_s; /* 0: no limit */
    const char *query;           /* NULL: none */
};

/* Of one backfill. */
struct throttle;

/* table: as SQL writes it, found by the migrations' search_path where it names no schema; NULL:
 * nobody looks at its vacuum. Lives in the run's arena. */
bool throttle_begin(struct run *run, const char *table, int64_t first_batch_rows, int64_t max_rows,
                    struct throttle **ret, struct err *err) MUST_CHECK;

/* The size of the next batch: at least 1, at most max_rows. */
int64_t throttle_rows(const struct throttle *t);

/* A batch over this many keys is committed, and took this long. */
void throttle_took(struct throttle *t, int64_t rows, int64_t ms);

/* A batch took too long and was rolled back: half of it. */
void throttle_split(struct throttle *t);

/*
 * Before each batch, outside a transaction. Rests first, where a batch went before. *ret_why NULL:
 * go on; else a clause for people (standby "x" is 12 s behind), valid until the next call: call
 * again after *ret_pause_ms. Errors: ERR_SIGNAL; ERR_UNREACHABLE; ERR_FAILED with what is wrong
 * with throttle_query, as a backfill that cannot ask does not go on blind.
 */
bool throttle_look(struct throttle *t, const char **ret_why, int64_t *ret_pause_ms,
                   struct err *err) MUST_CHECK;

#endif
