/*
 * What went wrong, for a person and for a program.
 *
 * Fallible functions return bool (or a pointer) and fill a struct err only on failure. Messages are
 * lower case without a full stop and quote values with "…"; state and hint are full sentences.
 */
#ifndef PAWL_BASE_ERR_H
#define PAWL_BASE_ERR_H

#include <stdbool.h>

#include "base/macros.h"

/* One row an error code: name, exit code of the command that ends with it, meaning. The docs and
 * --help print this table. */
#define ERR_CODES(X)                                                                               \
    X(NONE, 0, "done; held contract steps are named")                                              \
    X(FAILED, 1,                                                                                   \
      "failed: the migration at hand was rolled back; earlier ones of this run stand and are "     \
      "listed")                                                                                    \
    X(USAGE, 2, "usage or configuration is wrong")                                                 \
    X(REFUSED, 3, "refused before anything ran")                                                   \
    X(NOT_READY, 4,                                                                                \
      "not ready yet, waiting helps; with `status --exit-code`: pending; with `ready "             \
      "--deploying`: no deploy")                                                                   \
    X(BUSY, 5,                                                                                     \
      "a lock, a reservation or another deploy was still in the way after --wait; or a deploy is " \
      "at work, with `blockers`")                                                                  \
    X(NEVER_READY, 6, "never ready: a contract step has passed this release by")                   \
    X(PARTIAL, 7, "stopped part-way; the next deploy resumes")                                     \
    X(CHAIN, 8, "the ledger's hash chain is broken")                                               \
    X(UNREACHABLE, 9, "the target cannot be reached or read")                                      \
    X(NOT_STARTED, 125, "`pawl run`: the program was not started")                                 \
    X(NOMEM, 1, "out of memory")                                                                   \
    X(SIGNAL, 128, "ended by signal N: the exit code is 128+N")

enum err_code {
#define X(name, exit_code, text) ERR_##name,
    ERR_CODES(X)
#undef X
};

struct err {
    enum err_code code;
    int signal;       /* for ERR_SIGNAL */
    bool retryable;   /* the same call may succeed later, nothing was changed */
    char sqlstate[6]; /* "" when the server gave none */
    char *message;    /* what happened */
    char *detail;     /* facts beside it, the server's DETAIL for one; may be NULL */
    char *state;      /* what state the target is in now; may be NULL */
    char *hint;       /* what to do or type next; may be NULL */
    char *file;       /* where; may be NULL */
    int line, column; /* from 1; 0 when not known */
};

/* Each of these replaces what was there. err_set() always returns false, so that a failing function
 * can say `return err_set(err, …)`. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
bool err_nomem(struct err *err);
/* The message followed by the text of errno. */
bool err_errno(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
void err_detail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_state(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_at(struct err *err, const char *file, int line, int column);

/* Puts words in front of the message: "cannot read the ledger: …". */
void err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

void err_release(struct err *err);

/* The process's exit code for this error. */
int err_exit_code(const struct err *err);
/* "REFUSED" as "refused": the code's name in JSON. */
const char *err_name(enum err_code code);
const char *err_meaning(enum err_code code);

#endif
