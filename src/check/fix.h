/*
 * Mending what a check finds, where there is one safe way to: what `pawl check --fix` does.
 *
 * Which rules are mended, and how, stands in the table of rules. A file that the base has is never
 * touched. Without a base nobody knows which files are new; then nothing is done that changes a
 * checksum or an order.
 */
#ifndef PAWL_CHECK_FIX_H
#define PAWL_CHECK_FIX_H

#include "check/check.h"

struct fix {
    const char *rule; /* static */
    const char *file; /* a path, byte for byte */
    int line;         /* from 1; 0: the file as a whole */
    int new_line;     /* where the line stands now */
    /* The line, or the path, before and after. Both NULL: the file was written anew; the old one
     * alone: the line is new. */
    const char *old, *new;
    const char *left; /* why it was left as it is; NULL: it was mended */
};

struct fixes {
    struct fix *items;
    size_t count, capacity;
};

/*
 * Checks and mends until nothing is left that can be mended. dry_run: only finds out what a first
 * pass would do. *ret_done is what was done, also on failure; *ret_left what could have been mended
 * but for a reason that is given there.
 *
 * Each file is written as a whole or not at all. Errors: those of set_load() and check_run(), and
 * ERR_USAGE for what cannot be written or renamed; err's state says what stands.
 */
bool fix_run(struct arena *arena, const struct check_options *options, bool dry_run,
             struct fixes *ret_done, struct fixes *ret_left, struct err *err) MUST_CHECK;

#endif
