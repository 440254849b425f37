/* Every command: one row each, in the order of the help page. */
#ifndef PAWL_CLI_COMMANDS_H
#define PAWL_CLI_COMMANDS_H

#include "cli/cli.h"

#define COMMANDS(X)                                                                                \
    X(init)                                                                                        \
    X(new)                                                                                         \
    X(renumber)                                                                                    \
    X(sum)                                                                                         \
    X(check)                                                                                       \
    X(lint)                                                                                        \
    X(plan)                                                                                        \
    X(probe)                                                                                       \
    X(rehearse)                                                                                    \
    X(capture)                                                                                     \
    X(compat)                                                                                      \
    X(preflight)                                                                                   \
    X(explain)                                                                                     \
    X(deploy)                                                                                      \
    X(backup)                                                                                      \
    X(backfill)                                                                                    \
    X(adopt)                                                                                       \
    X(repair)                                                                                      \
    X(ready)                                                                                       \
    X(run)                                                                                         \
    X(release)                                                                                     \
    X(reserve)                                                                                     \
    X(maintenance)                                                                                 \
    X(status)                                                                                      \
    X(blockers)                                                                                    \
    X(log)                                                                                         \
    X(config)                                                                                      \
    X(completion)                                                                                  \
    X(help)

#define X(name) extern const struct command command_##name;
COMMANDS(X)
#undef X

#define PROGRAM_SUMMARY "takes a database from one schema to the next without an outage"

/* What the program is, as struct command's about. */
extern const char program_about[];

extern const struct command *const commands[];
extern const size_t command_count;

/* NULL when there is no such command. */
const struct command *command_find(const char *name);

/* The title of a group on the help page. */
const char *command_group_title(enum command_group group);

/* ERR_USAGE for a name that is no command, with the nearest one. */
bool command_unknown(struct cli *cli, const char *name, struct err *err);

#endif
