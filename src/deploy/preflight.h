/*
 * The release checklist made executable: one table of questions to a target and to what is pending
 * for it, each answered with a mark. Nothing is changed, and no question waits for long.
 *
 * `pawl preflight` asks all of them. A deploy begins with those that can tell it something that it
 * does not find out by itself, under the mutex, and changes nothing where one is an error: what is
 * pending would take others down, or lose data.
 */
#ifndef PAWL_DEPLOY_PREFLIGHT_H
#define PAWL_DEPLOY_PREFLIGHT_H

#include <jansson.h>

#include "base/finding.h"
#include "db/wait.h"
#include "ledger/ledger.h"

struct run;
struct deploy_options;
struct deploy_result;

enum preflight_mark {
    PREFLIGHT_SKIPPED, /* not applicable, or not asked: the text says why */
    PREFLIGHT_OK,
    PREFLIGHT_NOTE,
    PREFLIGHT_WARNING,
    PREFLIGHT_ERROR, /* a deploy is refused, or waits in vain */
};

/* "ok", "note", "warning", "error", "not applicable". */
const char *preflight_mark_name(enum preflight_mark mark);

/* One thing that was found. Texts are on one line, of any bytes. */
struct preflight_said {
    enum preflight_mark mark;
    const char *text;    /* lower case, no full stop */
    const char *command; /* what to type or do about it; NULL */
};

struct preflight_line {
    const struct preflight_question *question;
    enum preflight_mark mark; /* the gravest of what was found */
    struct {
        struct preflight_said *items; /* the gravest first comes as it was found; one at least */
        size_t count, capacity;
    } said;
    int64_t ms; /* how long the answer took */
};

struct preflight {
    struct {
        struct preflight_line *items; /* in the order of the table */
        size_t count, capacity;
    } lines;
};

/* What must be known before a question can be asked; each more than the one before. */
enum preflight_needs {
    PREFLIGHT_NEEDS_NOTHING,
    PREFLIGHT_NEEDS_TARGET,  /* a connection */
    PREFLIGHT_NEEDS_LEDGER,  /* its journal */
    PREFLIGHT_NEEDS_PENDING, /* a plan, and something in it that could hurt */
};

struct preflight_look;
struct preflight_question {
    const char *id;    /* for ever: programs know it */
    const char *title; /* a few words: what it is about */
    const char *asks;  /* for the docs, sentences: what is asked, and what each mark means */
    enum preflight_needs needs;
    bool postgres; /* SQLite has nothing to ask */
    bool primary;  /* a standby does not know it */
    bool deploy;   /* a deploy asks it too; the others it finds out by itself */
    /* False for what ends the answer, not the checklist: "cannot be asked". */
    bool (*ask)(struct preflight_look *look, struct preflight_line *line, struct err *err);
};

/* The table; NULL after the last. */
const struct preflight_question *preflight_question_at(size_t index);

/*
 * Asks everything. Connects by `target`, for reading, to *ledger, which the caller closes. Findings
 * gets what speaks against the plan, and what lint has found. result->preflight has a line for each
 * question in every case but ERR_NOMEM, ERR_SIGNAL and a connection that is lost. False with what a
 * deploy would end with: ERR_REFUSED, ERR_BUSY (reserved), ERR_CHAIN, ERR_UNREACHABLE.
 */
bool preflight_run(struct arena *arena, const struct ledger_options *target,
                   const struct wait *wait, struct ledger *ledger,
                   const struct deploy_options *options, struct deploy_result *result,
                   struct findings *findings, struct err *err) MUST_CHECK;

/* For a begin row: the errors of lint that were gone over, "RULE FILE:LINE", at most ten; NULL when
 * memory is out. */
json_t *preflight_overridden(const struct run *run) MUST_CHECK;

#endif
