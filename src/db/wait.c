/* poll() with a deadline and a cancel descriptor. */
#include "db/wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>

#include "base/clock.h"

enum poll_outcome { POLL_READY, POLL_CANCELLED, POLL_TIMEOUT, POLL_FAILED };

/* until_ms 0: no limit of this call's own, beside the wait's deadline. */
static enum poll_outcome poll_once(int fd, short events, const struct wait *wait, int64_t until_ms,
                                   short *ret_events)
{
    int64_t deadline_ms = wait->deadline_ms;
    if (until_ms != 0 && (deadline_ms == 0 || until_ms < deadline_ms))
        deadline_ms = until_ms;
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = events},
                                {.fd = wait->cancel_fd, .events = POLLIN}};
        int timeout = -1;
        if (deadline_ms != 0) {
            const int64_t left_ms = deadline_ms - clock_monotonic_ms();
            timeout = left_ms < 0 ? 0 : left_ms > 3600000 ? 3600000 : (int)left_ms;
        }
        const int ready = poll(fds, 2, timeout);
        if (ready < 0 && errno != EINTR)
            return POLL_FAILED;
        if (ready > 0 && fds[1].revents != 0)
            return POLL_CANCELLED;
        if (ready > 0 && fds[0].revents != 0) {
            *ret_events = fds[0].revents;
            return POLL_READY;
        }
        if (deadline_ms != 0 && clock_monotonic_ms() >= deadline_ms)
            return POLL_TIMEOUT;
    }
}

static bool cancelled(struct err *err)
{
    return err_set(err, ERR_SIGNAL, "stopped on request");
}

bool wait_fd(int fd, short events, const struct wait *wait, short *ret_events, struct err *err)
{
    switch (poll_once(fd, events, wait, 0, ret_events)) {
    case POLL_READY:
        return true;
    case POLL_CANCELLED:
        return cancelled(err);
    case POLL_TIMEOUT:
        return err_set(err, ERR_BUSY, "no answer within the time limit");
    case POLL_FAILED:
        break;
    }
    return err_errno(err, ERR_FAILED, "cannot wait for a connection");
}

bool wait_sleep(int64_t ms, const struct wait *wait, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + ms;
    short events = 0;
    switch (poll_once(-1, 0, wait, until_ms, &events)) {
    case POLL_CANCELLED:
        return cancelled(err);
    case POLL_FAILED:
        return err_errno(err, ERR_FAILED, "cannot sleep");
    case POLL_READY:
    case POLL_TIMEOUT:
        break;
    }
    if (wait->deadline_ms != 0 && wait->deadline_ms < until_ms)
        return err_set(err, ERR_BUSY, "the time limit has passed");
    return true;
}

bool wait_cancelled(const struct wait *wait)
{
    struct pollfd fd = {.fd = wait->cancel_fd, .events = POLLIN};
    return wait->cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

int64_t wait_jitter_ms(int64_t base_ms)
{
    uint32_t random = 0;
    /* Cannot fail for so few bytes once the system has booted; a zero would only mean no jitter. */
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return base_ms + (int64_t)(random % (uint32_t)(base_ms > 0 ? base_ms : 1));
}
