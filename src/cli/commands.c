/* The table of commands. */
#include "cli/commands.h"

#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"

const struct command *const commands[] = {
#define X(name) &command_##name,
    COMMANDS(X)
#undef X
};
const size_t command_count = COUNT_OF(commands);

const char program_about[] =
    "pawl applies a folder of SQL migrations to PostgreSQL and SQLite: each exactly once, whoever\n"
    "else is deploying, with a record inside the database. A service asks with `pawl ready`\n"
    "whether it may start. `pawl help COMMAND` shows options and examples of one command.\n"
    "\n"
    "To start: `pawl init` writes pawl.conf, `pawl new create users` makes a migration, `pawl\n"
    "check` reviews it, `pawl deploy` applies it, `pawl status` shows where the database is.\n"
    "\n"
    "Results go to stdout, everything else to stderr. With --json the result is one JSON object.";

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

const char *command_group_title(enum command_group group)
{
    static const char *const titles[GROUP_COUNT] = {
        [GROUP_WRITE] = "write migrations",
        [GROUP_CHECK] = "check them",
        [GROUP_ACT] = "change a database",
        [GROUP_LIVE] = "live with running releases",
        [GROUP_SEE] = "see",
    };
    return titles[group];
}

bool command_unknown(struct cli *cli, const char *name, struct err *err)
{
    const char *names[COUNT_OF(commands)];
    for (size_t i = 0; i < command_count; i++)
        names[i] = commands[i]->name;
    const char *printable = fs_printable(&cli->arena, name);
    (void)err_set(err, ERR_USAGE, "unknown command \"%s\"", printable != NULL ? printable : "?");
    const char *near = suggest(name, names, command_count);
    if (near != NULL)
        err_hint(err, "Did you mean `pawl %s`?", near);
    else
        err_hint(err, "`pawl help` lists the commands.");
    return false;
}
