/* A pipe that a signal handler writes to. */
#include "cli/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* A signal handler has no argument to carry these: the one exception to "no globals" here. */
static volatile sig_atomic_t signal_seen;
static int read_end = -1, write_end = -1;

static void on_signal(int number)
{
    const int saved = errno;
    if (signal_seen == 0)
        signal_seen = number;
    /* A full pipe is readable already. */
    if (write(write_end, "", 1) < 0)
        errno = saved;
    errno = saved;
}

bool stop_watch(int *ret_fd, struct err *err)
{
    int ends[2];
    struct sigaction action = {.sa_handler = on_signal};
    *ret_fd = read_end;
    if (read_end >= 0)
        return true;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    write_end = ends[1];
    *ret_fd = read_end = ends[0];
    if (sigemptyset(&action.sa_mask) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0)
        return err_errno(err, ERR_FAILED, "cannot watch for signals");
    return true;
}

bool stop_watch_more(struct err *err)
{
    static const int numbers[] = {SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal}, old;
    if (sigemptyset(&action.sa_mask) != 0)
        return err_errno(err, ERR_FAILED, "cannot watch for signals");
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (sigaction(numbers[i], NULL, &old) != 0 ||
            (old.sa_handler != SIG_IGN && sigaction(numbers[i], &action, NULL) != 0))
            return err_errno(err, ERR_FAILED, "cannot watch for signals");
    return true;
}

int stop_signal(void)
{
    return signal_seen;
}
