/* PostgreSQL's own programs on this machine: pg_dump and its kin. */
#ifndef PAWL_DB_PG_PROGRAM_H
#define PAWL_DB_PG_PROGRAM_H

#include "base/arena.h"
#include "base/process.h"
#include "db/wait.h"

/* The one in PATH, else the oldest of Debian's, that is of at least this major version: an older
 * one refuses the server. *ret is NULL when there is none. */
bool pg_program_find(struct arena *arena, const char *name, int major, const struct wait *wait,
                     const char **ret, struct err *err) MUST_CHECK;

/* process_run() that obeys the wait, for at most timeout_ms. */
bool pg_program_run(const char *const *arguments, const char *const *environment,
                    const struct wait *wait, int64_t timeout_ms, struct process_result *ret,
                    struct err *err) MUST_CHECK;

/* The first line of what it said on stderr; NULL when memory is out. */
const char *pg_program_message(struct arena *arena, const struct process_result *result) MUST_CHECK;

#endif
