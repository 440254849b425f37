/*
 * A squash in a deploy: it runs where nothing of what it replaces is applied, is recorded without
 * running where all of it is, and is refused where a part is. Either way the journal then holds a
 * row for each replaced migration and one for the squash, committed together.
 */
#ifndef PAWL_DEPLOY_SQUASH_H
#define PAWL_DEPLOY_SQUASH_H

#include "deploy/plan.h"
#include "deploy/run.h"

/* Adds a finding "squash-split" for each squash of which only a part is applied. */
bool squash_check(struct arena *arena, const struct comparison *comparison,
                  struct findings *findings, struct err *err) MUST_CHECK;

/* Completes the item of a squash; leaves any other alone. */
bool squash_item(struct arena *arena, const struct comparison *comparison,
                 const struct match *match, struct plan_item *item, struct err *err) MUST_CHECK;

/* Adds the new names of replaced migrations to the renames that the plan records. */
bool squash_list_renames(struct arena *arena, struct plan *plan, struct err *err) MUST_CHECK;

/* The rows that go before the squash's own: of what it replaces and is not in the journal yet. */
size_t squash_row_count(const struct plan_item *item);
bool squash_rows(const struct run *run, const struct plan_item *item, struct entry *rows,
                 struct err *err) MUST_CHECK;

/* What those rows add to the applied set. False when memory is out. */
bool squash_add_digests(struct arena *arena, const struct plan_item *item,
                        struct digest_set *digests) MUST_CHECK;

#endif
