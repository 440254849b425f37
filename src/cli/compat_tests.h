/* A command run against a scratch database: the tests of a release, for one. */
#ifndef PAWL_CLI_COMPAT_TESTS_H
#define PAWL_CLI_COMPAT_TESTS_H

#include "check/shadow.h"
#include "cli/cli.h"

/* Runs the program to its end, with what connects it to the shadow in its environment; what it
 * prints goes to stderr. When the run is stopped it and all that it has started are ended at once.
 * Errors: ERR_REFUSED where it fails, ERR_SIGNAL, ERR_USAGE where it cannot be started. */
bool compat_tests_run(struct cli *cli, struct shadow *shadow, const char *const *arguments,
                      const struct wait *wait, struct err *err) MUST_CHECK;

#endif
