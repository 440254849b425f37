/* What `pawl log --attempt` shows of the file that a deploy attempt left. */
#ifndef PAWL_CLI_BLACK_BOX_REPORT_H
#define PAWL_CLI_BLACK_BOX_REPORT_H

#include "cli/cli.h"
#include "ledger/state.h"

/* Prints what the file of the attempt says, or where it was looked for; with --json adds the member
 * "black_box". A file that cannot be read is told and no error. begin: the detail of its begin row.
 */
bool black_box_report(struct cli *cli, const struct attempt *attempt, const char *begin,
                      struct err *err) MUST_CHECK;

#endif
