/* What a deploy would do to the target, for commands that show or try it. */
#ifndef PAWL_CLI_PENDING_H
#define PAWL_CLI_PENDING_H

#include "cli/session.h"
#include "cli/workspace.h"
#include "deploy/deploy.h"

/* The row of a command's options: --phase, as of a deploy. */
#define PENDING_PHASE_OPTION                                                                       \
    {                                                                                              \
        .name = "phase", .argument = "PHASE",                                                      \
        .text = "expand leaves contract migrations out, as a deploy that holds them",              \
        .choices = "expand|all"                                                                    \
    }

/* Reads it. Errors: ERR_USAGE. */
bool pending_phase(const struct cli *cli, bool *ret_expand_only, struct err *err) MUST_CHECK;

/* Connects, and plans as a deploy does, up to the migration of --to and of --phase. Nothing is
 * changed, and a standby will do: that is told. Errors: those of session_open() and of
 * deploy_look(). */
bool pending_read(struct cli *cli, struct workspace *workspace, struct session *session,
                  struct deploy_result *ret, struct err *err) MUST_CHECK;

/* What would be run, and what is applied, in order. NULL when memory is out. */
const struct migration **pending_to_run(struct cli *cli, const struct plan *plan,
                                        size_t *ret_count) MUST_CHECK;
const struct migration **pending_applied(struct cli *cli, const struct plan *plan,
                                         size_t *ret_count) MUST_CHECK;

/* The unit at which each of pending_to_run() starts: what stands already is not run again. NULL
 * when memory is out. */
const int64_t *pending_first_units(struct cli *cli, const struct plan *plan) MUST_CHECK;

#endif
