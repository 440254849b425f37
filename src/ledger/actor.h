/* Who acts: what a row of the journal says of the one who wrote it. */
#ifndef PAWL_LEDGER_ACTOR_H
#define PAWL_LEDGER_ACTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/macros.h"

/* Who runs this, on which machine; NULL when memory is out. */
const char *actor_user(struct arena *arena);
const char *actor_host(struct arena *arena);

/* Adds user, host and pid to a row's detail; false when memory is out. */
bool actor_describe(struct arena *arena, json_t *detail) MUST_CHECK;

#endif
