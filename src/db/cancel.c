/* PQcancel() blocks for as long as the network does, so a thread of its own calls it. */
#include "db/cancel.h"

#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

struct request {
    const struct libpq *libpq;
    PGcancel *cancel;
};

static void release(struct request *request)
{
    request->libpq->PQfreeCancel(request->cancel); /* NULL is fine */
    free(request);
}

static void *send_request(void *context)
{
    struct request *const request = context;
    char message[256];
    /* Failing is no news: the wait for the statement's end tells. */
    (void)request->libpq->PQcancel(request->cancel, message, sizeof message);
    release(request);
    return NULL;
}

static struct timespec wall_clock_in(int64_t ms)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_REALTIME, &time); /* cannot fail for this clock */
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

bool cancel_send(const struct libpq *libpq, PGconn *conn, int64_t until_ms)
{
    pthread_t thread;
    struct request *const request = mem_alloc(sizeof *request);
    if (request == NULL)
        return false;
    *request = (struct request){libpq, libpq->PQgetCancel(conn)};
    if (request->cancel == NULL || !thread_start(&thread, send_request, request)) {
        release(request);
        return false;
    }
    const int64_t left_ms = until_ms - clock_monotonic_ms();
    const struct timespec limit = wall_clock_in(left_ms > 0 ? left_ms : 0);
    if (pthread_timedjoin_np(thread, NULL, &limit) == 0)
        return true;
    (void)pthread_detach(thread); /* it frees what it holds */
    return false;
}
