/* The state of one deploy while it runs; included by src/deploy/ only. */
#ifndef PAWL_DEPLOY_RUN_H
#define PAWL_DEPLOY_RUN_H

#include "deploy/black_box.h"
#include "deploy/claim.h"
#include "deploy/deploy.h"
#include "deploy/watcher.h"

enum { ATTEMPT_ID_BYTES = 17 };

/* What a migration has done to rows, for its applied row: kind=data and kind=backfill. */
struct counted {
    bool known, backfill;
    int64_t rows;                     /* changed */
    int64_t walked, batches, work_ms; /* of a backfill */
};

struct run {
    struct arena *arena;
    const struct ledger_options *target;
    const struct wait *wait; /* the caller's cancel descriptor */
    struct ledger *ledger;
    const struct deploy_options *options;
    struct deploy_result *result;
    struct findings *findings;
    size_t set_findings; /* how many findings there were before the first plan */
    struct journal journal;
    struct state state;
    int64_t last_change; /* what our next transaction expects */
    char attempt[ATTEMPT_ID_BYTES];
    bool begun;             /* our begin row is in the journal */
    bool mutex;             /* we hold the session lock */
    bool step_begun;        /* of the migration at hand: a step outside transactions is under way */
    bool committed_any;     /* of the migration at hand: an earlier unit stands */
    struct counted counted; /* of the migration at hand */
    struct black_box black_box;
    struct watcher watcher;         /* PostgreSQL */
    struct claim claim;             /* of the unit at hand, PostgreSQL */
    struct ousted_list ousted;      /* sessions that this run has ended */
    int64_t lock_timeout_ms;        /* of the next try; -1: as the options say */
    const struct plan_item *failed; /* the one that ended the run; NULL */
    unsigned overridden;            /* of deploy/override.h: what this run went over */
    int64_t reservation;            /* the one that it went over; 0: none */
    struct findings preflight;      /* what the checks before it have found */
    bool reserved;                  /* a reservation ends the run */
    struct presence presence;       /* who lives, where the plan contracts */
    const char *went_over;          /* whom it did not wait for, as it was told to; NULL */
    struct gate *gate;              /* what it has read; NULL: nothing yet */
    struct gate_lacks gate_lacks;   /* what it went over */
    bool looked;                    /* at the ledger, once */
    bool fresh;                     /* nothing was applied then */
};

/* --- attempt.c: begin, end, and those that never ended --- */
bool attempt_begin(struct run *run, struct err *err) MUST_CHECK;
/* Journals how the run ended; its own failure is only worth a note, as the next deploy sees a begin
 * without an end. */
void attempt_end(struct run *run, const struct err *why);
/* Journals "abandoned" for each attempt that is surely dead. */
bool attempt_bury_dead(struct run *run, struct err *err) MUST_CHECK;
/* An open attempt whose process is alive on this host; NULL. */
const struct attempt *attempt_alive(const struct run *run);
/* A member for detail: {"attempt": …}; NULL when memory is out. */
struct json_t *attempt_detail(const struct run *run);

/* --- leftover.c: what is unfinished in the database, for the row that ends the attempt --- */
/* ok: how the run went. One that failed has an error already: it gets the list alone. */
bool leftover_look(struct run *run, bool ok, struct err *err) MUST_CHECK;

/* --- release.c: the set of the release that is named --- */
/* False, ERR_REFUSED, when the release is recorded with another set. */
bool release_check(const struct run *run, struct err *err) MUST_CHECK;
/* A release is named and not recorded yet. */
bool release_is_new(const struct run *run);
/* Appends its row, and plans again. ERR_BUSY: another pawl was there since the plan; ERR_REFUSED:
 * another one has just named it with another set. */
bool release_record(struct run *run, struct err *err) MUST_CHECK;

/* Of all that the set carries, whatever the journal shows of it. */
bool release_whole_digest(const struct run *run, struct hash_hex *ret, struct err *err) MUST_CHECK;

/* --- reservation.c: who holds deploys up --- */
/* Waits, without the mutex, while a reservation is in force: others may end it, or go over it.
 * False, ERR_BUSY, when one still is at give_up_ms. */
bool reservation_wait(struct run *run, int64_t give_up_ms, struct err *err) MUST_CHECK;
/* Under the mutex: the reservation that was made since we looked; NULL. Takes down the one that an
 * override goes over. */
const struct reservation *reservation_found(struct run *run);
/* Behind our begin row: whether one was made between our look and that row; ERR_BUSY, and
 * run->reserved. */
bool reservation_recheck(struct run *run, struct err *err) MUST_CHECK;
/* What a dry run says of it. */
void reservation_note(struct run *run);
/* The one in force that would hold this deploy up; NULL. */
const struct reservation *reservation_standing(const struct run *run);
/* ERR_BUSY: who has reserved the target, and what to type. False. */
bool reservation_refuse(struct run *run, const struct reservation *reservation, struct err *err);

/* --- backup_before.c: what the settings want saved before anything runs --- */
/* Takes a backup and records it, or finds one that counts, where the plan wants one. ERR_REFUSED:
 * there is none, and nothing was begun. */
bool backup_before(struct run *run, struct err *err) MUST_CHECK;
/* What a dry run says of it. */
void backup_note(struct run *run);
/* Puts where it is and what restores it behind the error's state. */
void backup_remind(const struct run *run, struct err *err);

/* --- apply.c --- */
/* All units of one pending migration. */
bool apply_migration(struct run *run, const struct plan_item *item, struct err *err) MUST_CHECK;
/* The journal row of one unit, or of the whole migration when it is the last one. ms: how long it
 * took; -1 where the server's append() knows better. */
