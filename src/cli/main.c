/* The program's entry. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"

/* A descriptor 0, 1 or 2 that is closed would be given to the first file that is opened, and text
 * for people would end up in it. A closed stdout stays unwritable, so that it is noticed. */
static bool keep_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", (fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
            return false;
    return true;
}

/* The heap grows in large steps and is given back at the end only: a ledger of 10,000 rows else
 * costs 1,500 system calls for it. Without it pawl is slower, no more. */
static void grow_in_large_steps(void)
{
    enum { STEP_BYTES = 4 << 20, NEVER_BYTES = 1 << 30 };
    (void)mallopt(M_TOP_PAD, STEP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, NEVER_BYTES);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct err err = {0};
    if (!keep_standard_files())
        return 1;
    /* A reader that goes away is an error of writing, with an exit code and a message. What pawl
     * starts must have it set back. */
    const sighandler_t on_pipe = signal(SIGPIPE, SIG_IGN);
    if (on_pipe == SIG_ERR)
        return 1;
    cli.sigpipe_ignored = on_pipe == SIG_IGN;
    grow_in_large_steps();
    json_set_alloc_funcs(mem_alloc, free);
    const bool ok = cli_parse(&cli, argc, argv, &err) && cli_run(&cli, &err);
    const int exit_code = cli.handed_over ? cli.program_exit : cli_finish(&cli, ok, &err);
    err_release(&err);
    cli_release(&cli);
    return exit_code;
}
