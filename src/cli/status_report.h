/* What `pawl status` prints of one target, for people and as JSON. */
#ifndef PAWL_CLI_STATUS_REPORT_H
#define PAWL_CLI_STATUS_REPORT_H

#include "cli/cli.h"
#include "conf/config.h"
#include "conf/url.h"
#include "ledger/checkpoint.h"
#include "ledger/look.h"
#include "ledger/presence.h"
#include "live/activity.h"

/* What was read of a target. */
struct status {
    struct look look; /* compared with the set */
    struct activity activity;
    struct checkpoints backfills;
    struct presence presence; /* empty where the role may not see it */
};

/* Prints it, and appends it to targets, an array. Errors: ERR_NOMEM, ERR_CHAIN for a row that is
 * none of pawl's. */
bool status_report(struct cli *cli, const struct target *target, const struct url *url,
                   const struct status *status, const struct set *set, json_t *targets,
                   struct err *err) MUST_CHECK;

#endif