bool apply_entry(const struct run *run, const struct plan_item *item, size_t unit, int64_t ms,
                 struct entry *ret, struct err *err) MUST_CHECK;
/* All rows of one unit: in front of the last one's those of what a squash replaces. */
bool apply_rows(const struct run *run, const struct plan_item *item, size_t unit, int64_t ms,
                struct entry **ret, size_t *ret_count, struct err *err) MUST_CHECK;
/* How long a try of it may wait for a lock. */
int64_t apply_lock_timeout_ms(const struct run *run, const struct plan_item *item);
/* After a unit has been committed. */
bool apply_committed(struct run *run, const struct plan_item *item, size_t unit,
                     const struct receipt *receipt, int64_t ms, struct err *err) MUST_CHECK;
/* Puts file, line and column of a statement's error. */
void apply_locate(const struct plan_item *item, const struct script_statement *statement,
                  int character, int byte_offset, struct err *err);

/* kind=data: whether more rows were changed than it may, and the error that says so. False. */
bool apply_over_limit(const struct run *run, const struct plan_item *item);
bool apply_refuse_rows(const struct run *run, const struct plan_item *item, struct err *err);

/* One try of one unit. */
bool apply_unit(struct run *run, const struct plan_item *item, size_t unit,
                struct err *err) MUST_CHECK;

/* --- retry.c: the same until it is done, or the time for locks is spent --- */
bool retry_unit(struct run *run, const struct plan_item *item, size_t unit,
                struct err *err) MUST_CHECK;
/* Of the pause before the next try, behind one of so long; 0: the first one. */
int64_t retry_pause_ms(int64_t last_ms);
/* The error with which it ends: ERR_BUSY, and who is in the way. */
void retry_give_up(const struct run *run, struct err *err);

/* --- apply_pg.c, apply_step.c, apply_sqlite.c: one unit --- */
bool apply_pg_unit(struct run *run, const struct plan_item *item, size_t unit,
                   struct err *err) MUST_CHECK;
bool apply_pg_step(struct run *run, const struct plan_item *item, size_t unit,
                   struct err *err) MUST_CHECK;
bool apply_sqlite_unit(struct run *run, const struct plan_item *item, size_t unit,
                       struct err *err) MUST_CHECK;

/* --- backfill.c: a kind=backfill migration, batch by batch --- */
bool backfill_run(struct run *run, const struct plan_item *item, struct err *err) MUST_CHECK;
/* Before anything runs: a backfill that was stopped part-way goes on with the same text, under
 * whatever name. ERR_REFUSED. */
bool backfill_check(struct run *run, struct err *err) MUST_CHECK;

/* --- forget.c: what a migration leaves in its session --- */
/* Whether the file does more than define. */
bool forget_needed(const struct script *script);
/* How many statements forget_queue() adds behind this unit; 0: none are to be added. */
size_t forget_count(const struct run *run, const struct plan_item *item, size_t unit);
bool forget_queue(const struct run *run, struct err *err) MUST_CHECK;
/* The same at once. */
bool forget_now(const struct run *run, struct err *err) MUST_CHECK;

/* --- settle.c: after a lost connection --- */
/* Connects again, makes sure that the old backend is gone, and reads what became of the unit.
 * *ret_applied: its row is in the journal. False: the outcome is not known yet; ERR_PARTIAL, or
 * ERR_SIGNAL when told to stop, and the ledger may be without a connection. */
bool settle(struct run *run, const struct plan_item *item, size_t unit, int old_backend,
            bool *ret_applied, struct err *err) MUST_CHECK;

/* --- exclude.c: one deploy at a time --- */
/* Whether a session lock excludes the others: not on SQLite, and not behind a pooler. */
bool exclude_by_lock(const struct run *run);
/* Takes that lock; ERR_BUSY after give_up_ms. */
bool exclude_mutex(struct run *run, int64_t give_up_ms, struct err *err) MUST_CHECK;
/* From here on no other pawl changes the target, or our transactions notice. Makes the ledger where
 * there is none, and plans. */
bool exclude_others(struct run *run, int64_t give_up_ms, struct err *err) MUST_CHECK;
/* ERR_BUSY for the caller to end with; text: who is at work, or NULL. False. */
bool exclude_still_busy(const char *text, struct err *err);

/* --- run.c --- */
/* A run at its start, with an empty result. target is NULL where only a look is taken. */
struct run run_start(struct arena *arena, const struct ledger_options *target,
                     const struct wait *wait, struct ledger *ledger,
                     const struct deploy_options *options, struct deploy_result *result,
                     struct findings *findings);
/* Reads the ledger anew and plans, whatever speaks against it: that is in run->findings. */
bool run_look(struct run *run, struct err *err) MUST_CHECK;
/* ERR_REFUSED where there are errors among run->findings. */
bool run_refuse_findings(struct run *run, struct err *err) MUST_CHECK;
/* All of these. */
bool run_plan(struct run *run, struct err *err) MUST_CHECK;
/* ERR_REFUSED for a database with tables and no ledger. */
bool run_refuse_foreign(struct run *run, struct err *err) MUST_CHECK;
/* ERR_REFUSED for steps outside transactions behind a pooler. */
bool run_refuse_pooled_steps(const struct run *run, struct err *err) MUST_CHECK;

/* --- preflight.c --- */
/* What a deploy asks before it changes anything; ERR_REFUSED. Warnings are told. */
bool preflight_pass(struct run *run, struct err *err) MUST_CHECK;

#endif
