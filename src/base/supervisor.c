/* What an init does for the one program that it has. */
#include "base/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

struct supervisor {
    const char *const *arguments, *const *environment;
    const struct supervisor_signals *signals;
    sigset_t held; /* what is taken one by one and not by handlers */
    bool terminal; /* there is one that controls us */
    pid_t pid;     /* of the program */
};

/* ---- signals ---- */

void supervisor_note_signals(struct supervisor_signals *ret)
{
    struct sigaction action;
    (void)sigemptyset(&ret->blocked); /* cannot fail, here and below: the arguments are right */
    (void)sigemptyset(&ret->ignored);
    (void)sigprocmask(SIG_SETMASK, NULL, &ret->blocked);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            (void)sigaddset(&ret->ignored, number);
}

/* Everything but what the kernel says of our own faults and of our own writing and reading. */
static void hold_signals(struct supervisor *supervisor)
{
    static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP,
                              SIGSYS,  SIGABRT, SIGPIPE, SIGTTIN, SIGTTOU};
    (void)sigfillset(&supervisor->held);
    for (size_t i = 0; i < COUNT_OF(own); i++)
        (void)sigdelset(&supervisor->held, own[i]);
    (void)sigprocmask(SIG_BLOCK, &supervisor->held, NULL);
    /* Where it is ignored, nobody learns how a child ended. */
    (void)signal(SIGCHLD, SIG_DFL);
}

/* As they were given to us. The handlers of this process end with exec. */
static void give_back_signals(const struct supervisor_signals *signals)
{
    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, sigismember(&signals->ignored, number) == 1 ? SIG_IGN : SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &signals->blocked, NULL);
}

/* ---- starting ---- */

static bool not_found(const char *program, struct err *err)
{
    return err_set(err, ERR_NOT_STARTED, "there is no program \"%s\"%s", program,
                   strchr(program, '/') != NULL ? "" : " in PATH");
}

static bool not_started(const char *program, int number, struct err *err)
{
    errno = number;
    (void)err_errno(err, ERR_NOT_STARTED, "cannot start \"%s\"", program);
    if (number == ENOENT) /* it was there a moment ago */
        err_hint(err, "What its first line or its loader asks for is not there.");
    return false;
}

/* What execvp() would start: 0 or its error number. */
static int look_at(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return errno;
    if (!S_ISREG(about.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

bool supervisor_find(const char *program, struct err *err)
{
    const char *folder = getenv("PATH");
    int worst = ENOENT;
    if (strchr(program, '/') != NULL) {
        const int number = look_at(program);
        if (number == 0)
            return true;
        return number == ENOENT ? not_found(program, err) : not_started(program, number, err);
    }
    if (folder == NULL)
        folder = "/bin:/usr/bin"; /* as execvp() has it */
    for (bool more = program[0] != '\0'; more;) {
        const size_t len = strcspn(folder, ":");
        CLEANUP(str_release) struct str path = {0};
        str_append(&path, folder, len);
        str_puts(&path, len > 0 ? "/" : "./");
        str_puts(&path, program);
        if (path.failed)
            return err_nomem(err);
        const int number = look_at(str_text(&path));
        if (number == 0)
            return true;
        if (number == EACCES)
            worst = number;
        more = folder[len] != '\0';
        folder += len + 1;
    }
    return worst == ENOENT ? not_found(program, err) : not_started(program, worst, err);
}

/* In the child, up to the program; the error number goes through the pipe. */
static void become(const struct supervisor *supervisor, int report_fd)
{
    give_back_signals(supervisor->signals);
    if (supervisor->terminal || setpgid(0, 0) == 0) /* the prototype lacks the const */
        (void)execvpe(supervisor->arguments[0], (char **)(uintptr_t)supervisor->arguments,
                      (char **)(uintptr_t)supervisor->environment);
    const int number = errno;
    (void)!write(report_fd, &number, sizeof number); /* none: the parent sees 127 */
    _exit(127);
}

static void close_pipe(int (*ends)[2])
{
    for (int i = 0; i < 2; i++)
        if ((*ends)[i] >= 0)
            (void)close((*ends)[i]); /* a pipe: nothing to lose */
}

static bool start(struct supervisor *supervisor, struct err *err)
{
    CLEANUP(close_pipe) int report[2] = {-1, -1};
    const char *const program = supervisor->arguments[0];
    int number = 0;
    ssize_t got;
    if (pipe2(report, O_CLOEXEC) != 0)
        return not_started(program, errno, err);
    supervisor->pid = fork();
    if (supervisor->pid < 0)
        return not_started(program, errno, err);
    if (supervisor->pid == 0)
        become(supervisor, report[1]);
    (void)close(report[1]);
    report[1] = -1;
    do /* ends when the program is there: the pipe is closed by that */
        got = read(report[0], &number, sizeof number);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof number)
        return true;
    while (waitpid(supervisor->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return not_started(program, number, err);
}

/* ---- while it runs ---- */

/* What a terminal sends goes to the whole process group, and so does what the program sends to its
 * own: it has both. Of a hangup the kernel tells the leader of the session alone. */
static bool has_it(const struct supervisor *supervisor, const siginfo_t *info)
{
    if (!supervisor->terminal)
        return false;
    if (info->si_code == SI_KERNEL)
        return info->si_signo != SIGHUP || getsid(0) != getpid();
    return info->si_code <= 0 && info->si_pid == supervisor->pid;
}

/* The shell learns it from us that its job is stopped. The default action does nothing where
 * nobody could continue us: as process 1, or without a shell above. */
static void stop_too(void)
{
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTSTP);
    (void)signal(SIGTSTP, SIG_DFL);
    (void)raise(SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &stop, NULL);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
}

/* Takes the end of every child that has ended. True when the program is one of them. */
static bool reap(const struct supervisor *supervisor, int *ret_exit)
{
    const int stops = supervisor->terminal ? WUNTRACED : 0;
    bool over = false;
    int status = 0;
    pid_t child;
    while ((child = waitpid(-1, &status, WNOHANG | stops)) > 0) {
        if (WIFSTOPPED(status)) {
            if (child == supervisor->pid && !over)
                stop_too();
            continue;
        }
        if (child != supervisor->pid)
            continue;
        *ret_exit = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        over = true;
    }
    return over;
}

static void supervise(const struct supervisor *supervisor, int *ret_exit)
{
    while (!reap(supervisor, ret_exit)) {
        siginfo_t info;
        if (sigwaitinfo(&supervisor->held, &info) < 0 || info.si_signo == SIGCHLD)
            continue;
        if (!has_it(supervisor, &info))
            (void)kill(supervisor->pid, info.si_signo); /* it may have ended just now */
    }
}

static bool has_terminal(void)
{
    const int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd); /* only asked whether it is there */
    return fd >= 0;
}

bool supervisor_run(const char *const *arguments, const char *const *environment,
                    const struct supervisor_signals *signals, int cancel_fd, int *ret_exit,
                    struct err *err)
{
    struct supervisor supervisor = {.arguments = arguments,
                                    .environment = environment,
                                    .signals = signals,
                                    .terminal = has_terminal()};
    struct pollfd cancel = {.fd = cancel_fd, .events = POLLIN};
    hold_signals(&supervisor);
    if (poll(&cancel, 1, 0) > 0)
        return err_set(err, ERR_SIGNAL, "stopped on request");
    if (!start(&supervisor, err))
        return false;
    supervise(&supervisor, ret_exit);
    return true;
}
