/*
 * What a deploy attempt leaves on this machine: one JSON object a line, for each thing that
 * happened (docs/black-box.md), and a few counts for the journal.
 *
 * It hears the deploy's events before the caller's listener does, and is told the rest by the calls
 * below. Lines of migrations that go by quickly are written together, ten times a second; whatever
 * takes longer than a quarter of a second, and everything on SQLite, is in the file while it goes
 * on. A file that cannot be written is told once; then the counts alone go on.
 */
#ifndef PAWL_DEPLOY_BLACK_BOX_H
#define PAWL_DEPLOY_BLACK_BOX_H

#include <jansson.h>

#include "db/sessions.h"
#include "deploy/black_box_file.h"
#include "deploy/listener.h"

struct run;
struct plan_item;

/* What the journal keeps of it. */
struct tally {
    int64_t retries;
    int64_t lock_wait_ms; /* the longest; what was too short to be seen is not in it */
    int64_t notices;      /* of the whole attempt only: a row is older than those of its own try */
};

struct black_box {
    struct deploy_listener next; /* to whom the events go on */
    struct black_box_file file;
    bool on; /* lines are made; before the file is open they wait */
    struct tally all, migration;
    int64_t start_ms;
    int64_t written_ms; /* when the file was written last */
    int64_t answer_ms;  /* when the last statement's answer came */
    /* of the unit at hand */
    const struct plan_item *item;
    size_t unit, tries;
    size_t held; /* statements whose answers come with that of the next one */
    int64_t lock_timeout_ms;
    json_t *blockers; /* as of the last line about them; NULL */
    int64_t next_look_ms, next_progress_ms;
};

/* Puts itself in front of this listener, and returns what is to be told instead of it. */
struct deploy_listener black_box_listen(struct run *run, const struct deploy_listener *next);

/* The attempt has its id: opens the file and records what is in force. A second call for the same
 * attempt does nothing. */
void black_box_begin(struct run *run);
/* A row of the journal that frames the attempt. */
void black_box_row(struct run *run, const char *event, const char *receipt);
/* How it ended. */
void black_box_end(struct run *run, const char *outcome, const struct err *why);
void black_box_close(struct run *run);

/* Writes what waits. */
void black_box_write(struct run *run);

/* A try of a unit is about to start, and has failed. */
void black_box_try(struct run *run, const struct plan_item *item, size_t unit);
void black_box_failed(struct run *run, const struct err *err);

/* A pg_notice_fn; context is the run. */
void black_box_notice(void *context, const char *severity, const char *message);

/* Who is in the way; self, the waiting backend as it was seen, may be NULL. */
void black_box_blocked(struct run *run, const struct pg_session *self,
                       const struct pg_sessions *blockers);
/* A session was ended, or could not be. */
void black_box_session_ended(struct run *run, const struct pg_session *session,
                             const struct err *failed);
/* "lost", "back": the connection, with the number of its backend. */
void black_box_connection(struct run *run, const char *what, int backend);

/* Adds the counts that are not 0 to a row's detail; false when memory is out. */
bool tally_describe(const struct tally *tally, json_t *detail) MUST_CHECK;

#endif
