/* Starting a program that ends with us, and ending it. */
#include "base/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { PAUSE_MS = 5, NOT_STARTED = 127 };

/* ---- in the child: only what a signal handler may call ---- */

static void set_signals(void)
{
    sigset_t none;
    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_DFL); /* those that cannot be set have it already */
    (void)sigemptyset(&none);          /* cannot fail, nor can the next */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_files(const struct companion_options *options)
{
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int log =
        options->log == NULL
            ? STDERR_FILENO
            : open(options->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return input >= 0 && log >= 0 && dup2(input, STDIN_FILENO) >= 0 &&
           dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0;
}

/* A change of user takes the signal of a parent's death away: that comes last. The parent may have
 * died before. */
static bool become(const struct companion_options *options, pid_t parent)
{
    if (options->as_other && (setgroups(1, &options->group) != 0 || setgid(options->group) != 0 ||
                              setuid(options->user) != 0))
        return false;
    return prctl(PR_SET_PDEATHSIG, options->end_signal) == 0 && getppid() == parent;
}

/* What failed is told through the pipe, which a program that was started does not have. */
__attribute__((noreturn)) static void run(const struct companion_options *options, pid_t parent,
                                          int tell_fd)
{
    set_signals();
    if (setpgid(0, 0) == 0 && become(options, parent) && set_files(options) &&
        chdir(options->folder) == 0)
        (void)execvpe(options->arguments[0], (char **)(uintptr_t)options->arguments,
                      options->environment != NULL ? (char **)(uintptr_t)options->environment
                                                   : environ);
    const int number = errno;
    (void)!write(tell_fd, &number, sizeof number); /* else it counts as started, and as ended */
    _exit(NOT_STARTED);
}

/* ---- in this process ---- */

/* 0, or why the program was not started; waits for either. */
static int listen_for(int fd)
{
    int number = 0;
    ssize_t got;
    do
        got = read(fd, &number, sizeof number);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof number ? number : 0;
}

bool companion_start(const struct companion_options *options, struct companion *ret,
                     struct err *err)
{
    const pid_t parent = getpid();
    int ends[2];
    ret->pid = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, ERR_USAGE, "cannot start \"%s\"", options->arguments[0]);
    const pid_t pid = fork();
    if (pid == 0)
        run(options, parent, ends[1]);
    const int fork_number = errno;
    (void)close(ends[1]); /* nothing to lose, here and below */
    const int number = pid < 0 ? fork_number : listen_for(ends[0]);
    (void)close(ends[0]);
    if (pid > 0)
        ret->pid = pid;
    if (pid > 0 && number == 0)
        return true;
    companion_end(ret, SIGKILL, 0);
    errno = number;
    return err_errno(err, ERR_USAGE, "cannot start \"%s\" in %s", options->arguments[0],
                     options->folder);
}

bool companion_ended(struct companion *companion, bool *ret_ok)
{
    int status = 0;
    *ret_ok = false;
    if (companion->pid == 0)
        return true;
    const pid_t ended = waitpid(companion->pid, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return false;
    companion->pid = 0;
    companion->status = status;
    *ret_ok = ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return true;
}

void companion_end(struct companion *companion, int number, int64_t grace_ms)
{
    const int64_t give_up_ms = clock_monotonic_ms() + grace_ms;
    bool ok;
    if (companion->pid != 0)
        (void)kill(companion->pid, number); /* it may have ended already */
    while (!companion_ended(companion, &ok)) {
        if (clock_monotonic_ms() >= give_up_ms)
            (void)kill(companion->pid, SIGKILL); /* as above */
        (void)poll(NULL, 0, PAUSE_MS);           /* a pause that a signal may end */
    }
}

void companion_end_group(struct companion *companion, int number, int64_t grace_ms)
{
    const pid_t group = companion->pid;
    if (group == 0)
        return;
    (void)kill(-group, number); /* whoever is in it */
    companion_end(companion, number, grace_ms);
    (void)kill(-group, SIGKILL); /* no other process has this number while one of them is there */
}
