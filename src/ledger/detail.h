/* The journal's detail column: a small JSON object, built and read member by member. */
#ifndef PAWL_LEDGER_DETAIL_H
#define PAWL_LEDGER_DETAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"

/* *ret is the object, or NULL for a text that is none; the caller releases it. False when memory is
 * out. */
bool detail_load(const char *detail, json_t **ret) MUST_CHECK;

/* One member of the object in the text; the fallback when the text is no object, or has no such
 * member of that type. The string is a copy in the arena. */
int64_t detail_number(const char *detail, const char *name, int64_t fallback);
const char *detail_string(struct arena *arena, const char *detail, const char *name);
bool detail_flag(const char *detail, const char *name);

/* The compact text of the object, in the arena; NULL when memory is out. Takes no ownership. */
const char *detail_text(struct arena *arena, const json_t *object) MUST_CHECK;

#endif
