/* The thread, and its connections. */
#include "live/heartbeat.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "ledger/actor.h"

/* The program has ended: nobody is to wait for long. */
enum { BYE_MS = 2000 };

const char *heartbeat_name(struct arena *arena)
{
    unsigned number = 0;
    const char *const host = actor_host(arena);
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = (unsigned)clock_utc_us();
    return host != NULL ? arena_printf(arena, "%s-%ld-%08x", host, (long)getpid(), number) : NULL;
}

const char *heartbeat_application(struct arena *arena, const char *release)
{
    const char *const given = getenv("PGAPPNAME");
    return given != NULL && given[0] != '\0' ? given : presence_application(arena, release);
}

/* deadline_ms of the wait counts for connecting too. */
static bool open_target(const struct heartbeat *heartbeat, struct arena *arena,
                        const struct wait *wait, struct ledger *ret, struct err *err)
{
    if (!ledger_open(arena, heartbeat->target, wait, ret, err))
        return false;
    if (ret->sqlite != NULL)
        sqlite_set_patience(ret->sqlite, heartbeat->target->connect_timeout_ms);
    return true;
}

static bool say_hello(const struct heartbeat *heartbeat, struct arena *arena,
                      const struct wait *wait, struct hello *ret, struct err *err)
{
    CLEANUP(ledger_close) struct ledger ledger = {0};
    const struct wait bounded = {.cancel_fd = wait->cancel_fd,
                                 .deadline_ms =
                                     clock_monotonic_ms() + heartbeat->target->connect_timeout_ms};
    return open_target(heartbeat, arena, &bounded, &ledger, err) &&
           presence_hello(&ledger, arena, &heartbeat->instance, ret, err);
}

bool heartbeat_once(struct heartbeat *heartbeat, struct arena *arena, const struct wait *wait,
                    struct hello *ret, struct err *err)
{
    if (!say_hello(heartbeat, arena, wait, ret, err))
        return false;
    heartbeat->registered = true;
    return true;
}

static void *beat(void *context)
{
    const struct heartbeat *const heartbeat = context;
    const struct wait wait = {.cancel_fd = heartbeat->stop[0]};
    bool told = false;
    for (;;) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(err_release) struct err err = {0};
        struct hello hello = {0};
        if (!wait_sleep(HEARTBEAT_EVERY_MS, &wait, &err))
            return NULL;
        /* Whatever is wrong, the next one may find it mended. */
        if (say_hello(heartbeat, &arena, &wait, &hello, &err) && hello.answer == HELLO_BLOCKED &&
            !told && heartbeat->on_blocked != NULL) {
            told = true;
            heartbeat->on_blocked(heartbeat->context, hello.migration);
        }
    }
}

bool heartbeat_start(struct heartbeat *heartbeat, struct err *err)
{
    if (pipe2(heartbeat->stop, O_CLOEXEC) != 0) {
        heartbeat->stop[0] = heartbeat->stop[1] = -1;
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    }
    if (thread_start(&heartbeat->thread, beat, heartbeat))
        return true;
    (void)err_errno(err, ERR_FAILED, "cannot start a thread");
    for (int i = 0; i < 2; i++) {
        (void)close(heartbeat->stop[i]); /* a pipe: nothing to lose */
        heartbeat->stop[i] = -1;
    }
    return false;
}

static void end_thread(struct heartbeat *heartbeat)
{
    (void)close(heartbeat->stop[1]); /* the other end hangs up, which ends the waits */
    heartbeat->stop[1] = -1;
    (void)pthread_join(heartbeat->thread, NULL); /* it was started and is joined once */
    (void)close(heartbeat->stop[0]);
    heartbeat->stop[0] = -1;
}

void heartbeat_end(struct heartbeat *heartbeat)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(ledger_close) struct ledger ledger = {0};
    const bool ran = heartbeat->stop[1] >= 0;
    if (ran)
        end_thread(heartbeat);
    const struct wait wait = {.cancel_fd = -1, .deadline_ms = clock_monotonic_ms() + BYE_MS};
    /* Its failure costs no more than the ttl. A thread may have registered what could not be at
     * first. */
    if ((ran || heartbeat->registered) && open_target(heartbeat, &arena, &wait, &ledger, &err))
        (void)!presence_bye(&ledger, &arena, heartbeat->instance.release,
                            heartbeat->instance.instance, &err);
}
