/* Man pages, from the tables of commands and settings. */
#ifndef PAWL_CLI_MAN_H
#define PAWL_CLI_MAN_H

#include "cli/cli.h"

/* pawl(1), pawl-COMMAND(1) and pawl.conf(5), to stdout. False when memory is out. */
bool man_program(struct cli *cli, struct err *err) MUST_CHECK;
bool man_command(struct cli *cli, const struct command *command, struct err *err) MUST_CHECK;
bool man_settings(struct cli *cli, struct err *err) MUST_CHECK;

#endif
