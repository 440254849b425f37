/*
 * The arithmetic of a throttle: how many rows fit a time, how far a standby is behind by what was
 * seen of it, how much WAL is too much. No clock and no server in here.
 */
#ifndef PAWL_DEPLOY_PACE_H
#define PAWL_DEPLOY_PACE_H

#include <stddef.h>
#include <stdint.h>

/* ---- the size of batches ---- */

struct pace {
    int64_t rows, max_rows; /* of the next batch */
    int64_t target_ms;
    double ms_per_row; /* an average that forgets; 0: nothing was measured */
};

/* first_rows below 1 is 1, over max_rows is max_rows. */
void pace_begin(struct pace *pace, int64_t first_rows, int64_t max_rows, int64_t target_ms);
/* A batch took so long. The next one is at most twice as large and at least half as large. */
void pace_took(struct pace *pace, int64_t rows, int64_t ms);
void pace_halve(struct pace *pace);

/* ---- how far somebody is behind ---- */

/* Where the WAL was at which moment: what a standby has not replayed is as old as the first moment
 * beyond. The server's own replay_lag stands still where replay does, and is NULL where nothing was
 * written; it only counts within what the moments leave open. */
enum { LAG_MOMENTS = 256 };

struct lag {
    struct lag_moment {
        int64_t lsn, at_ms;
    } moments[LAG_MOMENTS]; /* ascending */
    size_t count;
    int64_t spacing_ms; /* between two moments that are kept */
};

void lag_begin(struct lag *lag, int64_t max_lag_ms);
/* least_replayed: the position of whoever is farthest behind; moments before it are forgotten. */
void lag_keep(struct lag *lag, int64_t lsn, int64_t now_ms, int64_t least_replayed);
/* reported_ms: the server's replay_lag; -1: NULL. */
int64_t lag_behind_ms(const struct lag *lag, int64_t replayed, int64_t now_ms, int64_t reported_ms);

/* ---- how much WAL ---- */

struct wal_rate {
    int64_t max_bytes_per_s; /* 0: no limit */
    int64_t lsn, at_ms;      /* as of the last look; 0: none yet */
    double ahead_bytes;      /* of what the limit allows */
};

/* How long nothing more may be written to come back to the limit. Of what was written long ago not
 * more than a few seconds' worth is held against now. */
int64_t wal_rate_ahead_ms(struct wal_rate *rate, int64_t lsn, int64_t now_ms);

#endif
