/* Who lives on a target, for programs; and what to do about sessions that nobody knows. */
#ifndef PAWL_CLI_PRESENCE_TEXT_H
#define PAWL_CLI_PRESENCE_TEXT_H

#include "cli/cli.h"
#include "ledger/presence.h"

json_t *presence_json(const struct presence *presence);
json_t *presence_instances_json(const struct presence *presence);
json_t *live_release_json(const struct live_release *live);

/* What to do about sessions of no known release. */
void live_release_say_advice(struct cli *cli, const struct live_release *live);

#endif
