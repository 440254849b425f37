/*
 * Another program that runs beside this process for a while, and never outlives it: a server for
 * one run.
 *
 * It has a process group of its own, so that Ctrl-C reaches this process alone, and gets a signal
 * from the kernel when the thread that started it ends, SIGKILL included: start it from the main
 * thread.
 */
#ifndef PAWL_BASE_COMPANION_H
#define PAWL_BASE_COMPANION_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct companion_options {
    const char *const *arguments; /* the program first, found in PATH without a slash; NULL last */
    const char *folder;           /* where it works */
    const char *log;              /* the file that its output is added to; NULL: our stderr */
    const char *const *environment; /* all of it, NULL last; NULL: ours */
    bool as_other;                  /* as this user; for root */
    uid_t user;
    gid_t group;
    int end_signal; /* from the kernel */
};

struct companion {
    pid_t pid;  /* 0: none, or it has ended */
    int status; /* once it has: of waitpid() */
};

bool companion_start(const struct companion_options *options, struct companion *ret,
                     struct err *err) MUST_CHECK;

/* Does not wait. True once it has ended, with *ret_ok for exit code 0. */
bool companion_ended(struct companion *companion, bool *ret_ok);

/* Asks it to end by this signal, with SIGKILL once the time is over, and waits for that. */
void companion_end(struct companion *companion, int number, int64_t grace_ms);

/* The same for it and all that it has started and that is still of its process group. */
void companion_end_group(struct companion *companion, int number, int64_t grace_ms);

#endif
