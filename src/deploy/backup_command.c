/* A command line of the user's, run by sh. */
#include <string.h>

#include "base/process.h"
#include "db/pg_program.h"
#include "deploy/backup_parts.h"

/* Where PostgreSQL's programs connect, and what pawl wants of it. */
static bool make_environment(const struct backup_work *work, const struct backup_file *file,
                             const char *const **ret, struct err *err)
{
    static const char *const none[] = {NULL};
    const char *const *target = none;
    struct {
        const char **items;
        size_t count, capacity;
    } all = {0};
    if (work->ledger->pg != NULL &&
        !pg_environment(work->arena, work->target->location, &target, err))
        return false;
    const char *const own[] = {
        arena_printf(work->arena, "PAWL_BACKUP_FILE=%s", file->partial),
        arena_printf(work->arena, "PAWL_BACKUP_DIRECTORY=%s", file->folder),
        work->ledger->pg != NULL
            ? "PAWL_BACKUP_SOURCE"
            : arena_printf(work->arena, "PAWL_BACKUP_SOURCE=%s", work->target->location),
    };
    for (size_t i = 0; i < COUNT_OF(own) || *target != NULL; i++) {
        const char **const item = arena_push(work->arena, &all);
        if (item == NULL || (i < COUNT_OF(own) && own[i] == NULL))
            return err_nomem(err);
        *item = i < COUNT_OF(own) ? own[i] : *target++;
    }
    if (arena_push(work->arena, &all) == NULL) /* zeroed: the NULL at the end */
        return err_nomem(err);
    *ret = all.items;
    return true;
}

bool backup_command_run(const struct backup_work *work, const struct backup_file *file,
                        struct err *err)
{
    const char *const arguments[] = {"sh", "-c", work->options->command, NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    struct process process = {.arguments = arguments,
                              .timeout_ms = BACKUP_PROGRAM_MS,
                              .with_children = true,
                              .cancel_fd = work->wait->cancel_fd};
    if (!make_environment(work, file, &process.environment, err))
        return false;
    if (!process_run(&process, &result, err)) {
        if (err->code == ERR_USAGE)
            err->code = ERR_REFUSED;
        return false;
    }
    if (result.signal == 0 && result.exit_code == 0)
        return true;
    const char *const said = pg_program_message(work->arena, &result);
    if (said == NULL)
        return err_nomem(err);
    if (result.signal != 0)
        (void)err_set(err, ERR_REFUSED, "the backup command was ended by signal %d", result.signal);
    else
        (void)err_set(err, ERR_REFUSED, "the backup command ended with exit code %d",
                      result.exit_code);
    if (said[0] != '\0')
        err_detail(err, "it said: %s", said);
    return false;
}
