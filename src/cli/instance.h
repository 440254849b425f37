/*
 * The instance that `pawl run` starts, where a release is named: what the release carries is
 * recorded, the instance registered, and the sessions of the program get a name that says of which
 * release they are.
 */
#ifndef PAWL_CLI_INSTANCE_H
#define PAWL_CLI_INSTANCE_H

#include "cli/cli.h"
#include "live/heartbeat.h"

/* --override blocked: code is started that a contract migration has passed by. */
struct instance_override {
    const char *reason; /* NULL: nothing is to be gone over */
    const char *passed; /* the contract migration that is; NULL: none was found */
};

/* Used in place: it must not move. */
struct instance {
    struct ledger_options target;
    struct heartbeat heartbeat;
};

/* Who it is; nothing is written yet. */
bool instance_open(struct cli *cli, struct instance *ret, struct err *err) MUST_CHECK;

/* Records the set at hand as the release's, where this role may and there are files of one. A
 * ledger that cannot take it is told and does not keep a service down; a release that is another
 * set is ERR_REFUSED. */
bool instance_record(struct cli *cli, const struct instance *instance, struct err *err) MUST_CHECK;

/* Before its program is there. *ret_start false: the outcome is told and the program must not
 * start. Fills override->passed. */
bool instance_register(struct cli *cli, struct instance *instance, int64_t give_up_ms,
                       struct instance_override *override, bool *ret_start,
                       struct err *err) MUST_CHECK;

/* Journals what is gone over; ERR_REFUSED where this role may not write. */
bool instance_journal_override(struct cli *cli, const struct instance *instance,
                               const struct instance_override *override,
                               struct err *err) MUST_CHECK;

/* What the program gets: ours, and PGAPPNAME where nobody has given one. */
bool instance_environment(struct cli *cli, const struct instance *instance, const char *const **ret,
                          struct err *err) MUST_CHECK;

/* Signs it off. */
void instance_close(struct instance *instance);

#endif
