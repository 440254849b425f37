/*
 * Running another program to its end and taking what it says.
 *
 * The program is found in PATH and started with an array of arguments, never through a shell.
 * Signals that this process ignores or blocks are set back for it. Safe with threads.
 */
#ifndef PAWL_BASE_PROCESS_H
#define PAWL_BASE_PROCESS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct process {
    const char *const *arguments;   /* the program's name first, NULL last */
    const char *const *environment; /* "NAME=value" adds or replaces, "NAME" alone takes away; NULL
                                       last; the whole may be NULL */
    struct span input;              /* its standard input; may be empty */
    size_t max_output_bytes;        /* more on stdout is an error; 0: STR_DEFAULT_MAX_BYTES */
    int64_t timeout_ms;
    bool with_children; /* what it has started and not waited for is ended with it: for a shell */
    int cancel_fd;      /* once it can be read the program is ended; 0 or less: none */
};

/* What is kept of stderr; the rest is read and dropped. */
enum { PROCESS_MAX_MESSAGE_BYTES = 16 << 10 };

struct process_result {
    int exit_code;              /* when signal is 0 */
    int signal;                 /* that ended it */
    struct str output, message; /* stdout and stderr */
};

/*
 * Runs it. True when the program ended by itself in time, whatever its exit code: *ret is filled.
 * Errors, ERR_USAGE and ERR_NOMEM: the program is not there or cannot be started, the time is over
 * or it says too much; ERR_SIGNAL: cancelled. Then it was killed. It is always waited for: no
 * zombie stays. Release *ret in both cases.
 */
bool process_run(const struct process *process, struct process_result *ret,
                 struct err *err) MUST_CHECK;

void process_result_release(struct process_result *result);

/* The text as one word of a command for people to type. NULL when memory is out. */
const char *shell_word(struct arena *arena, const char *text) MUST_CHECK;

#endif
