/*
 * A folder for the time of one run, below TMPDIR or /tmp. Its name says whose it is
 * (check/owner.h): what a killed run leaves is removed by the next one on the same machine.
 */
#ifndef PAWL_CHECK_SCRATCH_FOLDER_H
#define PAWL_CHECK_SCRATCH_FOLDER_H

#include <pwd.h>

#include "base/arena.h"
#include "base/err.h"

/* Removes leftovers of this user and of `user`, then makes one that belongs to `user`; NULL: this
 * process's own. Nobody else may look into it. Errors: ERR_USAGE. */
bool scratch_folder_make(struct arena *arena, const struct passwd *user, const char **ret,
                         struct err *err) MUST_CHECK;

/* Gives it a name under which it stays. */
bool scratch_folder_leave(struct arena *arena, const char *folder, const char **ret,
                          struct err *err) MUST_CHECK;

/* Removes it; what cannot be removed is swept by a later run. */
void scratch_folder_remove(const char *folder);

#endif
