/* SQLite rows that refer to nothing, before a migration and after it. */
#ifndef PAWL_DEPLOY_ORPHAN_H
#define PAWL_DEPLOY_ORPHAN_H

#include "db/sqlite.h"

struct orphan {
    const char *key; /* what makes it the same orphan before and after */
    const char *table, *rowid, *parent;
};

struct orphans {
    struct orphan *items; /* sorted by key */
    size_t count;
};

/* renumbered: the migration may give rows new numbers, as the rebuild of a table does; then only
 * their number in each table tells old orphans from new ones. */
bool orphans_read(struct sqlite *sqlite, struct arena *arena, bool renumbered, struct orphans *ret,
                  struct err *err) MUST_CHECK;

/* False with ERR_FAILED, which names one row, when after has orphans that before has not. */
bool orphans_compare(const struct orphans *before, const struct orphans *after,
                     struct err *err) MUST_CHECK;

#endif
