/* A command's connection to its target: signals, deadline, ledger. */
#ifndef PAWL_CLI_SESSION_H
#define PAWL_CLI_SESSION_H

#include "cli/cli.h"
#include "db/wait.h"
#include "ledger/ledger.h"

struct session {
    struct wait wait;
    struct ledger_options target;
    struct ledger ledger;
};

/* Connects to cli->target. Refuses a history whose dialect is not the target's when dialect_known.
 * Errors: ERR_UNREACHABLE, ERR_USAGE, ERR_SIGNAL. */
bool session_open(struct cli *cli, bool write, struct session *ret, struct err *err) MUST_CHECK;
void session_close(struct session *session);

/* The same for any target of the configuration. */
bool session_open_target(struct cli *cli, const struct target *target, const struct url *url,
                         bool write, struct session *ret, struct err *err) MUST_CHECK;

/* ERR_USAGE when migrations of this dialect are not for the target's engine. */
bool session_check_dialect(const struct cli *cli, enum engine engine, bool sqlite_dialect,
                           struct err *err) MUST_CHECK;

/* A duration from an option, or the setting's value when it was not given. */
bool session_duration(const struct cli *cli, const char *option, int64_t fallback_ms,
                      int64_t *ret_ms, struct err *err) MUST_CHECK;

/* --reason: NULL where it was not given and need not be. ERR_USAGE when it is missing, blank,
 * longer than a row is to hold, or not UTF-8. */
bool session_reason(struct cli *cli, bool required, const char **ret, struct err *err) MUST_CHECK;

/* --release, else PAWL_RELEASE, else NULL. */
const char *session_release(const struct cli *cli);

#endif
