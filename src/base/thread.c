/* Starting a thread with all signals blocked. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>

bool thread_start(pthread_t *ret, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail */
    errno = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (errno != 0)
        return false;
    const int failure = pthread_create(ret, NULL, run, context);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* succeeded just now */
    errno = failure;
    return failure == 0;
}
