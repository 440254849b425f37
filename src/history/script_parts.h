/* What the files of a script share; included by src/history/script*.c only. */
#ifndef PAWL_HISTORY_SCRIPT_PARTS_H
#define PAWL_HISTORY_SCRIPT_PARTS_H

#include "history/script.h"

/* What the kind of the migration asks of its statements; fills script->batch. Errors as those of
 * script_build(). */
bool script_check_kind(struct arena *arena, enum dialect dialect, const struct migration *migration,
                       struct script *script, struct err *err) MUST_CHECK;

#endif
