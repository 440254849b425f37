/* SIGINT and SIGTERM as a descriptor that becomes readable: what runs notices at its next wait. */
#ifndef PAWL_CLI_STOP_H
#define PAWL_CLI_STOP_H

#include <stdbool.h>

#include "base/err.h"

/* Installs the handlers; *ret_fd stays readable for ever once a signal has come. Also as PID 1, for
 * which the kernel ignores a signal that has no handler. */
bool stop_watch(int *ret_fd, struct err *err) MUST_CHECK;

/* After stop_watch(): SIGHUP and SIGQUIT too, which some containers are stopped with; not those
 * that are ignored, as under nohup. */
bool stop_watch_more(struct err *err) MUST_CHECK;

/* The signal that came; 0: none. */
int stop_signal(void);

#endif
