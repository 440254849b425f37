/* Running somebody's tests beside this process. */
#include "cli/compat_tests.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/companion.h"
#include "base/fs.h"

enum { LOOK_MS = 10, GRACE_MS = 300 };

static bool is_replaced(const char *variable, const char *const *ours)
{
    const size_t len = strcspn(variable, "=");
    for (size_t i = 0; ours[i] != NULL; i++)
        if (strncmp(ours[i], variable, len) == 0 && ours[i][len] == '=')
            return true;
    return false;
}

/* What this process was given, with those in place of what has their names. */
static const char *const *environment_with(struct arena *arena, const char *const *ours)
{
    size_t given = 0, added = 0, count = 0;
    while (environ[given] != NULL)
        given++;
    while (ours[added] != NULL)
        added++;
    const char **const all = arena_alloc(arena, (given + added + 1) * sizeof *all);
    for (size_t i = 0; all != NULL && i < given; i++)
        if (!is_replaced(environ[i], ours))
            all[count++] = environ[i];
    for (size_t i = 0; all != NULL && i < added; i++)
        all[count++] = ours[i];
    return all;
}

static bool tell_end(struct cli *cli, const struct companion *companion, const char *program,
                     struct err *err)
{
    const int status = companion->status;
    const char *const name = fs_printable(&cli->arena, program);
    const bool signalled = WIFSIGNALED(status);
    const int number = signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    cli_result(
        cli, "tests",
        json_pack("{sb si}", "passed", number == 0, signalled ? "signal" : "exit_code", number));
    if (number == 0) {
        cli->summary = "the tests pass with the pending migrations";
        return true;
    }
    (void)err_set(err, ERR_REFUSED, "\"%s\" failed with the pending migrations: %s %d",
                  name != NULL ? name : "?", signalled ? "signal" : "exit code", number);
    err_state(err, "Nothing was changed in the target.");
    err_hint(err, "`pawl compat` names the statements that the pending migrations break.");
    return false;
}

bool compat_tests_run(struct cli *cli, struct shadow *shadow, const char *const *arguments,
                      const struct wait *wait, struct err *err)
{
    struct companion companion = {0};
    const char *const *ours;
    bool ok;
    if (!shadow_environment(shadow, &ours, err))
        return false;
    const struct companion_options options = {.arguments = arguments,
                                              .folder = ".",
                                              .environment = environment_with(&cli->arena, ours),
                                              .end_signal = SIGKILL};
    if (options.environment == NULL)
        return err_nomem(err);
    if (!output_flush(err) || !companion_start(&options, &companion, err))
        return false;
    while (!companion_ended(&companion, &ok))
        if (!wait_sleep(LOOK_MS, wait, err)) {
            companion_end_group(&companion, SIGTERM, GRACE_MS);
            return false;
        }
    return tell_end(cli, &companion, arguments[0], err);
}
