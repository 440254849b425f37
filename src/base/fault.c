/* The counters behind the fault points; test builds only, hence the one exception to "no globals".
 */
#include "base/fault.h"

#ifdef PAWL_FAULTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long points_reached;
static atomic_long allocations;

static long number_from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? strtol(value, NULL, 10) : 0;
}

static int signal_from_environment(void)
{
    const long number = number_from_environment("PAWL_FAULT_SIGNAL");
    return number != 0 ? (int)number : SIGKILL;
}

static void log_point(const char *path, const char *name)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        abort();
    if (write(fd, name, strlen(name)) < 0 || write(fd, "\n", 1) < 0)
        abort();
    (void)close(fd); /* a test log */
}

void fault_point(const char *name)
{
    const char *path = getenv("PAWL_FAULT_LOG");
    if (path != NULL)
        log_point(path, name);
    if (atomic_fetch_add(&points_reached, 1) + 1 == number_from_environment("PAWL_FAULT_KILL"))
        (void)raise(signal_from_environment()); /* a number that is none does nothing */
}

bool fault_allocation(void)
{
    return atomic_fetch_add(&allocations, 1) + 1 == number_from_environment("PAWL_FAULT_ALLOC");
}

#endif
