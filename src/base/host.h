/* What names this machine and the processes on it. */
#ifndef PAWL_BASE_HOST_H
#define PAWL_BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

enum { HOST_NAME_BYTES = 256, HOST_START_BYTES = 24 };

/* The machine's name, "" when it has none. */
void host_name(char ret[HOST_NAME_BYTES]);

/* When the process started, in clock ticks since the machine did: with the pid it names a process
 * for ever (proc(5), /proc/pid/stat field 22). False when there is no such process, or no /proc. */
bool host_process_start(int64_t pid, char ret[HOST_START_BYTES]) MUST_CHECK;

#endif
