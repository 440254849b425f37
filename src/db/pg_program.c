/* Finding a program that is new enough for the server, and running it. */
#include "db/pg_program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { VERSION_MS = 10000, NEWER_MAJORS = 10 };

bool pg_program_run(const char *const *arguments, const char *const *environment,
                    const struct wait *wait, int64_t timeout_ms, struct process_result *ret,
                    struct err *err)
{
    const int64_t left_ms =
        wait->deadline_ms == 0 ? timeout_ms : wait->deadline_ms - clock_monotonic_ms();
    const struct process process = {.arguments = arguments,
                                    .environment = environment,
                                    .cancel_fd = wait->cancel_fd,
                                    .timeout_ms = left_ms < timeout_ms ? left_ms : timeout_ms};
    return process_run(&process, ret, err);
}

/* "pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)" as 15; 0 when there is no such program. */
static bool major_of(const char *program, const struct wait *wait, int *ret, struct err *err)
{
    const char *const arguments[] = {program, "--version", NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    CLEANUP(err_release) struct err absent = {0};
    *ret = 0;
    if (!pg_program_run(arguments, NULL, wait, VERSION_MS, &result, &absent)) {
        if (absent.code == ERR_USAGE)
            return true;
        *err = absent;
        absent = (struct err){0};
        return false;
    }
    (void)sscanf(str_text(&result.output), "%*s (PostgreSQL) %d", ret); /* 0 stays */
    return true;
}

bool pg_program_find(struct arena *arena, const char *name, int major, const struct wait *wait,
                     const char **ret, struct err *err)
{
    int found = 0;
    *ret = name;
    if (!major_of(name, wait, &found, err))
        return false;
    if (found >= major)
        return true;
    for (int number = major; number < major + NEWER_MAJORS; number++) {
        *ret = arena_printf(arena, "/usr/lib/postgresql/%d/bin/%s", number, name);
        if (*ret == NULL)
            return err_nomem(err);
        if (access(*ret, X_OK) == 0)
            return true;
    }
    *ret = NULL;
    return true;
}

const char *pg_program_message(struct arena *arena, const struct process_result *result)
{
    const char *const text = str_text(&result->message);
    return arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text);
}
