/* What files are called from the root of their repository, where code hosts look for them. */
#ifndef PAWL_CLI_REPOSITORY_H
#define PAWL_CLI_REPOSITORY_H

#include <stdbool.h>

#include "base/arena.h"

struct repository {
    const char *root;   /* absolute; NULL: there is no repository around the current folder */
    const char *prefix; /* from the root to the current folder: "" or "services/db" */
};

/* Looks for .git in the current folder and those above it. False when memory is out. */
bool repository_find(struct arena *arena, struct repository *ret) MUST_CHECK;

/* The path without "." and "..", relative to the root where it lies below it. An absolute one
 * elsewhere stays as it is. NULL when memory is out. */
const char *repository_path(struct arena *arena, const struct repository *repository,
                            const char *path) MUST_CHECK;

#endif
