/* An attempt's process, looked at where it can be. */
#include "ledger/living.h"

#include <string.h>

#include "base/host.h"

enum { SILENT_MS = 10 * 60 * 1000 };

enum living attempt_living(const struct attempt *attempt)
{
    char host[HOST_NAME_BYTES], start[HOST_START_BYTES];
    host_name(host);
    if (attempt->host == NULL || strcmp(attempt->host, host) != 0 || attempt->pid <= 0 ||
        attempt->process_start == NULL)
        return LIVING_UNKNOWN;
    return host_process_start(attempt->pid, start) && strcmp(start, attempt->process_start) == 0
               ? LIVING_YES
               : LIVING_NO;
}

bool attempt_may_live(const struct attempt *attempt, int64_t now_us)
{
    const enum living living = attempt_living(attempt);
    if (living != LIVING_UNKNOWN)
        return living == LIVING_YES;
    return (now_us - attempt->last_us) / 1000 <= SILENT_MS;
}
