/*
 * The migrations as another branch has them, and what a checkout does to them.
 *
 * What the base has may be applied somewhere already. So nothing of it may be edited or removed,
 * and what is new must come after it.
 */
#ifndef PAWL_CHECK_BASE_H
#define PAWL_CHECK_BASE_H

#include "history/set.h"

struct base {
    const char *ref;        /* as the caller named it */
    const char *tip, *fork; /* object ids: of the ref's commit, and of where HEAD left it */
    struct set tip_set, fork_set;
    struct migration_index {
        const struct migration **items; /* sorted by id, with those whose names are odd */
        size_t count;
    } tip_index, fork_index;
};

/* Errors: see git_read_base(). What is wrong with the base's own files is not reported. */
bool base_load(struct arena *arena, const struct set_options *options, const char *ref,
               struct base *ret, struct err *err) MUST_CHECK;

/* True when the migration was there at the fork. */
bool base_knows(const struct base *base, const char *id);

/* True when it was there at the fork, or is there now. */
bool base_has(const struct base *base, const char *id);

/* The same, where one that is there now counts only with this content: another one of the name is
 * that of another branch. */
bool base_owns(const struct base *base, const struct migration *migration);

/* Adds the findings "edited-since-base", "removed-since-base", "renamed-since-base",
 * "duplicate-version" and "out-of-order"; the last is a note where out_of_order_applies. */
bool base_compare(struct arena *arena, const struct base *base, const struct set *set,
                  bool out_of_order_applies, struct findings *findings, struct err *err) MUST_CHECK;

#endif
