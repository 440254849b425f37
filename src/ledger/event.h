/*
 * The events of the journal. Rows of this table are for ever: new ones may be added, none changes
 * its meaning, and a reader ignores what it does not know. docs/ledger.md lists them from here.
 */
#ifndef PAWL_LEDGER_EVENT_H
#define PAWL_LEDGER_EVENT_H

#include <stdbool.h>

/* X(ID, name, changes the applied set, meaning) */
#define LEDGER_EVENTS(X)                                                                           \
    X(CREATED, "created", false, "the ledger's first row; detail.format is the ledger's format")   \
    X(BEGIN, "begin", false,                                                                       \
      "a deploy with something to do started: who, from where, what is pending")                   \
    X(APPLIED, "applied", true,                                                                    \
      "a migration's statements, or its last step, were committed with this row")                  \
    X(ADOPTED, "adopted", true, "a migration was recorded as done by other means")                 \
    X(RENAMED, "renamed", true, "an applied migration is now known under this name too")           \
    X(STEP, "step", true, "a transactional step of a migration was committed with this row")       \
    X(STEP_BEGIN, "step_begin", true, "a step outside transactions is about to start")             \
    X(STEP_END, "step_end", true, "a step outside transactions is done")                           \
    X(FAILED, "failed", false, "a migration failed and the deploy ended; SQLSTATE and message")    \
    X(STOPPED, "stopped", false, "the deploy was stopped by a signal or a time limit")             \
    X(END, "end", false, "the deploy ended with nothing left to do")                               \
    X(ABANDONED, "abandoned", false, "a later deploy found this one without an end")               \
    X(EDIT_ACCEPTED, "edit_accepted", true, "an applied migration has this second checksum")       \
    X(RELEASE, "release", false, "a release was named for the first time, and this is its set")    \
    X(DECLARED_NEW, "declared_new", true, "this file is no rename, whatever its content")          \
    X(SESSION_ENDED, "session_ended", false,                                                       \
      "a deploy ended a session in its way, as it was told to, or what a killed one left")         \
    X(BACKUP, "backup", false,                                                                     \
      "a backup was taken and verified: how, where, and the command that restores it")             \
    X(BREAK_ACCEPTED, "break_accepted", false, "a break of the hash chain was looked into")        \
    X(RESERVED, "reserved", false, "deploys are held up until a time: by whom, until when, why")   \
    X(RESERVATION_ENDED, "reservation_ended", false, "a reservation was ended before its time")    \
    X(MAINTENANCE_ON, "maintenance_on", false, "maintenance was switched on, and why")             \
    X(MAINTENANCE_OFF, "maintenance_off", false, "maintenance was switched off")                   \
    X(BACKFILL_BEGIN, "backfill_begin", false,                                                     \
      "a backfill began to go through its table: how far, and by which key")                       \
    X(BACKFILL_PAUSED, "backfill_paused", false, "a backfill was paused: by whom, and why")        \
    X(BACKFILL_RESUMED, "backfill_resumed", false, "a paused backfill may go on")                  \
    X(RETIRED, "retired", false,                                                                   \
      "a release is over: what was seen of it until then does not hold")                           \
    X(HELD, "held", false, "a contract migration waits for live releases that lack it: for whom")  \
    X(CLOSING, "closing", false,                                                                   \
      "a contract migration is about to run: who starts now without it is told to wait")           \
    X(REOPENED, "reopened", false, "such a migration did not run: who still lives without it")     \
    X(BACKFILL_CANCELLED, "backfill_cancelled", false,                                             \
      "a backfill that had stopped part-way was given up: how far, by whom, and why")              \
    X(OVERRIDE, "override", false,                                                                 \
      "code was started that this contract migration has passed by: by whom, and why")

enum ledger_event {
#define X(id, name, changes, meaning) EVENT_##id,
    LEDGER_EVENTS(X)
#undef X
        EVENT_UNKNOWN,
};

const char *event_name(enum ledger_event event);
const char *event_meaning(enum ledger_event event);
enum ledger_event event_parse(const char *name);

/* True for events after which a plan made before them is no longer good. */
bool event_changes_set(enum ledger_event event);

#endif
