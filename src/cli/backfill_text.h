/* How far backfills have come, for people and for programs: `pawl backfill`, `pawl status`. */
#ifndef PAWL_CLI_BACKFILL_TEXT_H
#define PAWL_CLI_BACKFILL_TEXT_H

#include <jansson.h>

#include "cli/output.h"
#include "ledger/checkpoint.h"

/* busy: a deploy is at work. NULL when memory is out. */
json_t *backfill_json(const struct checkpoint *checkpoint, bool busy);

/* A line each. False when memory is out. */
bool backfills_say(struct output *output, struct arena *arena, const struct checkpoints *list,
                   bool busy);

#endif
