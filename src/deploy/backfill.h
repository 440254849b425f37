/*
 * A migration that goes through a table batch by batch, by its key.
 *
 * Each batch is one transaction: the statement for the rows of a window of the key, and the
 * checkpoint that says how far that is. So a crash at any place leaves each row done once or not at
 * all, and the next deploy goes on from the checkpoint. Included by src/deploy/ only.
 */
#ifndef PAWL_DEPLOY_BACKFILL_H
#define PAWL_DEPLOY_BACKFILL_H

#include "deploy/run.h"
#include "ledger/checkpoint.h"

enum { BACKFILL_KEY_MAX = 8 };

/* The columns that it goes by. */
struct backfill_key {
    size_t count;
    const char *columns[BACKFILL_KEY_MAX]; /* quoted */
    unsigned types[BACKFILL_KEY_MAX];      /* PostgreSQL: their oids */
    bool dates[BACKFILL_KEY_MAX];          /* written as the session says, unless asked otherwise */
    const char *names;                     /* a JSON list */
};

/* Which step comes next. */
enum backfill_stage {
    BACKFILL_OPEN, /* look for a checkpoint, or make one */
    BACKFILL_WALK,
    BACKFILL_VERIFY,
    BACKFILL_FINISH, /* the row that says that it is applied */
    BACKFILL_DONE,
};

struct backfill {
    struct run *run;
    const struct plan_item *item;
    const struct backfill_engine *engine;
    const struct batch_statement *statement;
    struct limits limits; /* of a batch's transaction */
    const char *table;    /* qualified and quoted */
    struct backfill_key key;
    struct throttle *throttle;
    struct checkpoint at; /* until NULL: it has not begun */
    struct str reached;   /* the text of at.reached */
    enum backfill_stage stage;
    bool unsure;                    /* the connection was lost: the checkpoint is to be read anew */
    int backend;                    /* PostgreSQL: that works for us */
    int64_t start_ms, start_walked; /* of this run */
    int64_t marked_ms;              /* up to when the checkpoint counts the time */
    int64_t try_ms;                 /* when the batch at hand began */
    int64_t retry_since_ms, pause_ms;
    int64_t next_told_ms, next_note_ms;
    const char *failing; /* the window at hand, for people; NULL */
};

/* A window of the key: rows behind what was reached. */
struct window {
    int64_t rows;        /* 0: there are no more */
    const char *reached; /* the last key in it, a JSON list */
};

/* --- backfill_key.c --- */
/* Asks the catalog for the table and the key, and refuses what cannot be gone through. */
bool backfill_read_key(struct backfill *b, struct err *err) MUST_CHECK;
/* The values of a JSON list of as many as the key has columns. */
bool backfill_bounds(const struct backfill *b, struct arena *arena, const char *list,
                     const char *ret[BACKFILL_KEY_MAX], struct err *err) MUST_CHECK;

/* --- backfill_begin.c --- */
/* Finds the checkpoint to go on from, or makes the first one; b->stage is what comes next. */
bool backfill_open(struct backfill *b, struct err *err) MUST_CHECK;
/* The stage behind the last batch. */
enum backfill_stage backfill_walked(const struct backfill *b);
/* b->at becomes this checkpoint, and outlives the arena that it was read into. */
bool backfill_keep(struct backfill *b, const struct checkpoint *found, struct err *err) MUST_CHECK;
/* Somebody else has taken it further, or done it: the error with which the deploy plans again.
 * False. */
bool backfill_replan(struct err *err);

/* --- backfill_recover.c --- */
/* After a step that failed: true when it is worth another try. */
bool backfill_recover(struct backfill *b, struct err *err) MUST_CHECK;
/* What stands, for the error's state. False. */
bool backfill_fail(struct backfill *b, struct err *err);

/* --- backfill_pg.c, backfill_sqlite.c: inside a look, or a batch's transaction --- */
struct backfill_engine {
    /* The last key of the table as a window of one row, and a guess at its rows. */
    bool (*end)(struct backfill *b, struct arena *arena, struct window *ret, int64_t *ret_estimate,
                struct err *err);
    bool (*window)(struct backfill *b, struct arena *arena, int64_t rows, struct window *ret,
                   struct err *err);
    /* to->changed is filled: what the statement has changed is added to it. */
    bool (*batch)(struct backfill *b, struct arena *arena, const struct window *window,
                  struct checkpoint *to, struct err *err);
    bool (*finish)(struct backfill *b, struct arena *arena, struct err *err);
};
extern const struct backfill_engine backfill_pg, backfill_sqlite;

/* PostgreSQL: one row of one column. */
bool backfill_pg_ask(struct backfill *b, struct arena *arena, const char *sql,
                     const unsigned *types, const char *const *params, size_t count,
                     const char **ret, struct err *err) MUST_CHECK;

/* --- backfill_verify.c --- */
/* The query of the file's head finds nothing. Else ERR_FAILED with what it found, and the next
 * deploy begins anew. */
bool backfill_verify(struct backfill *b, struct arena *arena, struct err *err) MUST_CHECK;

/* --- backfill_tell.c: how it goes, in words --- */
void backfill_tell_start(struct backfill *b);
void backfill_tell_progress(struct backfill *b);
/* It waits: why, at once and then now and then. */
void backfill_tell_waiting(struct backfill *b, const char *why);

#endif
