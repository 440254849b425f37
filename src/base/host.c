/* The machine's name, and processes as /proc shows them. */
#include "base/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void host_name(char ret[HOST_NAME_BYTES])
{
    if (gethostname(ret, HOST_NAME_BYTES) != 0)
        ret[0] = '\0';
    ret[HOST_NAME_BYTES - 1] = '\0';
}

bool host_process_start(int64_t pid, char ret[HOST_START_BYTES])
{
    char path[64], stat[1024];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const size_t len = fread(stat, 1, sizeof stat - 1, file);
    (void)fclose(file); /* only read */
    stat[len] = '\0';
    /* The command's name is in parentheses and may hold anything; fields count from the last one.
     */
    char *field = strrchr(stat, ')');
    for (int skip = 0; field != NULL && skip < 20; skip++)
        field = strchr(field + 1, ' ');
    if (field == NULL)
        return false;
    const size_t digits = strspn(field + 1, "0123456789");
    if (digits == 0 || digits >= HOST_START_BYTES)
        return false;
    memcpy(ret, field + 1, digits);
    ret[digits] = '\0';
    return true;
}
