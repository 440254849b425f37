/* What `pawl lint --fix` and `--diff` do with the texts of check/mend.h. */
#ifndef PAWL_CLI_MENDING_H
#define PAWL_CLI_MENDING_H

#include "check/mend.h"
#include "cli/cli.h"

/* Writes the files, and pawl.sum where it fitted before, and adds new ones to the files that were
 * named, if any were; with diff: prints what would change, and
 * writes nothing. Says of each finding what was done; cli->findings are those of the names in the
 * folder afterwards. Errors: ERR_USAGE for what cannot be written, with what stands; those of
 * reading the folder. */
bool mending_run(struct cli *cli, struct mends *mends, bool diff, struct err *err) MUST_CHECK;

#endif
