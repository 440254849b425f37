/* Who lives on a target, for programs. */
#ifndef PAWL_CLI_PRESENCE_TEXT_H
#define PAWL_CLI_PRESENCE_TEXT_H

#include "cli/cli.h"
#include "ledger/presence.h"

json_t *presence_json(const struct presence *presence);
json_t *presence_instances_json(const struct presence *presence);
json_t *live_release_json(const struct live_release *live);

#endif
