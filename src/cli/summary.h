/* What a review ends with: how much it looked at, how many errors and warnings it found. */
#ifndef PAWL_CLI_SUMMARY_H
#define PAWL_CLI_SUMMARY_H

#include "cli/cli.h"

/* Sets cli->summary and the JSON members "migrations", "errors" and "warnings". False, ERR_REFUSED,
 * when cli->findings has errors. noun: of one that was looked at. more: the hint's end. */
bool summary_tell(struct cli *cli, size_t count, const char *noun, const char *more,
                  struct err *err) MUST_CHECK;

#endif
