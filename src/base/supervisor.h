/*
 * Another program in this one's place: started, sent the signals that come here, and ended with its
 * exit code. What is left of this process is what an init of a container is: it also waits for
 * children that it was given by others, so that no zombie stays.
 *
 * The program has its own input, output and terminal, every descriptor that this process was given
 * and none that it made (they are O_CLOEXEC), and the signals as this process was given them.
 */
#ifndef PAWL_BASE_SUPERVISOR_H
#define PAWL_BASE_SUPERVISOR_H

#include <signal.h>

#include "base/err.h"

/* How whoever started this process left the signals to it. */
struct supervisor_signals {
    sigset_t blocked, ignored;
};

/* Before any signal of this process is changed. */
void supervisor_note_signals(struct supervisor_signals *ret);

/* Whether there is such a program, in PATH when its name has no slash; nothing is started. Errors
 * as those of supervisor_run(). */
bool supervisor_find(const char *program, struct err *err) MUST_CHECK;

/*
 * Starts arguments[0] with this environment (NULL stands behind the last one of both) and returns
 * when it has ended; *ret_exit is its exit code, 128+N when signal N ended it. From here on no
 * handler of this process runs: all that may be sent to the program is held first, and then
 * cancel_fd is looked at a last time.
 *
 * Without a terminal the program has a process group of its own, as from an init. With one it stays
 * in ours, so that a shell's job control goes for both: what the terminal sends it has itself, and
 * is not sent again; when it stops, this process stops.
 *
 * Errors: ERR_NOT_STARTED, ERR_SIGNAL when cancel_fd was readable.
 */
bool supervisor_run(const char *const *arguments, const char *const *environment,
                    const struct supervisor_signals *signals, int cancel_fd, int *ret_exit,
                    struct err *err) MUST_CHECK;

#endif
