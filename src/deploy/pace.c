/* Averages that forget, and bounds on each step. */
#include "deploy/pace.h"

#include <string.h>

/* What a whole batch counts against all those before it. */
static const double NEWEST_WEIGHT = 0.3;
/* A batch below the clock's resolution. */
static const double NO_TIME_MS = 0.5;

enum { LONGEST_AHEAD_S = 10 };

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return value > most ? most : value < least ? least : value;
}

/* ---- the size of batches ---- */

void pace_begin(struct pace *pace, int64_t first_rows, int64_t max_rows, int64_t target_ms)
{
    *pace = (struct pace){.max_rows = max_rows < 1 ? 1 : max_rows, .target_ms = target_ms};
    pace->rows = within(first_rows, 1, pace->max_rows);
}

void pace_took(struct pace *pace, int64_t rows, int64_t ms)
{
    if (rows <= 0)
        return;
    const double measured = (ms > 0 ? (double)ms : NO_TIME_MS) / (double)rows;
    /* A last, short batch is mostly the cost of any transaction. */
    const double share = rows < pace->rows ? (double)rows / (double)pace->rows : 1;
    const double weight = NEWEST_WEIGHT * share;
    pace->ms_per_row =
        pace->ms_per_row == 0 ? measured : (1 - weight) * pace->ms_per_row + weight * measured;
    const double ideal = (double)pace->target_ms / pace->ms_per_row;
    const int64_t least = pace->rows / 2;
    const int64_t most = pace->rows < pace->max_rows / 2 ? 2 * pace->rows : pace->max_rows;
    pace->rows = ideal >= (double)most ? most : within((int64_t)ideal, least > 1 ? least : 1, most);
}

void pace_halve(struct pace *pace)
{
    pace->rows = pace->rows > 1 ? pace->rows / 2 : 1;
}

/* ---- how far somebody is behind ---- */

void lag_begin(struct lag *lag, int64_t max_lag_ms)
{
    enum { LEAST_SPACING_MS = 500 };
    lag->count = 0;
    /* Close together for twice as long as anybody may be behind. */
    lag->spacing_ms = within(2 * max_lag_ms / LAG_MOMENTS, LEAST_SPACING_MS, INT64_MAX);
}

static void forget(struct lag *lag, size_t at)
{
    lag->count--;
    memmove(&lag->moments[at], &lag->moments[at + 1], (lag->count - at) * sizeof lag->moments[0]);
}

void lag_keep(struct lag *lag, int64_t lsn, int64_t now_ms, int64_t least_replayed)
{
    while (lag->count > 1 && lag->moments[1].lsn <= least_replayed)
        forget(lag, 0);
    if (lag->count > 0 && now_ms - lag->moments[lag->count - 1].at_ms < lag->spacing_ms)
        return;
    /* Somebody is far behind: the first two moments, around their position, are theirs. */
    if (lag->count == LAG_MOMENTS)
        forget(lag, 2);
    lag->moments[lag->count++] = (struct lag_moment){lsn, now_ms};
}

int64_t lag_behind_ms(const struct lag *lag, int64_t replayed, int64_t now_ms, int64_t reported_ms)
{
    size_t i = 0;
    while (i < lag->count && lag->moments[i].lsn <= replayed)
        i++;
    if (i == lag->count)
        return 0;
    const int64_t least = now_ms - lag->moments[i].at_ms;
    const int64_t most = i > 0 ? now_ms - lag->moments[i - 1].at_ms : INT64_MAX;
    return within(reported_ms, least, most);
}

/* ---- how much WAL ---- */

int64_t wal_rate_ahead_ms(struct wal_rate *rate, int64_t lsn, int64_t now_ms)
{
    const double limit = (double)rate->max_bytes_per_s;
    if (rate->max_bytes_per_s <= 0)
        return 0;
    if (rate->at_ms != 0) {
        const double allowed = limit * (double)(now_ms - rate->at_ms) / 1000;
        const double ahead = rate->ahead_bytes + (double)(lsn - rate->lsn) - allowed;
        const double most = limit * LONGEST_AHEAD_S;
        rate->ahead_bytes = ahead < 0 ? 0 : ahead > most ? most : ahead;
    }
    rate->lsn = lsn;
    rate->at_ms = now_ms;
    return (int64_t)(rate->ahead_bytes * 1000 / limit);
}
