/*
 * How far each backfill has come: rows of the ledger's table checkpoint (SQLite: pawl_checkpoint),
 * which is made when the first one begins. A row is written with each batch, in its transaction,
 * and goes with the row that says that the migration is applied.
 */
#ifndef PAWL_LEDGER_CHECKPOINT_H
#define PAWL_LEDGER_CHECKPOINT_H

#include "ledger/ledger.h"

struct checkpoint {
    const char *migration, *checksum;
    const char *key;     /* a JSON list: the columns that it goes by */
    const char *reached; /* the key of the last row that is done, a JSON list; NULL: none yet */
    const char *until;   /* the last key to do: the last one that was there when it began */
    int64_t estimate;    /* rows that it goes through, as guessed when it began; -1: not known */
    int64_t walked;      /* rows gone through */
    int64_t changed;     /* rows that the statement changed */
    int64_t batches;
    int64_t ms; /* that deploys have spent on it */
    int64_t started_us, updated_us;
    int64_t paused_us;         /* 0: it is not paused */
    const char *paused_by;     /* NULL: it is not paused */
    const char *paused_reason; /* may be NULL */
};

struct checkpoints {
    struct checkpoint *items; /* by migration */
    size_t count, capacity;
    bool table; /* the ledger has it */
};

/* All of them; none where there is no table, or this role may not read it. */
bool checkpoint_list(struct ledger *ledger, struct arena *arena, struct checkpoints *ret,
                     struct err *err) MUST_CHECK;
const struct checkpoint *checkpoints_find(const struct checkpoints *list, const char *migration);

/* Rows done of those estimated in percent, 0 to 99; -1 where that is not known. */
int checkpoint_percent(const struct checkpoint *checkpoint);

/* How long the rest takes at so many rows a second; -1: not known. */
int64_t checkpoint_left_ms(const struct checkpoint *checkpoint, int64_t rows_per_s);

/* "12000 of about 50000 rows (24 %)", and with a rate, which is 0 where it is not known, ", 8000
 * rows/s, 5 s left". NULL when memory is out. */
const char *checkpoint_text(struct arena *arena, const struct checkpoint *checkpoint,
                            int64_t rows_per_s) MUST_CHECK;

/* Makes the table where it is missing, and the row with its event, in one transaction.
 * expected_change as for ledger_append(). */
bool checkpoint_begin(struct ledger *ledger, struct arena *arena, const struct checkpoint *first,
                      bool table, const struct entry *entry, int64_t expected_change,
                      struct receipt *ret, struct err *err) MUST_CHECK;

/* Inside a batch's transaction: from what was reached to what is now. Fails with
 * LEDGER_NOT_ONE_ROW when somebody else has moved it. On PostgreSQL it is queued. */
bool checkpoint_move(struct ledger *ledger, struct arena *arena, const struct checkpoint *from,
                     const struct checkpoint *to, struct err *err) MUST_CHECK;

/* Inside a transaction, likewise: takes the row away. */
bool checkpoint_remove(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                       struct err *err) MUST_CHECK;

/* In a transaction of its own: a new pass begins with the next deploy. */
bool checkpoint_reset(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                      int64_t expected_change, struct err *err) MUST_CHECK;

/* In a transaction of its own: the row is that of a migration with another name now. */
bool checkpoint_rename(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                       const char *migration, int64_t expected_change, struct err *err) MUST_CHECK;

/* Pauses it, with the row of the journal; by NULL: lets it go on. Whoever is at work sees it before
 * the next batch. LEDGER_NOT_ONE_ROW when it is so already, or done. */
bool checkpoint_pause(struct ledger *ledger, struct arena *arena, const char *migration,
                      const char *by, const char *reason, const struct entry *entry,
                      struct receipt *ret, struct err *err) MUST_CHECK;

/* Takes the row away, with the row of the journal: as if it had never begun. expected_change as for
 * ledger_append(); LEDGER_NOT_ONE_ROW when it has gone on since it was read. */
bool checkpoint_cancel(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                       const struct entry *entry, int64_t expected_change, struct receipt *ret,
                       struct err *err) MUST_CHECK;

#endif
