/* The foreign keys that migrations add, for a sample of rows that is to hold them. */
#ifndef PAWL_CHECK_ADDED_KEYS_H
#define PAWL_CHECK_ADDED_KEYS_H

#include "check/shadow.h"

/* As their statements say; what code makes (DO, functions) is not seen. Errors: a migration that is
 * no text to run (ERR_REFUSED), ERR_NOMEM, a thread that cannot be made. */
bool added_keys(struct arena *arena, const struct migration *const *migrations, size_t count,
                struct shadow_rows *rows, struct err *err) MUST_CHECK;

#endif
